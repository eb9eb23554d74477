/** One call of the port while it lasts: how long it may, and in which life of the streams it began. */

/** A call. */
export interface Operation {
  /** Until when it may take, on the clock of `performance`. */
  readonly until: number
  /**
   * The streams it has learned something of. That says nothing about streams that came later: a number that was taken is free
   * again, and a place in the log is another one. Undefined while it has had no answer.
   */
  life: string | undefined
}

/** Begins one that may take so long. */
export function begin(timeoutMs: number): Operation {
  return { until: performance.now() + timeoutMs, life: undefined }
}
