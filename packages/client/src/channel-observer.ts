/**
 * State over time: a fold over one channel's events for one observer. Each observer keeps its own position, so several
 * of them can start at different places of one shared subscription and none sees an event twice.
 */
import { type Channel, type EventDelivery, formatCursor, TriwireError } from '@triwire/protocol'
import { Cell } from './cell.ts'
import type { ChannelStore, Follower } from './channel-store.ts'
import type { ChannelObserver, ChannelState, EventMeta, ObserveOptions, SignalMeta } from './channel-types.ts'
import { joiningState } from './idle.ts'
import { report } from './report.ts'

type AnyOptions = ObserveOptions<Channel, unknown, string>
type Reducers = Readonly<Record<string, ((state: unknown, data: unknown, meta: EventMeta) => unknown) | undefined>>
type Handlers = Readonly<Record<string, ((data: unknown, meta?: unknown) => void) | undefined>>

/** Events looked back over for the newest one of a kind. */
const LATEST_TAIL = 10

/** Makes an observer. It has no effect until it is subscribed to. */
export function createChannelObserver(
  store: ChannelStore,
  initialOptions: AnyOptions,
): ChannelObserver<unknown, AnyOptions> {
  let options = initialOptions
  const { initial, latest } = options
  const wantsSnapshot = typeof initial === 'function'
  const tail = options.tail ?? (latest === undefined ? 0 : LATEST_TAIL)
  let data: unknown
  let position: { readonly epoch: string; readonly offset: number } | undefined
  /** The join that begins this observer's state; undefined once begun. */
  let awaitedJoin: number | undefined
  let awaitsSnapshot = false
  let hasData = false
  let failure: TriwireError | undefined

  const begin = (state: unknown, at: { readonly epoch: string; readonly offset: number }): void => {
    data = state
    position = at
    hasData = true
    awaitedJoin = undefined
    awaitsSnapshot = false
  }

  const follower: Follower = {
    want: { tail: wantsSnapshot ? 0 : tail, snapshot: wantsSnapshot },
    handleStart(at, who, number) {
      const mine = awaitedJoin !== undefined && number >= awaitedJoin
      if (who === 'newcomers' && !mine) return
      // With a snapshot on its way, what was shown before stays until it is there.
      if (wantsSnapshot) awaitsSnapshot = true
      // Without one, the state goes on behind the gap, which the app has been told of.
      else if (who === 'gap' && hasData) position = at
      else begin(latest === undefined ? initial : undefined, at)
    },
    handleSnapshot(snapshot, at) {
      if (!awaitsSnapshot || typeof initial !== 'function') return
      try {
        begin((initial as (snapshot: unknown) => unknown)(snapshot), at)
      } catch (error) {
        report(error)
      }
    },
    handleEvent(event) {
      if (position === undefined || awaitsSnapshot) return
      if (event.cursor.epoch === position.epoch && event.cursor.offset <= position.offset) return
      position = event.cursor
      const meta = metaOf(event)
      fold(event, meta)
      if (event.kind === 'live' || event.kind === 'replayed') call(event.event, event.data, meta)
    },
    handleSignal: (signal, value, meta: SignalMeta) => call(signal, value, meta),
    handleGap: (gap, everybody) => {
      if (everybody) call('$gap', gap)
    },
    handleChange: () => cell.invalidate(),
  }

  const fold = (event: EventDelivery, meta: EventMeta): void => {
    if (latest !== undefined) {
      if (event.event === latest) data = event.data
      return
    }
    const reducers = options.reduce as Reducers | undefined
    const reducer =
      reducers !== undefined && Object.hasOwn(reducers, event.event) ? reducers[event.event] : undefined
    try {
      if (reducer !== undefined) data = reducer(data, event.data, meta)
    } catch (error) {
      report(error)
    }
  }

  const call = (name: string, value: unknown, meta?: unknown): void => {
    const handlers = options.on as Handlers | undefined
    if (!cell.watched) return
    try {
      if (handlers !== undefined && Object.hasOwn(handlers, name)) handlers[name]?.(value, meta)
    } catch (error) {
      report(error)
    }
  }

  const start = (): void => {
    hasData = false
    position = undefined
    failure = undefined
    try {
      awaitedJoin = store.follow(follower)
    } catch (error) {
      failure = error instanceof TriwireError ? error : new TriwireError('bad_channel', String(error))
    }
    // Whoever wants no starting state has nothing to wait for in a channel that is joined already.
    const at = wantsSnapshot || tail > 0 ? undefined : store.position
    if (at !== undefined) begin(latest === undefined ? initial : undefined, at)
    cell.invalidate()
  }

  const compute = (): ChannelState<unknown> => {
    const { pending, standing } = store
    const before = cell.getSnapshot()
    const error = failure ?? (standing.name === 'ended' ? standing.error : undefined)
    let state: ChannelState<unknown>
    if (error !== undefined) state = { status: statusOf(error), data, error, pending }
    else if (!hasData) state = { status: 'joining', data: undefined, error: undefined, pending }
    else {
      const status = standing.name === 'live' && !awaitsSnapshot ? 'live' : 'stale'
      state = { status, data, error: undefined, pending }
    }
    const same =
      before.status === state.status &&
      Object.is(before.data, state.data) &&
      before.error === state.error &&
      before.pending === pending
    return same ? before : state
  }

  const cell: Cell<ChannelState<unknown>> = new Cell<ChannelState<unknown>>(joiningState, compute, {
    start,
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

/** What handlers and reducers get beside an event's data. */
export function metaOf(event: EventDelivery): EventMeta {
  const { cursor, kind, overlap, cause, own } = event
  return { cursor: formatCursor(cursor), replayed: kind === 'replayed', overlap, cause, own }
}

function statusOf(error: TriwireError): 'denied' | 'ended' | 'error' {
  if (error.code === 'forbidden' || error.code === 'unauthorized') return 'denied'
  return error.code === 'ended' ? 'ended' : 'error'
}
