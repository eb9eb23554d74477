/** A value that observers read and are told about once per frame. */
import type { Observer } from './channel-types.ts'
import { cancelFrame, onNextFrame } from './frame.ts'

/** Milliseconds between the last listener's leaving and letting go: remounts and StrictMode cost nothing. */
const LINGER_MS = 1000

/** What a cell calls when it is first watched, and when nobody has watched it for a second. */
export interface CellLifecycle {
  readonly start?: () => void
  readonly stop?: () => void
}

/** The value. */
export class Cell<TState extends object> implements Observer<TState> {
  readonly #listeners = new Set<() => void>()
  readonly #compute: () => TState
  readonly #lifecycle: CellLifecycle
  #state: TState
  #running = false
  #linger: ReturnType<typeof setTimeout> | undefined

  /** @param compute makes the value to show; called once per frame after `invalidate` */
  constructor(initial: TState, compute: () => TState, lifecycle: CellLifecycle = {}) {
    this.#state = initial
    this.#compute = compute
    this.#lifecycle = lifecycle
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    // Wrapped, so that one function may listen twice.
    const call = (): void => listener()
    this.#listeners.add(call)
    clearTimeout(this.#linger)
    if (!this.#running) {
      this.#running = true
      this.#lifecycle.start?.()
    }
    return () => {
      if (this.#listeners.delete(call) && !this.watched)
        this.#linger = setTimeout(() => {
          this.#running = false
          cancelFrame(this.#publish)
          this.#lifecycle.stop?.()
        }, LINGER_MS)
    }
  }

  readonly getSnapshot = (): TState => this.#state

  /** Whether anybody listens now; what runs on for a moment after the last one has left is not watched. */
  get watched(): boolean {
    return this.#listeners.size > 0
  }

  /** The value may have changed. */
  invalidate(): void {
    onNextFrame(this.#publish)
  }

  /** The same fields are the same object, so that nothing renders for nothing. */
  readonly #publish = (): void => {
    const state = this.#compute()
    const keys = Object.keys(state) as (keyof TState)[]
    if (keys.every((key) => Object.is(state[key], this.#state[key]))) return
    this.#state = state
    for (const listener of this.#listeners) listener()
  }
}
