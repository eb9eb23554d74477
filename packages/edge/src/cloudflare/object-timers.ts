/**
 * Timers that let an object sleep. One that is due soon is an ordinary timer: while it runs the object stays awake. One that is
 * due later is the object's alarm, which wakes it. Timers themselves are gone when it wakes: whoever set them sets them again.
 */
import type { Cancel, SetTimer } from '@triwire/server'
import type { ObjectStorage } from './platform.ts'

/** Milliseconds for which it is cheaper to stay awake than to be woken: objects are let sleep after about ten seconds. */
const AWAKE_MS = 15_000

interface Waiting {
  readonly dueAt: number
  readonly callback: () => void
}

/** The timers of one object. */
export class ObjectTimers {
  readonly #storage: ObjectStorage
  readonly #waiting = new Set<Waiting>()
  #alarmAt = Number.POSITIVE_INFINITY

  constructor(storage: ObjectStorage) {
    this.#storage = storage
  }

  /** Finds out when the object will be woken. To be called first. */
  async load(): Promise<void> {
    this.#alarmAt = (await this.#storage.getAlarm()) ?? Number.POSITIVE_INFINITY
  }

  /** Calls back once, while this process lasts. */
  readonly setTimer: SetTimer = (callback: () => void, delayMs: number): Cancel => {
    if (delayMs <= AWAKE_MS) {
      const timer = setTimeout(callback, delayMs)
      return () => clearTimeout(timer)
    }
    const waiting = { dueAt: Date.now() + delayMs, callback }
    this.#waiting.add(waiting)
    this.wakeAt(waiting.dueAt)
    return () => this.#waiting.delete(waiting)
  }

  /** Has the object woken by then. An earlier alarm is left: moving it costs a write. */
  wakeAt(at: number): void {
    if (this.#alarmAt <= at) return
    this.#alarmAt = at
    void this.#storage.setAlarm(at)
  }

  /** The alarm went off: calls back what is due, and sets the next one. */
  handleAlarm(): void {
    this.#alarmAt = Number.POSITIVE_INFINITY
    const now = Date.now()
    for (const waiting of [...this.#waiting]) {
      if (waiting.dueAt > now) continue
      this.#waiting.delete(waiting)
      waiting.callback()
    }
    for (const { dueAt } of this.#waiting) this.wakeAt(dueAt)
  }
}
