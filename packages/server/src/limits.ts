/** What one client may cost: every limit with its unit, its default and its reason. All are on from the start. */
import { DEFAULT_WIRE_LIMITS, HEARTBEAT_MS, POLL_HOLD_MS, TriwireError, type WireLimits } from '@triwire/protocol'

/** The limits of a server. Those of `WireLimits` are announced to clients, who keep to them by themselves. */
export interface Limits extends WireLimits {
  /** Bytes that may wait for one slow connection; beyond, it reads from the log at its own pace. Default 65,536. */
  readonly outboundBytes: number
  /**
   * Bytes that may be on their way to a connection without its client having confirmed them, on hosts that cannot tell
   * how much they have buffered. Default 262,144: 2 Mbit/s where an answer takes a second.
   */
  readonly unseenBytes: number
  /**
   * Milliseconds such a stream may have its window full and confirm nothing before it is asked to attach anew. Its
   * answers may reach another node, which can do nothing with them; the cursors it comes with say the same. Default 5,000.
   */
  readonly unseenMs: number
  /** Connections of one user, over all tabs and devices. Default 32. */
  readonly connectionsPerUser: number
  /** Connections from one address. Default 256: an office behind one address still fits. */
  readonly connectionsPerAddress: number
  /** Milliseconds from opening a connection to a verified `hello`; bodies must arrive within it too. Default 10,000. */
  readonly authMs: number
  /** Milliseconds between heartbeat lines. Default 25,000: below the 30 s after which proxies cut quiet streams. */
  readonly heartbeatMs: number
  /** Milliseconds a WebSocket peer has to answer a ping before it counts as gone. Default 10,000. */
  readonly pongMs: number
  /** Milliseconds a poll is held at most. Default 25,000, for the same reason. */
  readonly pollHoldMs: number
  /** Milliseconds after which a Server-Sent Events stream is asked to attach anew. Default 300,000. */
  readonly rotateMs: number
  /**
   * Milliseconds a connection that was told to attach elsewhere goes on working, so that its client is there before it
   * lets go. Default 10,000: a few attempts of a client on a bad line.
   */
  readonly overlapMs: number
  /** Events one page of replay holds. Default 300. */
  readonly replayEvents: number
  /** Bytes one page of replay holds. Default 1,048,576. */
  readonly replayBytes: number
  /** Members of one channel's presence set. Default 200. */
  readonly presenceMembers: number
  /** Bytes of one presence value. Default 1,024. */
  readonly presenceBytes: number
  /** Milliseconds a presence lease runs unless renewed; a dead node's members leave after it. Default 30,000. */
  readonly presenceLeaseMs: number
  /**
   * Milliseconds a member stays after its connection closed, so that a reconnect does not flicker; up to a third more after
   * a poll. Default 10,000.
   */
  readonly presenceGraceMs: number
  /** Milliseconds a hook or command handler may take before the client is told and the slot freed. Default 30,000. */
  readonly handlerMs: number
  /** Commands of one session that run at once. Default 16. */
  readonly commandsAtOnce: number
  /** Milliseconds a command's reply is remembered for repetitions. Default 300,000. */
  readonly rememberMs: number
}

/** The defaults. */
export const DEFAULT_LIMITS: Limits = {
  ...DEFAULT_WIRE_LIMITS,
  outboundBytes: 64 * 1024,
  unseenBytes: 256 * 1024,
  unseenMs: 5000,
  connectionsPerUser: 32,
  connectionsPerAddress: 256,
  authMs: 10_000,
  heartbeatMs: HEARTBEAT_MS,
  pongMs: 10_000,
  pollHoldMs: POLL_HOLD_MS,
  rotateMs: 300_000,
  overlapMs: 10_000,
  replayEvents: 300,
  replayBytes: 1024 * 1024,
  presenceMembers: 200,
  presenceBytes: 1024,
  presenceLeaseMs: 30_000,
  presenceGraceMs: 10_000,
  handlerMs: 30_000,
  commandsAtOnce: 16,
  rememberMs: 300_000,
}

/**
 * Fills in the defaults.
 * @throws TriwireError `bad_limit` for a limit that is no positive number
 */
export function resolveLimits(limits: Partial<Limits> = {}): Limits {
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) throw new TriwireError('bad_limit', `There is no limit "${name}".`)
    if (!(typeof value === 'number' && value > 0))
      throw new TriwireError('bad_limit', `Limit "${name}" is a number above 0.`)
  }
  return { ...DEFAULT_LIMITS, ...limits }
}
