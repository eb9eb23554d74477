/**
 * A token bucket with time passed in (the leaky-bucket meter of ITU-T I.371, counted in lines). The server
 * meters a session with it, and the client paces itself with an equal one, so that an honest burst waits on the
 * client instead of being refused by the server.
 */
export class Pacer {
  #rate: number
  #burst: number
  #tokens: number
  #at: number

  /**
   * @param rate tokens per second
   * @param burst tokens that can be saved up
   */
  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate
    this.#burst = burst
    this.#tokens = burst
    this.#at = now
  }

  /** Changes the bounds; tokens already spent stay spent. */
  configure(rate: number, burst: number): void {
    this.#tokens += burst - this.#burst
    this.#rate = rate
    this.#burst = burst
  }

  /** Takes one token if there is one. */
  take(now: number): boolean {
    this.#refill(now)
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  /** Milliseconds until the next token; 0 when there is one. */
  waitMs(now: number): number {
    this.#refill(now)
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#rate) * 1000)
  }

  #refill(now: number): void {
    // A clock that jumps back must not take tokens away.
    const elapsedMs = Math.max(0, now - this.#at)
    this.#at = now
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs / 1000) * this.#rate)
  }
}
