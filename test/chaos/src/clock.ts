// One clock for all processes of this machine, and the events that carry it.

/** The sender of events whose number is the time at which they were said. */
export const TIMED = 'timed'

/** Milliseconds since the epoch, with fractions. */
export function clock(): number {
  return performance.timeOrigin + performance.now()
}
