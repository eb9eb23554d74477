/**
 * The heartbeats of one node. One walk goes round all its connections within each period, so a connection costs no timer
 * and no entry of its own, and the beats of thousands are spread over the period instead of falling together.
 */
import type { Attached, Connections } from './connections.ts'
import type { Cancel, TimerWheel } from './timer-wheel.ts'

/** Steps of a walk within one period. */
const STEPS = 32

/** The heartbeats. A connection has one at least every period, and a step late at most. */
export class Heartbeats {
  readonly #connections: Connections
  readonly #wheel: TimerWheel
  readonly #periodMs: number
  /** Those that want heartbeats. While there are none there is no timer either: it would keep a host awake. */
  #count = 0
  #cancel: Cancel | undefined
  #walk: Iterator<Attached> | undefined
  #walked = 0
  #startedAt = 0

  constructor(connections: Connections, wheel: TimerWheel, periodMs: number) {
    this.#connections = connections
    this.#wheel = wheel
    this.#periodMs = periodMs
  }

  /** One more wants heartbeats: its `beat` is called from now on. */
  enter(): void {
    if (this.#count++ > 0) return
    this.#begin(Date.now())
  }

  /** One less does. */
  leave(): void {
    if (--this.#count > 0) return
    this.#cancel?.()
    this.#walk = undefined
  }

  #begin(now: number): void {
    this.#startedAt = now
    this.#walk = this.#connections.walk()
    this.#walked = 0
    this.#stepAfter(this.#periodMs / STEPS)
  }

  #stepAfter(delayMs: number): void {
    this.#cancel = this.#wheel.schedule(delayMs, () => this.#step())
  }

  #step(): void {
    const now = Date.now()
    // The clock may have been set back.
    const passedMs = Math.abs(now - this.#startedAt)
    const isOver = passedMs >= this.#periodMs
    // Those that come meanwhile stand at the end of the walk, and are met by it.
    const until = isOver
      ? Number.POSITIVE_INFINITY
      : Math.floor((passedMs / this.#periodMs) * this.#connections.size)
    while (this.#walked < until) {
      const next = this.#walk?.next()
      if (next === undefined || next.done === true) break
      this.#walked++
      next.value.beat()
    }
    // Whoever heard of it may have been the last.
    if (this.#count === 0) return
    if (isOver) this.#begin(now)
    else this.#stepAfter(Math.min(this.#periodMs / STEPS, this.#periodMs - passedMs))
  }
}
