/**
 * The lines of the protocol, as types (PROTOCOL.md §4 and §5). A line is one JSON object without a newline; its
 * fields come in the order given here, `t` first and the payload `d` last, so that equal lines are equal bytes.
 * The same lines travel on every wire.
 *
 * Field names are short because they are repeated a million times; this file is their dictionary:
 * `t` type · `ch` channel address · `at` cursor · `e` event or signal name · `d` payload · `n` number ·
 * `c` cause (downstream) or command name (upstream) · `m` presence member · `k` token or conflation key.
 */
import type { WireLimits } from './limits.ts'

/** The version of the protocol spoken here; `hello` carries it and `welcome` repeats it. */
export const PROTOCOL_VERSION = 1

/** The WebSocket subprotocol (RFC 6455 §1.9). */
export const WEBSOCKET_SUBPROTOCOL = 'triwire.v1'

/** The three wires by name. */
export type WireName = 'websocket' | 'sse' | 'polling'

// ── Upstream: what a client writes ────────────────────────────────────────────────────────────────────────────

/** Opens every attachment and every `send`: who speaks. On an open WebSocket once more, with a new token. */
export interface HelloLine {
  readonly t: 'hello'
  readonly v: number
  /** Session id: 22 characters of base64url, 128 random bits made by the client. */
  readonly s: string
  /** Token, where it does not travel in a cookie or an Authorization header. */
  readonly k?: string | undefined
  /** Polls only: milliseconds the response may be held when there is nothing to say. 0 answers at once. */
  readonly wait?: number | undefined
}

/**
 * Asks for a channel from a position on. `after` resumes; without it, or where it cannot be resumed, `tail` asks
 * for the last n events and `snap` for a snapshot. With neither, the channel starts at its head.
 */
export interface JoinLine {
  readonly t: 'join'
  readonly ch: string
  /** The client's number for this join; `joined` repeats it. */
  readonly j: number
  readonly after?: string | undefined
  /** Where the client stands already, beyond `after`: a newcomer beside it begins further back. A gap may begin there. */
  readonly have?: string | undefined
  readonly tail?: number | undefined
  readonly snap?: boolean | undefined
  /** Send the starting state (`tail`, `snap`) even though `after` resumes: a newcomer shares the channel. */
  readonly fresh?: boolean | undefined
  /** Send presence. A string is the version the client already has; `''` means none. */
  readonly pres?: string | undefined
}

/** Lets a channel go. */
export interface LeaveLine {
  readonly t: 'leave'
  readonly ch: string
}

/** Appends an event to a channel's log, once, whatever happens on the way. */
export interface PublishLine {
  readonly t: 'pub'
  readonly ch: string
  /** The publish's sequence number: 1, 2, 3 … per session and channel. */
  readonly n: number
  /** The lowest number the client has no answer for; left out when it is `n` itself. */
  readonly lo?: number | undefined
  readonly e: string
  readonly d: unknown
}

/** Calls a command. The same `id` is the same call. */
export interface CommandLine {
  readonly t: 'cmd'
  readonly ch: string
  /** 1–64 characters of `A–Z a–z 0–9 _ -`, unique within the session. */
  readonly id: string
  /** The command's name. */
  readonly c: string
  readonly d: unknown
}

/** Sends a signal to whoever listens now. */
export interface SignalLine {
  readonly t: 'sig'
  readonly ch: string
  readonly e: string
  /** Conflation key: of several waiting signals with one name and key, the newest survives. */
  readonly k?: string | undefined
  readonly d: unknown
}

/** Sets this session's presence value in a channel; without `d`, leaves. The highest `n` wins. */
export interface PresenceLine {
  readonly t: 'pres'
  readonly ch: string
  readonly n: number
  /** Another session of this user, whose value has its lease on this wire; without `d`, it is let go after the grace. */
  readonly s?: string | undefined
  readonly d?: unknown | undefined
}

/** Asks for a `pong` with the same number. */
export interface PingLine {
  readonly t: 'ping'
  readonly n: number
}

/** Answers a `mark`: everything before it has been handled. */
export interface SeenLine {
  readonly t: 'seen'
  readonly n: number
}

/** Everything a client may write. */
export type UpstreamLine =
  | HelloLine
  | JoinLine
  | LeaveLine
  | PublishLine
  | CommandLine
  | SignalLine
  | PresenceLine
  | PingLine
  | SeenLine

// ── Downstream: what a server writes ──────────────────────────────────────────────────────────────────────────

/** Answers `hello`. */
export interface WelcomeLine {
  readonly t: 'welcome'
  readonly v: number
  /** This session's public name: its presence member id, and the head of the causes of its commands. */
  readonly m: string
  /** Milliseconds between heartbeats; silence for longer means a dead wire. */
  readonly hb: number
  readonly max: WireLimits
}

/** Answers `join`: the position the following events continue from. */
export interface JoinedLine {
  readonly t: 'joined'
  readonly ch: string
  readonly j: number
  readonly at: string
  /** The log's last offset at that moment: events up to it are not live but recovered, or history. */
  readonly head: number
  /** `resumed`: continues from the `after` of the join. `fresh`: starts anew at `at`. */
  readonly how: 'resumed' | 'fresh'
}

/** The state a newcomer starts from. Events after `at` follow; those up to `to` may already be contained in it. */
export interface SnapshotLine {
  readonly t: 'snap'
  readonly ch: string
  readonly at: string
  readonly to?: number | undefined
  readonly d: unknown
}

/** An event of the log. */
export interface EventLine {
  readonly t: 'ev'
  readonly ch: string
  readonly at: string
  /** The offset before this one, where offsets are sparse. Left out: `offset − 1`. */
  readonly prev?: number | undefined
  readonly e: string
  /** What caused it: `<member>.<command id>` for a command's events, `<member>#<n>` for a publish. */
  readonly c?: string | undefined
  readonly d: unknown
}

/** Why a log could not continue from a cursor. */
export type GapReason = 'trimmed' | 'lost_tail' | 'new_epoch'

/** Events between `from` and `to` are missing, and will not come. */
export interface GapLine {
  readonly t: 'gap'
  readonly ch: string
  readonly from: string
  /** The first position that is whole again; null where it is unknown. */
  readonly to: string | null
  readonly reason: GapReason
}

/** A signal from another session or from the server. */
export interface SignalDeliveryLine {
  readonly t: 'sig'
  readonly ch: string
  readonly e: string
  readonly k?: string | undefined
  /** The sender's member id; left out when the server itself sent it. */
  readonly m?: string | undefined
  readonly d: unknown
}

/** A change of the presence set, or all of it. `v` is the set's version after the change. */
export type PresenceDeliveryLine =
  | {
      readonly t: 'pres'
      readonly ch: string
      readonly v: string
      readonly op: 'all'
      readonly d: readonly { readonly m: string; readonly d: unknown }[]
    }
  | {
      readonly t: 'pres'
      readonly ch: string
      readonly v: string
      readonly op: 'join' | 'update'
      readonly m: string
      readonly d: unknown
    }
  | { readonly t: 'pres'; readonly ch: string; readonly v: string; readonly op: 'leave'; readonly m: string }

/** A publish is in the log, at `at` where the broker still knows. */
export interface AckLine {
  readonly t: 'ack'
  readonly ch: string
  readonly n: number
  readonly at?: string | undefined
}

/** A command's reply, and where the log stands behind the last event it emitted in its channel; none without one. */
export interface ResultLine {
  readonly t: 'res'
  readonly id: string
  readonly at?: string | undefined
  readonly d: unknown
}

/**
 * Something a client wrote was refused: a publish (`ch`, `n`), a command (`id`), or whatever `of` names (`line`: one
 * that could not be read). Without any of these, the connection itself is refused and about to end.
 */
export interface ErrorLine {
  readonly t: 'err'
  readonly code: string
  readonly msg: string
  readonly of?: UpstreamLine['t'] | 'line' | undefined
  readonly ch?: string | undefined
  readonly n?: number | undefined
  readonly id?: string | undefined
  /** The same may succeed after so many milliseconds. Left out: it will not, unless the code is `unauthorized`. */
  readonly retry?: number | undefined
  /** `sequence_gap` only: the number the server expects next. */
  readonly want?: number | undefined
}

/** The server ends this session's stay in a channel: refused, revoked or finished. */
export interface EndLine {
  readonly t: 'end'
  readonly ch: string
  readonly code: string
  readonly msg: string
}

/** Nothing to say, still here. */
export interface HeartbeatLine {
  readonly t: 'hb'
}

/** Answers `ping`. */
export interface PongLine {
  readonly t: 'pong'
  readonly n: number
}

/** Asks to be answered by `seen` with the same number: how a server that cannot see its buffers knows how far it is. */
export interface MarkLine {
  readonly t: 'mark'
  /** Rises within the attachment. */
  readonly n: number
}

/** The token of this attachment runs out. A new one keeps it open: a second `hello`, or another attachment. */
export interface ExpiresLine {
  readonly t: 'expires'
  /** Milliseconds left. */
  readonly in: number
}

/** Why an attachment ends and when to come back. Its last line, unless it has `in`. */
export interface ByeLine {
  readonly t: 'bye'
  readonly code: string
  /** Milliseconds within which to attach elsewhere; the client picks a moment at random. */
  readonly retry?: number | undefined
  /** Milliseconds the wire goes on working, so that the next one can be attached before this one is let go. */
  readonly in?: number | undefined
}

/** Everything a server may write. */
export type DownstreamLine =
  | WelcomeLine
  | JoinedLine
  | SnapshotLine
  | EventLine
  | GapLine
  | SignalDeliveryLine
  | PresenceDeliveryLine
  | AckLine
  | ResultLine
  | ErrorLine
  | EndLine
  | HeartbeatLine
  | PongLine
  | MarkLine
  | ExpiresLine
  | ByeLine
