/** Counts what happens to a page, and prints it: these are figures to look at, and they are the same on every machine. */
import { expect } from 'vitest'

type Counts = Readonly<Record<string, number>>

/** Counts by name. */
export class Counter {
  readonly #title: string
  #counts = new Map<string, number>()

  constructor(title: string) {
    this.#title = title
  }

  count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  /** Begins anew, and gives what was counted. */
  take(): Counts {
    const counts = Object.fromEntries(this.#counts)
    this.#counts.clear()
    return counts
  }

  /** Prints what was counted since the last time. */
  print(situation: string): Counts {
    const counts = this.take()
    const words = Object.entries(counts).map(([name, count]) => `${count} × ${name}`)
    console.info(`${this.#title}, ${situation}: ${words.join(', ') || 'nothing'}`)
    return counts
  }

  /** Prints it; it must be exactly this. */
  expect(situation: string, counts: Counts): void {
    expect(this.print(situation)).toEqual(counts)
  }
}
