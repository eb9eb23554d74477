/**
 * State over time: one channel's events folded into one state, for an observer of its own or for a view that many share.
 * It follows the channel, calls reducers and handlers, and knows whether its state is there and up to date. Who is told
 * of it, and when, is the business of whoever made it.
 */
import {
  type Channel,
  type Delivery,
  type EventDelivery,
  formatCursor,
  parseCursor,
  TriwireError,
} from '@triwire/protocol'
import type { ChannelStore } from './channel-store.ts'
import type { ChannelSnapshot, ChannelState, EventMeta, ObserveOptions } from './channel-types.ts'
import { Follower } from './follower.ts'
import { attempt } from './report.ts'

/** Options of a channel whose contract is not known here. */
export type AnyOptions = ObserveOptions<Channel, unknown, string>
/** Functions of the app by the name of an event, of any shape. */
type Functions = Readonly<Record<string, (...values: unknown[]) => unknown>>

/** Events looked back over for the newest one of a kind. */
const LATEST_TAIL = 10

/** What a fold needs of whoever made it. */
export interface FoldHost {
  /** The newest options; `initial`, `tail` and `latest` are those of the first. */
  readonly options: () => AnyOptions
  /** Calls the app's handlers of this name. */
  readonly tell: (name: string, ...values: unknown[]) => void
  /** Something is about to change the state. */
  readonly before?: (delivery: Delivery) => void
  /** Anything of it may have changed. */
  readonly changed: () => void
}

/** The fold. */
export class Fold {
  data: unknown
  follower: Follower = new Follower(
    {},
    () => {},
    () => {},
  )
  /** The state it was handed, which was made elsewhere; undefined where it asks for one. */
  #from: ChannelSnapshot<unknown> | undefined
  readonly #store: ChannelStore
  readonly #first: AnyOptions
  readonly #host: FoldHost

  constructor(store: ChannelStore, host: FoldHost) {
    this.#store = store
    this.#first = host.options()
    this.#host = host
  }

  /** Whether there is a state. */
  get known(): boolean {
    return this.follower.position !== undefined || this.#from !== undefined
  }

  /** Why there is none, or nothing more to come. */
  get error(): TriwireError | undefined {
    return this.follower.error ?? this.#store.error
  }

  get status(): ChannelState<unknown>['status'] {
    const { error, follower } = this
    if (error) return statusOf(error)
    if (!this.known) return 'joining'
    return this.#store.current && follower.position && !follower.awaitsSnapshot ? 'live' : 'stale'
  }

  /**
   * Follows the channel.
   * @param from where to begin; `data` is the state it makes
   */
  start(from?: ChannelSnapshot<unknown>, data?: unknown): void {
    const { initial, latest, tail = latest === undefined ? 0 : LATEST_TAIL } = this.#first
    const snapshot = typeof initial === 'function'
    this.#from = from
    this.follower = new Follower(
      { tail: snapshot ? 0 : tail, snapshot, after: from?.cursor },
      (delivery) => this.#handle(delivery),
      this.#host.changed,
    )
    this.data = data
    this.#store.follow(this.follower, from !== undefined)
    // The log it was made of is no more.
    if (from && this.follower.error?.code === 'bad_cursor') this.start()
    else if (!from) this.data = this.follower.position && latest === undefined ? initial : undefined
  }

  stop(): void {
    this.#store.unfollow(this.follower)
  }

  #handle(delivery: Delivery): void {
    this.#host.before?.(delivery)
    const { initial, latest } = this.#first
    const { tell } = this.#host
    switch (delivery.type) {
      case 'start':
        if (!this.#from) this.data = latest === undefined ? initial : undefined
        break
      case 'snapshot':
        attempt(() => {
          const { follower } = this
          // Shown until it succeeds: a state that cannot begin must not look like one that is about to.
          follower.error = new TriwireError('initial_failed', '`initial` threw; its error was reported.')
          this.data = (initial as (snapshot: unknown) => unknown)(delivery.data)
          follower.error = undefined
          follower.begin(delivery.at)
        })
        break
      case 'event': {
        const meta = this.#metaOf(delivery)
        this.#reduce(delivery, meta)
        if (isNews(delivery)) tell(delivery.event, delivery.data, meta)
        break
      }
      case 'signal': {
        const meta = { from: delivery.member }
        // Before there is a state there is nothing to fold it into.
        if (this.known && !this.follower.awaitsSnapshot) this.#reduce(delivery, meta)
        tell(delivery.event, delivery.data, meta)
        break
      }
      case 'refused':
        tell('$refused', delivery.error)
        break
      case 'gap': {
        const { from, to, reason } = delivery
        tell('$gap', { from, to, reason })
      }
    }
  }

  #reduce({ event, data }: { readonly event: string; readonly data: unknown }, meta: unknown): void {
    const { latest } = this.#first
    const reducers =
      latest === undefined ? this.#host.options().reduce : { [latest]: (_: unknown, newest: unknown) => newest }
    callOwn(reducers, event, [this.data, data, meta], (state) => {
      this.data = state
    })
  }

  /** What was handed over may hold events that come again, as a snapshot of this stay may. */
  #metaOf(delivery: EventDelivery): EventMeta {
    const meta = metaOf(delivery)
    const { cursor, overlapTo = 0 } = this.#from ?? { cursor: undefined }
    const { epoch, offset } = delivery.cursor
    const again = offset <= overlapTo && cursor !== undefined && parseCursor(cursor).epoch === epoch
    return again ? { ...meta, overlap: true } : meta
  }
}

/** Calls the function of this name, where the app has given one: not `constructor`, which every object has. */
export function callOwn(
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
