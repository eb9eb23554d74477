/** What is on its way through the network: the schedule it runs on, on whatever timers there are, and what it waits for. */
import type { Actor } from './clock.ts'
import { isComputing } from './host-crypto.ts'
import type { Schedule } from './schedule.ts'
import { soon, type Time } from './time.ts'

interface Flight {
  readonly at: number
  readonly run: () => void
  timer?: unknown
}

/** The flights. */
export class Flights implements Schedule {
  /** How many have landed. */
  landed = 0
  readonly #time: Time
  readonly #underWay = new Set<Flight>()
  /** Those that are due, in their order. */
  readonly #due: Flight[] = []
  readonly #timers = new Set<unknown>()
  #grounded = false

  constructor(time: Time) {
    this.#time = time
  }

  get now(): number {
    return this.#time.now
  }

  /** When the next one lands; undefined where there is none. */
  get nextAt(): number | undefined {
    const times = [...this.#underWay].map(({ at }) => at)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  at(time: number, _actor: Actor, run: () => void): void {
    if (this.#grounded) return
    const flight: Flight = { at: time, run }
    this.#underWay.add(flight)
    const delayMs = time - this.now
    // What takes no time needs none to be moved: a promise of the app may be awaited without further ado.
    if (delayMs <= 0) this.#arrive(flight)
    else flight.timer = setTimeout(() => this.#arrive(flight), delayMs)
  }

  after(delayMs: number, actor: Actor, run: () => void): void {
    this.at(this.now + delayMs, actor, run)
  }

  setTimer(delayMs: number, run: () => void): unknown {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, delayMs)
    this.#timers.add(timer)
    return timer
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer)
    clearTimeout(timer as never)
  }

  /** Nothing lands any more. */
  ground(): void {
    this.#grounded = true
    const timers = [...this.#timers, ...[...this.#underWay].map(({ timer }) => timer)]
    for (const timer of timers) clearTimeout(timer as never)
    this.#underWay.clear()
    this.#due.length = 0
  }

  #arrive(flight: Flight): void {
    if (this.#due.push(flight) === 1) soon(this.#land)
  }

  /** One at a time, each in a turn of its own, as a host does with what comes from outside. */
  readonly #land = (): void => {
    const flight = isComputing() ? undefined : this.#due.shift()
    if (this.#due.length > 0) soon(this.#land)
    if (flight === undefined) return
    this.#underWay.delete(flight)
    this.landed++
    flight.run()
  }
}
