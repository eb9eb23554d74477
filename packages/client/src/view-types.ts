/** The types of views: shared state of a channel, with what this client expects of its own commands folded in. */
import type { Channel, CommandInputOf, CommandSchema, SnapshotOf, TriwireError } from '@triwire/protocol'
import type {
  ChannelFace,
  ChannelSnapshot,
  ChannelState,
  HandlersOf,
  Observer,
  ReducersOf,
  StateOf,
} from './channel-types.ts'

/**
 * What commands are expected to do, by their names. A guess is shown until the command's own events have been folded, or
 * it has failed. It must not change the state it is given, and may be called many times.
 */
export type OptimisticOf<TChannel extends Channel, TState> = {
  readonly [TName in keyof TChannel['commands']]?: TChannel['commands'][TName] extends CommandSchema
    ? (
        state: TState,
        input: CommandInputOf<TChannel['commands'][TName]>,
        /**
         * A name for what the guess adds, the same each time for one call. Once this session has been online it is the
         * very `id` that the handler gets: whoever stores under it can recognise its own.
         */
        id: string,
      ) => TState
    : never
}

/** How the state of a view is made. */
export interface ViewDefinition<TChannel extends Channel, TInitial> {
  /** The state before the first event; a function makes it from the channel's snapshot. */
  readonly initial: TInitial | ((snapshot: SnapshotOf<TChannel>) => TInitial)
  /** Folds events and signals into the state. */
  readonly reduce?: ReducersOf<TChannel, NoInfer<StateOf<TChannel, TInitial>>>
  /** Start from the last n events of the log, where `initial` is no function. Default 0. */
  readonly tail?: number
  readonly optimistic?: OptimisticOf<TChannel, NoInfer<StateOf<TChannel, TInitial>>>
  /**
   * Whether the promise of a command waits until what the command emitted is in the state that is shown. Default true.
   * It never waits longer than 5 s behind the reply, nor where nobody observes the view, nor for a command that emitted
   * nothing.
   */
  readonly readYourWrites?: boolean
}

/** A command that is under way: without a reply, or without its events. */
export interface PendingCommand<TChannel extends Channel = Channel> {
  /** As `optimistic` got it. */
  readonly id: string
  readonly command: keyof TChannel['commands'] & string
  readonly input: unknown
}

/** A command that was refused. What it was expected to do has been taken back. */
export interface FailedCommand<TChannel extends Channel = Channel> extends PendingCommand<TChannel> {
  readonly error: TriwireError
  /** Calls it again, under another id, and takes this entry away. */
  readonly retry: () => Promise<unknown>
  /** Takes this entry away. */
  readonly dismiss: () => void
}

/** This session's commands of a view. */
export interface ViewCommands<TChannel extends Channel = Channel> {
  /** Those that are under way, oldest first. */
  readonly underWay: readonly PendingCommand<TChannel>[]
  /** The last ten that were refused and have not been dismissed. */
  readonly failed: readonly FailedCommand<TChannel>[]
}

/** The state of a view: that of its channel, and this session's commands. */
export type ViewState<TState, TChannel extends Channel = Channel> = ChannelState<TState> & ViewCommands<TChannel>

/** How to observe a view. */
export interface ViewOptions<TChannel extends Channel> {
  /** Called for every live and recovered event, every signal and every gap. The newest closures are used. */
  readonly on?: HandlersOf<TChannel> | undefined
  /** Begin at this state, which `snapshot()` gave on a server, unless the view has a state already. */
  readonly from?: ChannelSnapshot<SnapshotOf<TChannel>> | undefined
}

/** An observer of a view. */
export interface ViewObserver<TState, TChannel extends Channel> extends Observer<ViewState<TState, TChannel>> {
  /** Replaces handlers; `from` is read once. */
  readonly setOptions: (options: ViewOptions<TChannel>) => void
  /** What it shows before anything came over the wire: always the same, also on a server and while hydrating. */
  readonly getStart: () => ViewState<TState, TChannel>
}

/**
 * A view of one channel: everything its handle can do, with one state for all who observe it. Interned like handles.
 * `commands` are optimistic here; those of the channel's own handle are not.
 */
export interface ViewHandle<TChannel extends Channel, TState> extends ChannelFace<TChannel> {
  /** For bindings: the shared state over time. */
  observe(options?: ViewOptions<TChannel>): ViewObserver<TState, TChannel>
}
