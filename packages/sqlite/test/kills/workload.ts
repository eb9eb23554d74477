/** What both sides of the kill test know. */

/** Keeps everything a round can append. */
export const HISTORY = { keep: 100_000, ttlMs: 3_600_000, bytes: 1024 * 1024 * 1024 }

/** Sequences of a producer that may be on their way at a time. */
export const WINDOW = 4

export const CHANNELS: readonly string[] = ['room?id=1', 'room?id=2', 'room?id=3']

export const PRODUCERS: readonly string[] = Array.from({ length: 8 }, (_, index) => `producer-${index}`)

/** Some publishes are refused by the app, which uses up their sequence as well. */
export function isRefused(sequence: number): boolean {
  return sequence % 20 === 0
}
