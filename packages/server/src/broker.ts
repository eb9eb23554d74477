/**
 * The broker port: where everything a client depends on lives (ARCHITECTURE.md, "A channel is the unit of state").
 * One log, one presence set, the producers' last sequence numbers and the results of recent commands per channel.
 * Asynchronous throughout, so that a process map, Redis, NATS or a Durable Object's storage can stand behind it.
 *
 * Every adapter passes the contract suite in `@triwire/server/testing`. Channel names are addresses
 * (PROTOCOL.md §2): 1–255 bytes, percent-encoded. An adapter must not let them escape its namespace. One channel is the
 * engine's own, `_control`, which no address can name; to a broker it is one like any other.
 *
 * Operations reject with TriwireError `unavailable` when the store cannot answer; the engine then tells clients to
 * retry, which is harmless, because every write here is idempotent.
 */
import type { Cursor, GapReason, History } from '@triwire/protocol'

/** One event as the log holds it. `data` is JSON text: it is encoded once, here, for everybody. */
export interface LogEntry {
  readonly cursor: Cursor
  /** The offset of the entry before it, where offsets are sparse; undefined means `offset − 1`. */
  readonly prev: number | undefined
  readonly event: string
  readonly data: string
  /** What `Append.cause` said: `<member>#<number>` for a publish, `<member>.<command id>` for a command's event. */
  readonly cause: string | undefined
}

/** Who publishes, and with which number: the identity under which an append happens once. */
export interface Producer {
  /** One name per principal and session. */
  readonly id: string
  /** 1, 2, 3 … per producer and channel. */
  readonly sequence: number
  /**
   * The lowest sequence the producer has no answer for. It is never a gap: a broker that knows nothing of the producer,
   * or lost the memory of its last appends, begins again there.
   */
  readonly lowest: number
}

/** What is appended, and under which identity. With neither `producer` nor `once`, every call appends. */
export interface Append {
  readonly event: string
  /** JSON text. */
  readonly data: string
  readonly cause?: string | undefined
  readonly producer?: Producer | undefined
  /** Deduplication key for events a command emits: a second append with the same key is a duplicate. */
  readonly once?: string | undefined
  readonly history: History
}

/** What became of an append. */
export type AppendOutcome =
  /** It is in the log now. */
  | { readonly status: 'appended'; readonly cursor: Cursor }
  /** It was in the log already; `cursor` where the broker still knows it. */
  | { readonly status: 'duplicate'; readonly cursor: Cursor | undefined }
  /** It was refused earlier, with this code (see `refuse`). */
  | { readonly status: 'refused'; readonly code: string }
  /** Sequences before it are missing; begin again at `expected`. */
  | { readonly status: 'sequence_gap'; readonly expected: number }

/** From where to read. */
export interface ReadRequest {
  /** Read what follows this cursor; its epoch and tag are verified. */
  readonly after?: Cursor | undefined
  /** Without `after`: the last n events. Without both, nothing: only the head is asked for. */
  readonly tail?: number | undefined
  /** Entries at most. 0 asks for the positions alone. */
  readonly limit: number
  /**
   * What the `data` of a page may come to, in bytes of UTF-8: the page ends before the entry that would exceed it. The
   * first entry is there even where it alone exceeds it, so that a reader always gets further.
   */
  readonly bytes: number
}

/** A page of the log. */
export type ReadResult =
  | {
      readonly status: 'page'
      /** Contiguous, in order. */
      readonly entries: readonly LogEntry[]
      /** The position before the first entry: `after` itself, or where the tail begins. */
      readonly from: Cursor
      /** The log's last position at that moment. */
      readonly head: Cursor
    }
  /**
   * The log cannot continue from `after`. `next` is the first position that is whole again, and `read` goes on from it:
   *
   * - `trimmed`: the position before the first entry that is kept; the head, where none is.
   * - `new_epoch`: the same, in the epoch that is now; its offset 0, where nothing was trimmed yet.
   * - `lost_tail`: undefined. Entries after `after` were replaced, and from where on is unknown.
   */
  | { readonly status: 'gap'; readonly reason: GapReason; readonly next: Cursor | undefined; readonly head: Cursor }

/** A signal on its way through the broker. */
export interface SignalMessage {
  readonly event: string
  readonly key: string | undefined
  /** The sending member; undefined for the server itself. */
  readonly member: string | undefined
  /** JSON text. */
  readonly data: string
}

/** One present member. */
export interface PresenceMember {
  readonly member: string
  /** JSON text. */
  readonly data: string
}

/** A change of the presence set; `version` is the set's version after it. */
export type PresenceChange =
  | { readonly op: 'join' | 'update'; readonly member: string; readonly data: string; readonly version: string }
  | { readonly op: 'leave'; readonly member: string; readonly version: string }

/** What a subscription delivers. Calls come one at a time, in order; they must not throw. */
export interface BrokerListener {
  readonly onEntry: (entry: LogEntry) => void
  readonly onSignal: (signal: SignalMessage) => void
  readonly onPresence: (change: PresenceChange) => void
  /** The subscription missed something or cannot tell: every reader must verify its position against the log. */
  readonly onInterrupted: () => void
}

/** A live subscription. */
export interface BrokerSubscription {
  /** Where the log stood when the subscription began: every later entry is delivered or `onInterrupted` called. */
  readonly head: Cursor
  readonly close: () => Promise<void>
}

/** A hold on a place in the presence set. A member is present while any of its holders' leases runs. */
export interface PresenceHold {
  readonly member: string
  /** Who renews the lease: one attachment. */
  readonly holder: string
  /** JSON text to show, with the client's own number for it: the highest wins. Left out: only renew the lease. */
  readonly value?: { readonly data: string; readonly sequence: number } | undefined
  readonly leaseMs: number
}

/** What became of a hold. `full`: the set has as many members as it may. `unknown`: nothing to renew. */
export type HoldOutcome = 'held' | 'full' | 'unknown'

/**
 * A command's recorded reply: JSON text with the cursor behind the last event it emitted in its channel, or the error it
 * ended with. Brokers keep it as it is.
 */
export type CommandReply =
  | { readonly ok: true; readonly data: string; readonly at?: string }
  | { readonly ok: false; readonly code: string; readonly message: string }

/** What became of a claim. */
export type ClaimOutcome =
  /** Run it; settle with this fence. */
  | { readonly status: 'claimed'; readonly fence: string }
  /** Somebody else runs it; wait with `settled`. */
  | { readonly status: 'running' }
  | { readonly status: 'settled'; readonly reply: CommandReply }

/** What `settled` found. */
export type SettledOutcome =
  | { readonly status: 'settled'; readonly reply: CommandReply }
  /** Somebody runs it still: ask again. Also where the broker waits no longer, for whatever reason. */
  | { readonly status: 'running' }
  /** Nobody runs it: never claimed, the claim lapsed, or its reply is forgotten. It may be claimed. */
  | { readonly status: 'lapsed' }

/** The port. */
export interface Broker {
  /** What "acknowledged" means here, for people: `memory`, `sqlite`, `redis`, `jetstream`, `durable-object`. */
  readonly acknowledges: string

  /** Appends an event, once per identity, and delivers it to every subscription of the channel. */
  append(channel: string, append: Append): Promise<AppendOutcome>

  /**
   * Records that the application refused a producer's publish: the sequence is used up and a repetition gets
   * `refused` again instead of a second chance.
   */
  refuse(channel: string, producer: Producer, code: string): Promise<AppendOutcome>

  read(channel: string, request: ReadRequest): Promise<ReadResult>

  subscribe(channel: string, listener: BrokerListener): Promise<BrokerSubscription>

  /** Delivers a signal to every subscription of the channel, now or never. */
  signal(channel: string, signal: SignalMessage): Promise<void>

  /** Takes or renews a place in the presence set. */
  hold(channel: string, hold: PresenceHold, options: { readonly maxMembers: number }): Promise<HoldOutcome>

  /** Lets a holder's lease end after `graceMs`; 0 ends it now. The member leaves with its last lease. */
  release(channel: string, member: string, holder: string, graceMs: number): Promise<void>

  /** Removes a member at once, whatever leases it holds: it said so itself. A lower `sequence` is ignored. */
  depart(channel: string, member: string, sequence: number): Promise<void>

  members(channel: string): Promise<{ readonly version: string; readonly members: readonly PresenceMember[] }>

  /**
   * Claims a command for execution. A claim that is not settled within `leaseMs` may be claimed again: its node
   * died.
   */
  claim(channel: string, id: string, leaseMs: number): Promise<ClaimOutcome>

  /**
   * Extends a claim while its handler runs. False where the fence is not the current one: the claim lapsed or was
   * settled, nothing has changed, and whoever held it must stop.
   */
  renew(channel: string, id: string, fence: string, leaseMs: number): Promise<boolean>

  /**
   * Records a command's reply for `rememberMs`. False where the fence is not the current one: nothing was recorded, and
   * the reply that counts is somebody else's.
   */
  settle(channel: string, id: string, fence: string, reply: CommandReply, rememberMs: number): Promise<boolean>

  /** Waits for somebody else's reply: until it is there, the claim lapses, or `timeoutMs` are over. */
  settled(channel: string, id: string, timeoutMs: number): Promise<SettledOutcome>

  close(): Promise<void>
}
