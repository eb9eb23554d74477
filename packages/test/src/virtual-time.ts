/**
 * Virtual time in the place of the global timers, `Date` and `Math.random`, until it is stopped. It stands still until it
 * is moved. What is due at once (`setTimeout(…, 0)`) happens at once all the same, in the next turn of the event loop:
 * helpers of testing libraries wait for that, and would hang otherwise.
 */
import { TriwireError } from '@triwire/protocol'
import { type Actor, Clock, createActor, type Entry } from './clock.ts'
import { Random } from './random.ts'
import { soon, type Time } from './time.ts'

/** Milliseconds between frames. */
export const FRAME_MS = 16

/** There is one at a time: it is that of the whole process. */
let current: VirtualTime | undefined

type Callback = (...values: unknown[]) => void

/** What `setTimeout` returns: what Node's has, and opaque to code for browsers. */
class Timer {
  entry: Entry | undefined
  cancelled = false
  /** How often it was begun. */
  starts = 0
  readonly #start: (timer: Timer) => void
  readonly #cancel: (timer: Timer) => void

  constructor(start: (timer: Timer) => void, cancel: (timer: Timer) => void) {
    this.#start = start
    this.#cancel = cancel
    start(this)
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return !this.cancelled
  }

  refresh(): this {
    this.#cancel(this)
    this.cancelled = false
    this.#start(this)
    return this
  }

  close(): this {
    this.#cancel(this)
    return this
  }
}

/** The time. */
export class VirtualTime implements Time {
  readonly passes: boolean = false
  readonly #clock: Clock
  readonly #host: Actor = createActor('host')
  readonly #real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    requestAnimationFrame: globalThis.requestAnimationFrame,
    cancelAnimationFrame: globalThis.cancelAnimationFrame,
    Date: globalThis.Date,
  }
  readonly #random = Math.random
  readonly #fake: Readonly<Record<string, unknown>>
  #due = 0
  #stopped = false

  /**
   * @param now where it begins
   * @param seed of what `Math.random` draws
   * @throws TriwireError `in_use` where there is another one
   */
  constructor(now: number, seed: number) {
    if (current !== undefined)
      throw new TriwireError(
        'in_use',
        'Another test network is open, and its time is that of the whole process. Await net.close() of that one first; where two must be open at once, fake the timers with your test runner before.',
      )
    current = this
    this.#clock = new Clock(
      () => {},
      // Where the host's timers throw to.
      (error) =>
        queueMicrotask(() => {
          throw error
        }),
    )
    this.#clock.now = now
    this.#clock.current = this.#host
    const random = new Random(seed, 'test')
    this.#fake = this.#functions()
    Object.assign(globalThis, this.#fake)
    Math.random = () => (this.#stopped ? this.#random() : random.next())
  }

  get now(): number {
    return this.#clock.now
  }

  get nextAt(): number | undefined {
    return this.#clock.nextAt
  }

  get due(): boolean {
    return this.#due > 0
  }

  runTo(time: number): void {
    this.#clock.runUntil(time)
  }

  turn(): Promise<void> {
    return new Promise(soon)
  }

  check(): void {
    if (globalThis.setTimeout === this.#fake.setTimeout) return
    throw new TriwireError(
      'timers_replaced',
      'The timers were replaced while this network was open. Fake them before testNetwork(): it then runs on those.',
    )
  }

  /** Whoever has kept one of the functions, fake timers on top of these for example, has the host's from now on. */
  stop(): void {
    this.#stopped = true
    if (current === this) current = undefined
    for (const [name, real] of Object.entries(this.#real))
      if (Reflect.get(globalThis, name) === this.#fake[name]) Reflect.set(globalThis, name, real)
    Math.random = this.#random
  }

  #functions(): Readonly<Record<string, unknown>> {
    // Taken apart, because browsers refuse to have them called as methods of anything else.
    const { setTimeout, clearTimeout, setInterval, clearInterval, requestAnimationFrame, cancelAnimationFrame } =
      this.#real
    const set = (callback: Callback, delayMs: unknown, values: unknown[]): unknown => {
      if (this.#stopped) return setTimeout(callback, delayMs as number, ...values)
      return new Timer(
        (timer) => this.#schedule(timer, Number(delayMs) || 0, () => callback(...values)),
        this.#cancel,
      )
    }
    const repeat = (callback: Callback, delayMs: unknown, values: unknown[]): unknown => {
      if (this.#stopped) return setInterval(callback, delayMs as number, ...values)
      const next = (timer: Timer): void =>
        this.#schedule(timer, Math.max(1, Number(delayMs) || 0), () => {
          next(timer)
          callback(...values)
        })
      return new Timer(next, this.#cancel)
    }
    const frame = (callback: Callback): unknown => {
      if (this.#stopped) return requestAnimationFrame(callback)
      // Whole milliseconds: a rest of one, as rounding leaves it, would be a frame of no length.
      const now = Math.floor(this.#clock.now)
      return set(() => callback(this.#clock.now), FRAME_MS - (now % FRAME_MS), [])
    }
    const clearWith =
      (clear: (timer: never) => void) =>
      (timer: unknown): void => {
        if (timer instanceof Timer) this.#cancel(timer)
        else if (timer !== undefined && timer !== null) clear(timer as never)
      }
    const paints = requestAnimationFrame !== undefined
    return {
      setTimeout: Object.assign(
        (callback: Callback, delayMs?: unknown, ...values: unknown[]) => set(callback, delayMs, values),
        // What Node's `promisify` makes of it.
        {
          [Symbol.for('nodejs.util.promisify.custom')]: (delayMs?: unknown, value?: unknown) =>
            new Promise((resolve) => void set(resolve, delayMs, [value])),
        },
      ),
      clearTimeout: clearWith(clearTimeout),
      setInterval: (callback: Callback, delayMs?: unknown, ...values: unknown[]) =>
        repeat(callback, delayMs, values),
      clearInterval: clearWith(clearInterval),
      ...(paints ? { requestAnimationFrame: frame, cancelAnimationFrame: clearWith(cancelAnimationFrame) } : {}),
      Date: this.#date(),
    }
  }

  #date(): DateConstructor {
    const real = this.#real.Date
    const now = (): number => (this.#stopped ? real.now() : Math.floor(this.#clock.now))
    return new Proxy(real, {
      construct: (target, values, newTarget) =>
        Reflect.construct(target, values.length === 0 ? [now()] : values, newTarget) as object,
      apply: (target) => new target(now()).toString(),
      get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
    })
  }

  #schedule(timer: Timer, delayMs: number, run: () => void): void {
    if (delayMs >= 1) {
      timer.entry = this.#clock.after(delayMs, this.#host, run)
      return
    }
    this.#due++
    const start = ++timer.starts
    soon(() => {
      this.#due--
      if (!timer.cancelled && timer.starts === start) run()
    })
  }

  readonly #cancel = (timer: Timer): void => {
    timer.cancelled = true
    if (timer.entry !== undefined) this.#clock.clearTimer(timer.entry)
  }
}
