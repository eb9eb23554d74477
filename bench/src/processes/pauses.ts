// The pauses of garbage collection in this process, as V8 reports them: how long nothing else ran.

import { constants, PerformanceObserver } from 'node:perf_hooks'

/** Pauses of some time. */
export interface Pauses {
  /** Milliseconds of each. */
  readonly pausesMs: readonly number[]
  /** How many of them ended a collection of the whole heap. */
  readonly full: number
}

/** An entry of type `gc`: https://nodejs.org/api/perf_hooks.html#garbage-collection-gc-details */
interface CollectionEntry extends PerformanceEntry {
  readonly detail: { readonly kind: number }
}

/** Records them from `start` to `stop`. */
export class PauseRecorder {
  #observer: PerformanceObserver | undefined
  #pausesMs: number[] = []
  #full = 0

  start(): void {
    this.#pausesMs = []
    this.#full = 0
    this.#observer = new PerformanceObserver((list) => this.#take(list.getEntries()))
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  async stop(): Promise<Pauses> {
    // Node tells of a pause in a later turn.
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    this.#take(this.#observer?.takeRecords() ?? [])
    this.#observer?.disconnect()
    return { pausesMs: this.#pausesMs, full: this.#full }
  }

  #take(entries: readonly PerformanceEntry[]): void {
    for (const { duration, detail } of entries as readonly CollectionEntry[]) {
      this.#pausesMs.push(duration)
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) this.#full++
    }
  }
}
