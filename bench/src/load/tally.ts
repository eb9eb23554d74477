// What has come in, over all connections: a sum to wait for, and how long a sample of it was under way.

import { clockUs, MARK, stampAt } from '../message.ts'

/** Deliveries of all connections of this process. */
export class Tally {
  /** The byte that is counted. */
  mark: number = MARK
  /** Microseconds from a message being said to its being counted, of sampled connections. */
  readonly latenciesUs: number[] = []
  #total = 0
  #target = Number.POSITIVE_INFINITY
  #reach: () => void = () => {}

  get total(): number {
    return this.#total
  }

  add(count: number): void {
    this.#total += count
    if (this.#total < this.#target) return
    this.#target = Number.POSITIVE_INFINITY
    this.#reach()
  }

  /** Forgets what has come, where its connections are gone too. */
  clear(): void {
    this.#total = 0
    this.latenciesUs.length = 0
  }

  /** Resolves when the sum has come to `total`. Rejects after `boundMs`. */
  until(total: number, boundMs: number): Promise<void> {
    if (this.#total >= total) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#target = Number.POSITIVE_INFINITY
        reject(new Error(`After ${boundMs} ms, ${this.#total} deliveries of ${total} have come.`))
      }, boundMs)
      this.#target = total
      this.#reach = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Counts the marks between two places, and notes how old they are where the connection is sampled. */
  count(bytes: Uint8Array, start: number, end: number, sampled: boolean): number {
    const { mark } = this
    let count = 0
    for (let index = start; index < end; index++) {
      if (bytes[index] !== mark) continue
      count++
      if (!sampled) continue
      const stamp = stampAt(bytes, index, end)
      if (stamp !== undefined) this.latenciesUs.push(clockUs() - stamp)
    }
    return count
  }
}
