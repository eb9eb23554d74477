/**
 * One timer for thousands of deadlines: heartbeats, holds and leases need no precision, so they share slots of 50 ms
 * and the host sees a single `setTimeout`. An empty wheel holds none.
 */

/** Cancels a scheduled call; harmless when it has happened. */
export type Cancel = () => void

const SLOT_MS = 50

/** Timers of hosts overflow beyond 2^31 − 1 ms and fire at once; a wheel that turns early just arms again. */
const LONGEST_MS = 2 ** 31 - 1

/** Calls back once after so many milliseconds; returns how to cancel that. */
export type SetTimer = (callback: () => void, delayMs: number) => Cancel

/** The wheel. Calls happen up to 50 ms late, never early. */
export class TimerWheel {
  readonly #slots = new Map<number, Set<() => void>>()
  readonly #now: () => number
  readonly #setTimer: SetTimer
  #cancelTimer: Cancel = () => {}
  #timerSlot = Number.POSITIVE_INFINITY

  constructor(now: () => number, setTimer: SetTimer = setHostTimer) {
    this.#now = now
    this.#setTimer = setTimer
  }

  /** Calls back once, after `delayMs`. */
  schedule(delayMs: number, callback: () => void): Cancel {
    const slot = Math.ceil((this.#now() + Math.max(0, delayMs)) / SLOT_MS)
    const callbacks = this.#slots.get(slot) ?? new Set()
    // Wrapped, so that one function may be scheduled twice.
    const call = (): void => callback()
    callbacks.add(call)
    this.#slots.set(slot, callbacks)
    if (slot < this.#timerSlot) this.#arm(slot)
    return () => {
      callbacks.delete(call)
      if (callbacks.size > 0 || this.#slots.get(slot) !== callbacks) return
      this.#slots.delete(slot)
      // A timer for nothing would keep a host awake that could sleep.
      if (slot === this.#timerSlot) this.#armNext()
    }
  }

  /** Calls back every `periodMs` until cancelled. */
  repeat(periodMs: number, callback: () => void): Cancel {
    let cancel: Cancel
    const next = (): void => {
      cancel = this.schedule(periodMs, next)
      callback()
    }
    cancel = this.schedule(periodMs, next)
    return () => cancel()
  }

  /** Forgets everything. */
  close(): void {
    this.#slots.clear()
    this.#disarm()
  }

  #arm(slot: number): void {
    this.#disarm()
    this.#timerSlot = slot
    const delayMs = Math.min(LONGEST_MS, Math.max(0, slot * SLOT_MS - this.#now()))
    this.#cancelTimer = this.#setTimer(() => this.#turn(), delayMs)
  }

  #armNext(): void {
    let next = Number.POSITIVE_INFINITY
    for (const slot of this.#slots.keys()) if (slot < next) next = slot
    if (next === Number.POSITIVE_INFINITY) this.#disarm()
    else this.#arm(next)
  }

  #disarm(): void {
    this.#cancelTimer()
    this.#cancelTimer = () => {}
    this.#timerSlot = Number.POSITIVE_INFINITY
  }

  #turn(): void {
    this.#disarm()
    const current = Math.floor(this.#now() / SLOT_MS)
    const due = [...this.#slots.keys()].filter((slot) => slot <= current).sort((a, b) => a - b)
    // The sets themselves, not copies: what one call cancels, another must not be called for.
    const calls = due.flatMap((slot) => this.#slots.get(slot) ?? [])
    for (const slot of due) this.#slots.delete(slot)
    this.#armNext()
    for (const callbacks of calls)
      for (const call of callbacks) {
        try {
          call()
        } catch (error) {
          // The others of this slot are somebody else's; the error goes where uncaught ones go.
          queueMicrotask(() => {
            throw error
          })
        }
      }
  }
}

function setHostTimer(callback: () => void, delayMs: number): Cancel {
  const timer = setTimeout(callback, delayMs)
  return () => clearTimeout(timer)
}
