/** What the network needs of time. The simulation has it from its clock, a test from whatever timers it runs on. */
import type { Actor } from './clock.ts'

/** Times at which things happen. */
export interface Schedule {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Lets something happen to an actor at a time; what is due at the same time happens in the order of asking. */
  at(time: number, actor: Actor, run: () => void): unknown
  after(delayMs: number, actor: Actor, run: () => void): unknown
  /** A timer that nobody waits for. */
  setTimer(delayMs: number, run: () => void): unknown
  clearTimer(timer: unknown): void
}
