/**
 * Full-jitter exponential back-off: after a server comes back, its clients return spread over the whole
 * interval instead of in waves. The caller brings the random number, so the schedule can be replayed.
 */

/** How long to wait between attempts. */
export interface BackoffOptions {
  /** Milliseconds the first interval is long. Default 500. */
  readonly baseMs?: number
  /** Milliseconds no interval exceeds. Default 20,000. */
  readonly capMs?: number
}

/**
 * Milliseconds to wait before attempt `attempt` (1 = the first retry), drawn from 0 to
 * `min(cap, base × 2^(attempt − 1))`.
 * @param random a number from 0 (inclusive) to 1 (exclusive)
 */
export function backoffMs(attempt: number, random: number, options: BackoffOptions = {}): number {
  const { baseMs = 500, capMs = 20_000 } = options
  const interval = Math.min(capMs, baseMs * 2 ** Math.min(30, Math.max(0, attempt - 1)))
  return Math.floor(interval * random)
}
