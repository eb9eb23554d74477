/** A map that holds at most so many entries: the one not used for the longest time goes first. */
export class BoundedMap<TKey, TValue> {
  readonly #entries = new Map<TKey, TValue>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#entries.size
  }

  /** The value, which now counts as just used. */
  get(key: TKey): TValue | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  set(key: TKey, value: TValue): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > this.#max) this.#entries.delete(this.#entries.keys().next().value as TKey)
  }

  /** Deletes every entry whose value meets the test. */
  deleteWhere(test: (value: TValue) => boolean): void {
    for (const [key, value] of this.#entries) if (test(value)) this.#entries.delete(key)
  }

  delete(key: TKey): void {
    this.#entries.delete(key)
  }
}
