/**
 * Limits of the protocol and their defaults, each with its unit and its reason. They are on from the start;
 * a server announces the ones a client must obey in `welcome`.
 */

/** The limits a client must obey, as announced in `welcome.max` (PROTOCOL.md §4.1). */
export interface WireLimits {
  /** Bytes of one upstream line (UTF-8). Default 65,536. */
  readonly line: number
  /** Bytes of one upstream body, or of one WebSocket message. Default 262,144. */
  readonly body: number
  /** Lines of one upstream batch. A longer batch is refused whole, never cut. Default 1,024. */
  readonly batch: number
  /** Channels one connection may hold. Default 128. */
  readonly channels: number
  /** Upstream lines per second that are let through for long. Default 50. */
  readonly rate: number
  /** Upstream lines that may come at once after a quiet time. Default 100. */
  readonly burst: number
}

/** What holds until a `welcome` says otherwise. */
export const DEFAULT_WIRE_LIMITS: WireLimits = {
  line: 64 * 1024,
  body: 256 * 1024,
  batch: 1024,
  channels: 128,
  rate: 50,
  burst: 100,
}

/** Levels of nesting a payload may have: deep enough for any form, shallow enough for any parser. */
export const MAX_JSON_DEPTH = 32

/** Bytes of a channel address: short enough for an index key of every store. */
export const MAX_ADDRESS_BYTES = 255

/** Milliseconds between two heartbeat lines: below the 30 s after which many proxies cut a quiet stream. */
export const HEARTBEAT_MS = 25_000

/** Milliseconds a long poll is held: below the same 30 s. */
export const POLL_HOLD_MS = 25_000
