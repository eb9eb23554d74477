/** State over time: a fold over one channel's events for one observer. */
import { type Channel, type Delivery, type EventDelivery, formatCursor, TriwireError } from '@triwire/protocol'
import { Cell } from './cell.ts'
import type { ChannelStore } from './channel-store.ts'
import type { ChannelObserver, ChannelState, EventMeta, ObserveOptions } from './channel-types.ts'
import { Follower } from './follower.ts'
import { joiningState } from './idle.ts'
import { attempt } from './report.ts'

type AnyOptions = ObserveOptions<Channel, unknown, string>
/** Functions of the app by the name of an event; of any shape, as the contract is not known here. */
type Functions = Readonly<Record<string, (...values: unknown[]) => unknown>>

/** Events looked back over for the newest one of a kind. */
const LATEST_TAIL = 10

/** Makes an observer. It has no effect until it is subscribed to. */
export function createChannelObserver(
  store: ChannelStore,
  initialOptions: AnyOptions,
): ChannelObserver<unknown, AnyOptions> {
  let options = initialOptions
  const { initial, latest, tail = latest === undefined ? 0 : LATEST_TAIL } = options
  const snapshot = typeof initial === 'function'
  let data: unknown

  const handle = (delivery: Delivery): void => {
    switch (delivery.type) {
      case 'start':
        data = latest === undefined ? initial : undefined
        break
      case 'snapshot':
        attempt(() => {
          // Shown until it succeeds: a state that cannot begin must not look like one that is about to.
          follower.error = new TriwireError('initial_failed', '`initial` threw; its error was reported.')
          data = (initial as (snapshot: unknown) => unknown)(delivery.data)
          follower.error = undefined
          follower.begin(delivery.at)
        })
        break
      case 'event': {
        const meta = metaOf(delivery)
        const reducers =
          latest === undefined ? options.reduce : { [latest]: (_: unknown, newest: unknown) => newest }
        callOwn(reducers, delivery.event, [data, delivery.data, meta], (state) => {
          data = state
        })
        if (isNews(delivery)) tell(delivery.event, delivery.data, meta)
        break
      }
      case 'signal':
        tell(delivery.event, delivery.data, { from: delivery.member })
        break
      case 'gap': {
        const { from, to, reason } = delivery
        tell('$gap', { from, to, reason })
      }
    }
  }

  const tell = (name: string, ...values: unknown[]): void => {
    if (cell.watched) callOwn(options.on, name, values)
  }

  const compute = (): ChannelState<unknown> => {
    const error = follower.error ?? store.error
    const current = store.current && !follower.awaitsSnapshot
    const status = error ? statusOf(error) : !follower.position ? 'joining' : current ? 'live' : 'stale'
    return { status, data, error, pending: store.pending } as ChannelState<unknown>
  }

  const follower = new Follower({ tail: snapshot ? 0 : tail, snapshot }, handle, () => cell.invalidate())
  const cell: Cell<ChannelState<unknown>> = new Cell<ChannelState<unknown>>(joiningState, compute, {
    start() {
      store.follow(follower)
      data = follower.position && latest === undefined ? initial : undefined
    },
    stop: () => store.unfollow(follower),
  })

  return {
    subscribe: cell.subscribe,
    getSnapshot: cell.getSnapshot,
    setOptions(next) {
      options = next
    },
  }
}

/** Calls the function of this name, where the app has given one: not `constructor`, which every object has. */
function callOwn(
  functions: unknown,
  name: string,
  values: readonly unknown[],
  take: (result: unknown) => void = () => {},
): void {
  if (functions && Object.hasOwn(functions, name)) {
    const call = (functions as Functions)[name]
    if (call) attempt(() => take(call(...values)))
  }
}

/** Whether an event happened while it was followed, rather than before. */
export function isNews({ kind }: EventDelivery): boolean {
  return kind === 'live' || kind === 'replayed'
}

/** What handlers and reducers get beside an event's data. */
export function metaOf({ cursor, kind, overlap, cause, own }: EventDelivery): EventMeta {
  return { cursor: formatCursor(cursor), replayed: kind === 'replayed', overlap, cause, own }
}

function statusOf({ code }: TriwireError): 'denied' | 'ended' | 'error' {
  if (code === 'forbidden' || code === 'unauthorized') return 'denied'
  return code === 'ended' ? 'ended' : 'error'
}
