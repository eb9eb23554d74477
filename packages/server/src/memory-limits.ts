/**
 * Bounds of the memory broker, each with its unit, its reason and what happens beyond it. Everything else it holds
 * is bounded by its callers: history per append, presence by `maxMembers`, leases by their own end.
 */

/** What a memory broker may hold, and for how long. */
export interface MemoryBrokerLimits {
  /**
   * Channels. Default 100,000. Beyond it the ones unused for longest, without subscribers, members or running
   * commands, are dropped early (their readers get `new_epoch`); where there are none, `unavailable`.
   */
  readonly channels: number
  /** Producers remembered per channel. Default 4,096. Beyond it the one that was silent for longest is forgotten. */
  readonly producers: number
  /** `once` keys remembered per channel. Default 10,000. Beyond it the oldest is forgotten. */
  readonly onceKeys: number
  /**
   * Commands running, and replies remembered, per channel. Default 10,000. Beyond it the oldest reply is
   * forgotten; a claim more than that rejects with `unavailable`.
   */
  readonly commands: number
  /** Bytes of replies remembered per channel. Default 8 MiB. Beyond it the oldest is forgotten. */
  readonly replyBytes: number
  /** Calls of `settled` waiting per channel. Default 1,000. Beyond it the answer is `undefined` at once. */
  readonly waiters: number
  /** Members that said goodbye, remembered per channel. Default 1,000. Beyond it the oldest is forgotten. */
  readonly departed: number
  /** Milliseconds producers (since last use), `once` keys and departed members are remembered. Default 300,000. */
  readonly dedupeMs: number
  /** Milliseconds an empty channel without subscribers keeps its epoch since its last use. Default 300,000. */
  readonly idleMs: number
  /** Milliseconds between two clean-ups of one channel. Leases and waits end on time regardless. Default 5,000. */
  readonly sweepMs: number
}

/** What holds where `memory()` is told nothing else. */
export const DEFAULT_MEMORY_LIMITS: MemoryBrokerLimits = {
  channels: 100_000,
  producers: 4096,
  onceKeys: 10_000,
  commands: 10_000,
  replyBytes: 8 * 1024 * 1024,
  waiters: 1000,
  departed: 1000,
  dedupeMs: 300_000,
  idleMs: 300_000,
  sweepMs: 5000,
}
