/**
 * The types behind `client.channels`: what a handle offers and what hooks hand back. Everything here follows from
 * the type of the contract; nothing of the contract's code reaches the browser.
 */
import type {
  Channel,
  ChannelMap,
  ChannelsOf,
  CommandInputOf,
  CommandOutputOf,
  CommandSchema,
  Contract,
  EventsOf,
  GapReason,
  ParamNames,
  ParamsOf,
  PresenceInputOf,
  PresenceOf,
  PublishesOf,
  SignalInputsOf,
  SignalsOf,
  SnapshotOf,
  TriwireError,
} from '@triwire/protocol'

/** What comes with an event. */
export interface EventMeta {
  /** Where the event stands; store it to resume from here. */
  readonly cursor: string
  /** Came late: recovered after an interruption rather than live. */
  readonly replayed: boolean
  /** May already be contained in the snapshot this state started from. */
  readonly overlap: boolean
  /** What caused it: the id of the command that emitted it. */
  readonly cause: string | undefined
  /** Whether this session's own publish or command caused it. */
  readonly own: boolean
}

/** What comes with a signal. */
export interface SignalMeta {
  /** The sender's presence member id; undefined when the server sent it. */
  readonly from: string | undefined
}

/** Events between two positions are missing and will not come; a fresh snapshot follows where there is one. */
export interface Gap {
  /** The last position before the hole. */
  readonly from: string
  /** The first position after it, where it is known. */
  readonly to: string | undefined
  readonly reason: GapReason
}

/**
 * Handlers by name, for events, signals, `$gap` and `$refused` (a signal of this client was refused). One mapped type
 * rather than an intersection, so that a lambda's parameters are inferred. Called for live and recovered events, never for
 * history.
 */
export type HandlersOf<TChannel extends Channel> = {
  readonly [TName in
    | keyof EventsOf<TChannel>
    | keyof SignalsOf<TChannel>
    | '$gap'
    | '$refused']?: TName extends '$gap'
    ? (gap: Gap) => void
    : TName extends '$refused'
      ? (error: TriwireError) => void
      : TName extends keyof EventsOf<TChannel>
        ? (data: EventsOf<TChannel>[TName], meta: EventMeta) => void
        : TName extends keyof SignalsOf<TChannel>
          ? (data: SignalsOf<TChannel>[TName], meta: SignalMeta) => void
          : never
}

/** What an event or a signal brings. */
type PayloadOf<TChannel extends Channel, TName> = TName extends keyof EventsOf<TChannel>
  ? EventsOf<TChannel>[TName]
  : TName extends keyof SignalsOf<TChannel>
    ? SignalsOf<TChannel>[TName]
    : never

/**
 * Reducers by the name of an event or a signal. They must not change the state they are given. Signals are folded as they
 * are heard; no log brings them again, so what they have left in a state is gone when it begins anew.
 */
export type ReducersOf<TChannel extends Channel, TState> = {
  // A function, and not a condition that gives one: through that the state's type would not be inferred from `initial`.
  readonly [TName in keyof EventsOf<TChannel> | keyof SignalsOf<TChannel>]?: (
    state: TState,
    data: PayloadOf<TChannel, TName>,
    meta: TName extends keyof EventsOf<TChannel> ? EventMeta : SignalMeta,
  ) => TState
}

/** An empty list as initial state stands for a list of the channel's payloads. */
export type StateOf<TChannel extends Channel, TInitial> = [TInitial] extends [never[]]
  ? EventsOf<TChannel>[keyof EventsOf<TChannel>][]
  : TInitial

/**
 * A channel's snapshot, with where it belongs in the log: what `snapshot()` gives and `from` takes. Plain JSON, so it
 * travels in a page as it is.
 */
export interface ChannelSnapshot<TData> {
  readonly data: TData
  /** Events behind it follow. */
  readonly cursor: string
  /** Events up to this offset may be contained in `data` already; their `meta.overlap` says so. */
  readonly overlapTo?: number
}

/** How to observe a channel: no state, the latest event, or a fold over the log. */
export interface ObserveOptions<TChannel extends Channel, TInitial, TLatest extends keyof EventsOf<TChannel>> {
  /** Called for every live and recovered event, every signal and every gap. The newest closures are used. */
  readonly on?: HandlersOf<TChannel> | undefined
  /** Start from the last n events of the log. Default 0, or 10 with `latest`. */
  readonly tail?: number | undefined
  /** Keep the newest payload of this event as the data. */
  readonly latest?: TLatest | undefined
  /** The state before the first event; a function makes it from the channel's snapshot. */
  readonly initial?: TInitial | ((snapshot: SnapshotOf<TChannel>) => TInitial) | undefined
  /** Folds events and signals into the state. Without it the state stays `initial`. */
  readonly reduce?: ReducersOf<TChannel, NoInfer<StateOf<TChannel, TInitial>>> | undefined
  /** Begin at this state, which `snapshot()` gave on a server; read once. `initial` must be a function then. */
  readonly from?: ChannelSnapshot<SnapshotOf<TChannel>> | undefined
}

/** The data an observer yields for its options. */
export type DataOf<TChannel extends Channel, TInitial, TLatest extends keyof EventsOf<TChannel>> = [
  TLatest,
] extends [never]
  ? unknown extends TInitial
    ? undefined
    : StateOf<TChannel, TInitial>
  : EventsOf<TChannel>[TLatest] | undefined

/**
 * A channel as an observer sees it.
 *
 * - `idle`: not asked for · `joining`: asked for, no data yet
 * - `live`: up to date · `stale`: data is there, the wire is not; it will catch up by itself
 * - `denied`: not allowed · `error`: refused for another reason · `ended`: finished, nothing more will come
 */
export type ChannelState<TData> =
  | {
      readonly status: 'idle' | 'joining'
      readonly data: undefined
      readonly error: undefined
      readonly pending: number
    }
  | { readonly status: 'live' | 'stale'; readonly data: TData; readonly error: undefined; readonly pending: number }
  | {
      readonly status: 'denied' | 'error' | 'ended'
      readonly data: TData | undefined
      readonly error: TriwireError
      readonly pending: number
    }

/**
 * A framework's view of one thing that changes: subscribe, then read. `getSnapshot` returns the same object until
 * something changed, and listeners are called at most once per frame.
 */
export interface Observer<TState> {
  /** Starts on the first listener; lets go one second after the last one went. Returns the unsubscribe function. */
  readonly subscribe: (listener: () => void) => () => void
  readonly getSnapshot: () => TState
}

/** An observer of a channel whose options may change between renders. */
export interface ChannelObserver<TData, TOptions> extends Observer<ChannelState<TData>> {
  /** Replaces handlers and reducers; `initial`, `tail`, `latest` and `from` are read once, when the observer is made. */
  readonly setOptions: (options: TOptions) => void
  /** What it shows before anything came over the wire: always the same, also on a server and while hydrating. */
  readonly getStart: () => ChannelState<TData>
}

/** One present member. */
export interface Member<TValue> {
  /** The member's public id: one per session. */
  readonly id: string
  readonly value: TValue
  /** Whether this is the session of this client. */
  readonly self: boolean
}

/** Who is present, as an observer sees it. */
export interface PresenceState<TValue> {
  readonly members: readonly Member<TValue>[]
  /** Whether `members` is known and up to date. */
  readonly synced: boolean
  readonly error: TriwireError | undefined
}

/** What may be asked of presence. */
export interface PresenceOptions<TInput> {
  /** The value to show for as long as the observer is subscribed; left out, one only watches. */
  readonly set?: TInput | undefined
}

/** An observer of presence, with the means to change one's own value. */
export interface PresenceObserver<TValue, TInput> extends Observer<PresenceState<TValue>> {
  readonly update: (value: TInput) => void
}

/** An event as the async iterator yields it. */
export type ChannelEvent<TChannel extends Channel> = {
  readonly [TName in keyof EventsOf<TChannel>]: {
    readonly type: TName
    readonly data: EventsOf<TChannel>[TName]
    readonly meta: EventMeta
  }
}[keyof EventsOf<TChannel>]

/** Publishes an event; resolves once it is in the log. */
export type PublishFunction<TChannel extends Channel> = <TName extends keyof PublishesOf<TChannel>>(
  event: TName,
  data: PublishesOf<TChannel>[TName],
) => Promise<void>

/** How a signal is sent. */
export interface SignalOptions {
  /** Of several waiting signals of one name with one `key`, the newest is sent. */
  readonly key?: string
  /**
   * Milliseconds between two signals of this name and `key`: the first goes out at once, the newest of those behind it
   * when its time has come, so the last one always does. Default 0: as fast as the server takes them, 50 a second.
   */
  readonly everyMs?: number
}

/** Sends a signal to whoever listens now. One that is refused goes to `$refused` of `on`. */
export type SignalFunction<TChannel extends Channel> = <TName extends keyof SignalInputsOf<TChannel>>(
  signal: TName,
  data: SignalInputsOf<TChannel>[TName],
  options?: SignalOptions,
) => void

/** The commands of a channel as functions. */
export type CommandsOf<TChannel extends Channel> = {
  readonly [TName in keyof TChannel['commands']]: TChannel['commands'][TName] extends CommandSchema
    ? (input: CommandInputOf<TChannel['commands'][TName]>) => Promise<CommandOutputOf<TChannel['commands'][TName]>>
    : never
}

/** What can be done with a channel, whether by its own handle or by that of a view. */
export interface ChannelFace<TChannel extends Channel = Channel> {
  /** Tells the type of the channel to inference; there is no such property. */
  readonly '~channel'?: TChannel
  readonly address: string
  /** Calls handlers for live and recovered events until the returned function is called. */
  on(handlers: HandlersOf<TChannel>): () => void
  /** Iterates over events, from a cursor where given, else from now on. `break` unsubscribes. */
  events(options?: { readonly after?: string }): AsyncIterableIterator<ChannelEvent<TChannel>>
  /**
   * Publishes an event the contract lists under `publish`. Kept and resent over every reconnect until the server
   * acknowledges it; rejects with a code where it is refused, the queue is full, or four minutes have passed.
   */
  readonly publish: PublishFunction<TChannel>
  readonly signal: SignalFunction<TChannel>
  /** Commands: each call is made once, survives reconnects, and resolves with the reply. */
  readonly commands: CommandsOf<TChannel>
  /**
   * Asks for the channel's snapshot by one request, without opening a wire: on a server, to render with it and hand it to
   * the page as `from`. Rejects with the server's code, `network`, or `no_snapshot`.
   */
  snapshot(): Promise<ChannelSnapshot<SnapshotOf<TChannel>>>
  /** For bindings: who is present. */
  observePresence(
    options?: PresenceOptions<PresenceInputOf<TChannel>>,
  ): PresenceObserver<PresenceOf<TChannel>, PresenceInputOf<TChannel>>
  /** The client this handle belongs to. */
  readonly client: { readonly connection: Observer<ConnectionState> }
}

/** One channel, named. Handles are interned: the same address is the same object, so hooks may depend on it. */
export interface ChannelHandle<TChannel extends Channel = Channel> extends ChannelFace<TChannel> {
  /** For bindings: state over time. */
  observe<TInitial = unknown, TLatest extends keyof EventsOf<TChannel> = never>(
    options: ObserveOptions<TChannel, TInitial, TLatest>,
  ): ChannelObserver<DataOf<TChannel, TInitial, TLatest>, ObserveOptions<TChannel, TInitial, TLatest>>
}

/** Makes the handle of a channel from its parameters. */
export type ChannelReference<TChannel extends Channel> = [ParamNames<TChannel['path']>] extends [never]
  ? () => ChannelHandle<TChannel>
  : (params: ParamsOf<TChannel>) => ChannelHandle<TChannel>

/** References by the keys of the contract. */
export type ChannelReferences<TChannels extends ChannelMap> = {
  readonly [TKey in keyof TChannels]: ChannelReference<TChannels[TKey]>
}

/** References of a contract type. */
export type ReferencesOf<TContract extends Contract> = ChannelReferences<ChannelsOf<TContract>>

/** The connection as an app shows it; separate from the status of any channel. */
export interface ConnectionState {
  /**
   * - `idle`: nothing asked for · `connecting`: the first attempt · `online`
   * - `reconnecting`: was online; a blip of under a second does not show
   * - `offline`: no wire works, or the device says so; attempts go on · `closed`: by `close()`, or for good by the server
   */
  readonly state: 'idle' | 'connecting' | 'online' | 'reconnecting' | 'offline' | 'closed'
  /** The wire in use, or last used. */
  readonly wire: 'websocket' | 'sse' | 'polling' | undefined
  /** Milliseconds of the last measured round trip through the server. */
  readonly rtt: number | undefined
  /** Attempts since the connection was last up. */
  readonly attempt: number
  /** When the next attempt is made (milliseconds since the epoch), while waiting for one. */
  readonly retryAt: number | undefined
  /** Why the connection is closed or offline. */
  readonly error: TriwireError | undefined
}
