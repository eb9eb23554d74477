/** A map that forgets what was not used for longest. */

/** The map. Only what can be asked for again belongs into it. */
export class Lru<TValue> {
  readonly #entries = new Map<string, TValue>()
  readonly #limit: number

  /** @param limit entries at most */
  constructor(limit: number) {
    this.#limit = limit
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
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size <= this.#limit) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      return
    }
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }
}
