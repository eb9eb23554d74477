// Frames as the page gets them, and the tasks that were in their way.

/** What was seen. */
export interface FrameReport {
  /** Milliseconds from one frame to the next. */
  readonly intervalsMs: readonly number[]
  /** Tasks of 50 ms and more (W3C Long Tasks), each by its length. */
  readonly longTasksMs: readonly number[]
}

/** Watches until it is told to stop. */
export class FrameWatch {
  readonly #intervalsMs: number[] = []
  readonly #longTasksMs: number[] = []
  readonly #tasks: PerformanceObserver
  #before: number | undefined
  #request: number

  constructor() {
    this.#tasks = new PerformanceObserver((list) => this.#take(list.getEntries()))
    this.#tasks.observe({ type: 'longtask' })
    this.#request = requestAnimationFrame(this.#handleFrame)
  }

  stop(): FrameReport {
    cancelAnimationFrame(this.#request)
    this.#take(this.#tasks.takeRecords())
    this.#tasks.disconnect()
    return { intervalsMs: this.#intervalsMs, longTasksMs: this.#longTasksMs }
  }

  readonly #handleFrame = (at: number): void => {
    this.#request = requestAnimationFrame(this.#handleFrame)
    if (this.#before !== undefined) this.#intervalsMs.push(at - this.#before)
    this.#before = at
  }

  #take(entries: PerformanceEntryList): void {
    for (const { duration } of entries) this.#longTasksMs.push(duration)
  }
}
