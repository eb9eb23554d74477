/** A map that forgets what was not used for longest. */

/** The map. Only what can be asked for again belongs into it. */
export class Lru<TValue> {
  readonly #entries = new Map<string, TValue>()
  readonly #limit: number
  readonly #weightOf: (value: TValue) => number
  #weight = 0

  /** @param limit what all entries together may weigh: by default their number */
  constructor(limit: number, weightOf: (value: TValue) => number = () => 1) {
    this.#limit = limit
    this.#weightOf = weightOf
  }

  get(key: string): TValue | undefined {
    const value = this.#entries.get(key)
    if (value !== undefined) {
      this.#entries.delete(key)
      this.#entries.set(key, value)
    }
    return value
  }

  set(key: string, value: TValue): void {
    this.delete(key)
    this.#entries.set(key, value)
    this.#weight += this.#weightOf(value)
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= this.#limit) return
      this.delete(oldest)
    }
  }

  clear(): void {
    this.#entries.clear()
    this.#weight = 0
  }

  delete(key: string): void {
    const value = this.#entries.get(key)
    if (value === undefined) return
    this.#entries.delete(key)
    this.#weight -= this.#weightOf(value)
  }
}
