// What one client has received, and how to wait for more of it without asking again and again.

import { EventEmitter, once } from 'node:events'

/** The receiving side of a client. It emits `news` when anything has changed. */
export class Reader extends EventEmitter<{ news: [] }> {
  /** The highest end mark that came. */
  marked = 0
  /** When the first message came, in milliseconds since the epoch. */
  firstAt: number | undefined
  #lastAt = Number.POSITIVE_INFINITY
  #longestSilenceMs = 0

  /** A message came, of whatever kind. */
  handleMessage(): void {
    const now = performance.timeOrigin + performance.now()
    this.firstAt ??= now
    this.#longestSilenceMs = Math.max(this.#longestSilenceMs, now - this.#lastAt)
    this.#lastAt = now
    this.emit('news')
  }

  /** The longest time between two messages since the last call. */
  takeSilence(): number {
    const longest = this.#longestSilenceMs
    this.#longestSilenceMs = 0
    return longest
  }

  /** Waits for a condition; false where it does not come to hold in time. */
  async until(holds: () => boolean, boundMs: number): Promise<boolean> {
    const signal = AbortSignal.timeout(boundMs)
    while (!holds()) {
      try {
        await once(this, 'news', { signal })
      } catch {
        return false
      }
    }
    return true
  }
}

/** Waits until all of these readers have an end mark; says who has not. */
export function untilMarked(readers: ReadonlyMap<string, Reader>, n: number, boundMs: number): Promise<string[]> {
  return untilAll(readers, ({ marked }) => marked >= n, boundMs)
}

/** Waits until all of these readers have received a message; says who has not. */
export function untilHeard(readers: ReadonlyMap<string, Reader>, boundMs: number): Promise<string[]> {
  return untilAll(readers, ({ firstAt }) => firstAt !== undefined, boundMs)
}

async function untilAll(
  readers: ReadonlyMap<string, Reader>,
  holds: (reader: Reader) => boolean,
  boundMs: number,
): Promise<string[]> {
  const late = await Promise.all(
    [...readers].map(async ([id, reader]) => ((await reader.until(() => holds(reader), boundMs)) ? [] : [id])),
  )
  return late.flat()
}
