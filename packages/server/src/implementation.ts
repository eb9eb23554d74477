/** What an app writes behind its contract: one implementation per channel, typed by the contract. */
import type {
  AnySchema,
  Channel,
  CommandSchema,
  EmitsOf,
  EventsOf,
  InputOf,
  OutputOf,
  ParsedParamsOf,
  PresenceInputOf,
  SignalInputsOf,
} from '@triwire/protocol'

/** What a client asks to do. */
export type Action = 'join' | 'publish' | 'signal' | 'presence' | 'command'

/** What `authorize` is asked. */
export interface AuthorizeContext<TChannel extends Channel, TUser> {
  readonly user: TUser
  readonly params: ParsedParamsOf<TChannel>
  readonly action: Action
  /** The event, signal or command by name; undefined for `join` and `presence`. */
  readonly name: string | undefined
}

/** An event a client wants to publish: validated, not yet in the log. */
export type PublishContext<TChannel extends Channel, TUser> = {
  readonly [TName in TChannel['publish'][number]]: {
    readonly event: TName
    readonly data: OutputOf<TChannel['events'][TName]>
    readonly user: TUser
    readonly params: ParsedParamsOf<TChannel>
  }
}[TChannel['publish'][number]]

/** Appends an event. Resolves once the broker has it. */
export type Emit<TChannel extends Channel> = <TName extends keyof EmitsOf<TChannel>>(
  event: TName,
  data: EmitsOf<TChannel>[TName],
) => Promise<void>

/** What a command handler gets besides its input. */
export interface CommandContext<TChannel extends Channel, TUser> {
  readonly user: TUser
  readonly params: ParsedParamsOf<TChannel>
  /**
   * The call's identity: the same for every repetition of one call and for no other call of anybody. Use it as the
   * key of what the handler writes, and the effect happens once even if a node dies half-way.
   */
  readonly id: string
  /** Appends an event to this channel, with the call as its cause; deduplicated by (`id`, position). */
  readonly emit: Emit<TChannel>
}

/** What a snapshot handler gets. */
export interface SnapshotContext<TChannel extends Channel, TUser> {
  readonly user: TUser
  readonly params: ParsedParamsOf<TChannel>
  /**
   * The last events of this channel, where its log is all that is kept: `const { cursor, events } = await last(50)`, and
   * then `return at(cursor, …)`.
   */
  readonly last: Last<TChannel>
  /** For stores that know their own position: returns data together with the cursor it belongs to. */
  readonly at: <TData>(cursor: string, data: TData) => SnapshotAt<TData>
}

/**
 * Reads the end of a channel's log. At most `count` events, a whole number from 1; fewer where the log's history holds fewer.
 * @throws TriwireError `bad_count`, `unavailable`
 */
export type Last<TChannel extends Channel> = (count: number) => Promise<LastEvents<TChannel>>

/** The end of a log. */
export interface LastEvents<TChannel extends Channel> {
  /** Oldest first, as clients get them. */
  readonly events: readonly LoggedEvent<TChannel>[]
  /** The position behind the last of them. */
  readonly cursor: string
}

/** An event as the log has it. */
export type LoggedEvent<TChannel extends Channel> = {
  readonly [TName in keyof EventsOf<TChannel>]: { readonly event: TName; readonly data: EventsOf<TChannel>[TName] }
}[keyof EventsOf<TChannel>]

/** A snapshot with its own cursor. */
export class SnapshotAt<TData> {
  readonly cursor: string
  readonly data: TData

  constructor(cursor: string, data: TData) {
    this.cursor = cursor
    this.data = data
  }
}

type CommandHandler<TChannel extends Channel, TUser, TCommand extends CommandSchema> = (
  input: OutputOf<TCommand['input']>,
  context: CommandContext<TChannel, TUser>,
) => InputOf<TCommand['output']> | Promise<InputOf<TCommand['output']>>

type Commands<TChannel extends Channel, TUser> = {
  readonly [TName in keyof TChannel['commands']]: CommandHandler<TChannel, TUser, TChannel['commands'][TName]>
}

type SnapshotHandler<TChannel extends Channel, TUser> = (
  context: SnapshotContext<TChannel, TUser>,
) => MaybePromise<SnapshotInput<TChannel> | SnapshotAt<SnapshotInput<TChannel>>>

type SnapshotInput<TChannel extends Channel> = TChannel['snapshot'] extends AnySchema
  ? InputOf<TChannel['snapshot']>
  : never
type MaybePromise<TValue> = TValue | Promise<TValue>

interface OptionalHooks<TChannel extends Channel, TUser> {
  /**
   * Whether this user may do this. Left out: every authenticated user may. A public channel has none: its log is read by
   * whoever likes to, and nobody would be asked about.
   */
  readonly authorize?: TChannel['public'] extends true
    ? never
    : (context: AuthorizeContext<TChannel, TUser>) => boolean | Promise<boolean>
  /**
   * Sees a client's event before it is logged; what it returns is logged instead. Returning nothing keeps the event
   * as it is. Throw a TriwireError to refuse it with a code and a sentence for the client.
   */
  readonly onPublish?: (context: PublishContext<TChannel, TUser>) => MaybePromise<unknown>
  /**
   * The first subscriber came. Over all nodes that share a broker it runs once, on one of them, at least: again where that
   * node dies meanwhile, or the store was away. `onVacated` waits until it is done.
   */
  readonly onOccupied?: (context: { readonly params: ParsedParamsOf<TChannel> }) => unknown
  /**
   * The last subscriber on any node has been gone for a while: half a minute, or a presence lease where its node died. Runs
   * as `onOccupied` does, not necessarily on the same node.
   */
  readonly onVacated?: (context: { readonly params: ParsedParamsOf<TChannel> }) => unknown
}

/** The implementation of a channel. `commands` and `snapshot` are required where the contract has them. */
export type ChannelImplementation<TChannel extends Channel, TUser> = OptionalHooks<TChannel, TUser> &
  ([keyof TChannel['commands']] extends [never] ? unknown : { readonly commands: Commands<TChannel, TUser> }) &
  (TChannel['snapshot'] extends AnySchema ? { readonly snapshot: SnapshotHandler<TChannel, TUser> } : unknown)

/** Whether a channel cannot be served without an implementation. */
export type NeedsImplementation<TChannel extends Channel> = [keyof TChannel['commands']] extends [never]
  ? TChannel['snapshot'] extends AnySchema
    ? true
    : false
  : true

/** An implementation as the engine sees it: every type erased, every hook optional. */
export interface ErasedImplementation {
  readonly authorize?: (context: {
    user: unknown
    params: Readonly<Record<string, string>>
    action: Action
    name: string | undefined
  }) => boolean | Promise<boolean>
  readonly onPublish?: (context: {
    event: string
    data: unknown
    user: unknown
    params: Readonly<Record<string, string>>
  }) => unknown
  readonly onOccupied?: (context: { params: Readonly<Record<string, string>> }) => unknown
  readonly onVacated?: (context: { params: Readonly<Record<string, string>> }) => unknown
  readonly snapshot?: (context: {
    user: unknown
    params: Readonly<Record<string, string>>
    last: (count: number) => Promise<ErasedLastEvents>
    at: (cursor: string, data: unknown) => SnapshotAt<unknown>
  }) => unknown
  readonly commands?: Readonly<Record<string, (input: unknown, context: ErasedCommandContext) => unknown>>
}

/** `LastEvents` with its types erased. */
export interface ErasedLastEvents {
  readonly events: readonly { readonly event: string; readonly data: unknown }[]
  readonly cursor: string
}

/** A command's context with its types erased. */
export interface ErasedCommandContext {
  readonly user: unknown
  readonly params: Readonly<Record<string, string>>
  readonly id: string
  readonly emit: (event: string, data: unknown) => Promise<void>
}

/** A channel as server code uses it from any route, job or script. */
export interface ServerChannel<TChannel extends Channel> {
  readonly address: string
  /** Appends an event; resolves once the broker has it. */
  readonly emit: Emit<TChannel>
  /** Sends a signal to whoever listens now. */
  readonly signal: <TName extends keyof SignalInputsOf<TChannel>>(
    signal: TName,
    data: SignalInputsOf<TChannel>[TName],
    options?: { readonly key?: string },
  ) => Promise<void>
  /**
   * Says that permissions may have changed: on every node, `authorize` is asked again, with the action `join`, for each
   * reader of this channel. Whoever is refused hears nothing of the channel any more, and is shown as present no longer.
   * Resolves once the broker has the notice; a node that is cut off meanwhile acts on it as soon as it is back.
   */
  readonly reauthorize: () => Promise<void>
  /** The last events of its log. */
  readonly last: Last<TChannel>
  /** Who is present. */
  readonly members: () => Promise<readonly { readonly id: string; readonly value: PresenceInputOf<TChannel> }[]>
}
