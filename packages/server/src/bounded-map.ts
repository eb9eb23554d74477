/**
 * A map that holds a bounded number of entries, and may let go of those that were not used for a while: in two
 * generations, so that a use costs a look and no more. What is used moves to the young one; when that is half of what may
 * be held, or as old as an entry may be idle, it becomes the old one, and what nobody has used since then is gone.
 */
export class BoundedMap<TKey, TValue> {
  readonly #max: number
  readonly #idleMs: number
  #young = new Map<TKey, TValue>()
  #old = new Map<TKey, TValue>()
  #bornAt = Date.now()

  /**
   * @param max entries it holds at most; half of them, those used last, it surely has
   * @param idleMs milliseconds an entry surely stays after its last use; it is gone by the first use of another after
   *   twice that time. Default: for ever.
   */
  constructor(max: number, idleMs: number = Number.POSITIVE_INFINITY) {
    this.#max = max
    this.#idleMs = idleMs
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** The value, which now counts as just used. */
  get(key: TKey): TValue | undefined {
    this.#age()
    const value = this.#young.get(key)
    if (value !== undefined) return value
    const aged = this.#old.get(key)
    if (aged !== undefined) this.set(key, aged)
    return aged
  }

  set(key: TKey, value: TValue): void {
    this.#age()
    this.#old.delete(key)
    this.#young.set(key, value)
  }

  /** Deletes every entry whose value meets the test. */
  deleteWhere(test: (value: TValue) => boolean): void {
    for (const entries of [this.#young, this.#old])
      for (const [key, value] of entries) if (test(value)) entries.delete(key)
  }

  delete(key: TKey): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  #age(): void {
    // Where nothing is ever idle, nobody asks for the time.
    if (this.#idleMs === Number.POSITIVE_INFINITY && this.#young.size < this.#max / 2) return
    const now = Date.now()
    const idle = now - this.#bornAt > this.#idleMs
    if (!idle && this.#young.size < this.#max / 2) return
    // Neither has been used for so long, where nobody has come at all.
    this.#old = now - this.#bornAt > 2 * this.#idleMs ? new Map() : this.#young
    this.#young = new Map()
    this.#bornAt = now
  }
}
