/**
 * Three kinds of time that a test may run on, behind one port. `VirtualTime` takes the place of the global timers;
 * `FakedTime` is that of a test runner which has done so already; `RealTime` is everybody's.
 */
import { TriwireError } from '@triwire/protocol'

/** Time as `testNetwork` moves it. */
export interface Time {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Whether time passes by itself. */
  readonly passes: boolean
  /** When the next timer is due; undefined where there is none, or nobody can tell. */
  readonly nextAt: number | undefined
  /** Something is due already and has not happened yet. */
  readonly due: boolean
  /** Runs what is due up to a time, which is then now. */
  runTo(time: number): void | Promise<void>
  /** Lets the event loop go round once: promises settle, I/O arrives. */
  turn(): Promise<void>
  /** @throws TriwireError `timers_replaced` where somebody else has taken the timers meanwhile */
  check(): void
  /** Gives back what it has taken. */
  stop(): void
}

interface FakeTimer {
  readonly callAt: number
}

/** What `@sinonjs/fake-timers` hangs on every function it fakes; Vitest, Jest and Sinon all use it. */
interface FakeClock {
  readonly now: number
  /** By id, as an object or, in newer versions, a Map; none before the first. Not documented. */
  readonly timers?: Readonly<Record<string, FakeTimer>> | ReadonlyMap<number, FakeTimer>
  countTimers(): number
  tick(ms: number): unknown
  tickAsync(ms: number): Promise<unknown>
}

/** The clock of fake timers that are in place now. */
export function fakeClock(): FakeClock | undefined {
  const { clock } = globalThis.setTimeout as { readonly clock?: FakeClock }
  return typeof clock?.tick === 'function' ? clock : undefined
}

/**
 * The host's own ways to come back later, taken before a test can replace them. Node has the first, browsers and their
 * imitations the second; neither counts where everything is faked from the start.
 */
const { setImmediate: hostImmediate, setTimeout: hostTimeout } = (fakeClock() === undefined ? globalThis : {}) as {
  readonly setImmediate?: (callback: () => void) => unknown
  readonly setTimeout?: typeof setTimeout
}

/** One turn of the host's event loop, or undefined where it cannot be had behind fake timers. */
function hostTurn(): Promise<void> | undefined {
  if (hostImmediate !== undefined) return new Promise((resolve) => void hostImmediate(resolve))
  if (hostTimeout !== undefined) return new Promise((resolve) => void hostTimeout(resolve, 0))
  return undefined
}

/** Calls back once in the next turn of the host's event loop, whatever becomes of the timers. */
export function soon(callback: () => void): void {
  const turn = hostTurn()
  if (turn !== undefined) void turn.then(callback)
  else setTimeout(callback, 0)
}

/** The time of fake timers that the test has put in place before. */
export class FakedTime implements Time {
  readonly passes: boolean = false
  readonly due: boolean = false
  readonly #clock: FakeClock

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  get now(): number {
    return this.#clock.now
  }

  get nextAt(): number | undefined {
    const { timers = {} } = this.#clock
    // Not `instanceof Map`: under Jest it is that of another realm.
    const all: FakeTimer[] =
      'values' in timers ? [...(timers as ReadonlyMap<number, FakeTimer>).values()] : Object.values(timers)
    if (all.length > 0) return Math.min(...all.map(({ callAt }) => callAt))
    // Where they are kept somewhere else: step by step.
    return this.#clock.countTimers() > 0 ? this.now + 1 : undefined
  }

  runTo(time: number): void {
    this.#clock.tick(Math.max(0, time - this.now))
  }

  async turn(): Promise<void> {
    const turn = hostTurn()
    if (turn === undefined) await this.#clock.tickAsync(0)
    else {
      await turn
      // Some fake microtasks and ticks of the process as well.
      this.#clock.tick(0)
    }
  }

  check(): void {
    if (fakeClock() === this.#clock) return
    throw new TriwireError(
      'timers_replaced',
      'The fake timers this network was made with are gone. Await net.close() before you restore real timers.',
    )
  }

  stop(): void {}
}

/** The time of the host. */
export class RealTime implements Time {
  readonly passes: boolean = true
  readonly nextAt: undefined = undefined
  readonly due: boolean = false

  get now(): number {
    return Date.now()
  }

  runTo(time: number): Promise<void> {
    return new Promise((resolve) => {
      setTimeout(resolve, time - this.now)
    })
  }

  turn(): Promise<void> {
    return new Promise((resolve) => {
      setTimeout(resolve, 1)
    })
  }

  check(): void {
    if (fakeClock() === undefined) return
    throw new TriwireError(
      'timers_replaced',
      'This network runs on real time, and the timers have been faked meanwhile. Fake them before testNetwork().',
    )
  }

  stop(): void {}
}
