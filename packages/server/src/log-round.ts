/**
 * Rounds: the time of a public log in numbered pieces. A reader with nothing to read asks for what comes in the round
 * that is now, and is held until something does or the round is over; then the answer sends it to the next one.
 *
 * Without them an answer that says "nothing" would be a trap: a cache that keeps it answers whoever asks again at once,
 * over and over, and one that does not keep it lets them all through, one after another or together. With its round the
 * question is another one each time, so its answer may be kept like any other.
 */

/** Milliseconds of a round at most: less than proxies bear silence, and than a poll is held. */
const ROUND_MS = 20_000

/** Rounds ahead of this node's own that are waited for: five minutes, for nodes whose clocks differ. */
const ROUNDS_AHEAD = 15

/** The rounds of one channel. */
export class Rounds {
  readonly #lengthMs: number
  /** Channels change rounds at different moments, so that not all their readers come back at once. */
  readonly #phaseMs: number

  /** @param holdMs how long an answer may be held */
  constructor(address: string, holdMs: number) {
    this.#lengthMs = Math.max(1, Math.min(ROUND_MS, Math.floor(holdMs)))
    this.#phaseMs = hashOf(address) % this.#lengthMs
  }

  /** The round that is at a time. */
  at(now: number): number {
    return Math.floor((now + this.#phaseMs) / this.#lengthMs)
  }

  /** Milliseconds to the end of a round; undefined where it is over, or too far ahead to be waited for. */
  leftMs(round: number, now: number): number | undefined {
    const current = this.at(now)
    if (round < current || round > current + ROUNDS_AHEAD) return undefined
    return (round + 1) * this.#lengthMs - this.#phaseMs - now
  }
}

/** FNV-1a: any spread will do. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}
