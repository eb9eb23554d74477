/**
 * The server's clock, as this node knows it: leases and ages are judged by one clock, and nodes' own may differ by minutes.
 * NATS 2.9 tells the time of nothing but what it has stored, so something is stored and read again.
 */

/** Stores something, and says when the server thinks that was, in milliseconds since 1970. */
export type Probe = () => Promise<{ readonly storedAt: number; readonly sentAt: number; readonly ackedAt: number }>

/** Measurements of which the quickest counts: its error is half of the time it took, at most. */
const MEASUREMENTS = 3

/** The clock. */
export class Clock {
  #offset = Date.now() - performance.now()

  /** Milliseconds since 1970 by the server's clock; by our own until the first measurement. */
  now(): number {
    return performance.now() + this.#offset
  }

  /** Measures. */
  async measure(probe: Probe): Promise<void> {
    let best = Number.POSITIVE_INFINITY
    for (let times = 0; times < MEASUREMENTS; times++) {
      const { storedAt, sentAt, ackedAt } = await probe()
      if (ackedAt - sentAt >= best) continue
      best = ackedAt - sentAt
      this.#offset = storedAt - (sentAt + ackedAt) / 2
    }
  }
}
