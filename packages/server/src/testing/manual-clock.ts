/** A clock that stands still until a test moves it, with the timers that hang on it. */

/** Virtual time: `now` and `setTimer` fit `memory()`. */
export interface ManualClock {
  readonly now: () => number
  readonly setTimer: (callback: () => void, delayMs: number) => () => void
  /** Moves the clock, running every timer at its own moment and letting promises settle in between. */
  readonly advance: (ms: number) => Promise<void>
  /** Timers pending at this moment. */
  readonly timers: () => number
}

/** Makes a clock that shows `startMs`. */
export function createManualClock(startMs: number = 1_000_000): ManualClock {
  let now = startMs
  const pending = new Set<{ readonly dueAt: number; readonly callback: () => void }>()
  return {
    now: () => now,
    setTimer: (callback, delayMs) => {
      const timer = { dueAt: now + delayMs, callback }
      pending.add(timer)
      return () => pending.delete(timer)
    },
    advance: async (ms) => {
      const end = now + ms
      for (;;) {
        let next: { readonly dueAt: number; readonly callback: () => void } | undefined
        for (const timer of pending)
          if (timer.dueAt <= end && (next === undefined || timer.dueAt < next.dueAt)) next = timer
        if (next === undefined) break
        pending.delete(next)
        now = Math.max(now, next.dueAt)
        next.callback()
        await Promise.resolve()
      }
      now = end
      await Promise.resolve()
    },
    timers: () => pending.size,
  }
}
