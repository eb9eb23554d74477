/**
 * A map that knows its oldest entry. A `Map` is in order as well, but keeps a hole where each entry was, and goes through all
 * of them to find the first one left: of ten thousand that come and go, that is thousands for every look.
 */

interface Entry<TValue> {
  readonly key: string
  value: TValue
  older: Entry<TValue> | undefined
  newer: Entry<TValue> | undefined
}

/** The map. */
export class AgingMap<TValue> {
  readonly #entries = new Map<string, Entry<TValue>>()
  #oldest: Entry<TValue> | undefined
  #newest: Entry<TValue> | undefined

  get size(): number {
    return this.#entries.size
  }

  /** The entry that was set first; undefined where there is none. */
  get oldest(): { readonly key: string; readonly value: TValue } | undefined {
    return this.#oldest
  }

  get(key: string): TValue | undefined {
    return this.#entries.get(key)?.value
  }

  /** Sets a value, which is the newest from now on. */
  set(key: string, value: TValue): void {
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = { key, value, older: undefined, newer: undefined }
      this.#entries.set(key, entry)
    } else {
      if (entry === this.#newest) {
        entry.value = value
        return
      }
      this.#unlink(entry)
    }
    entry.value = value
    entry.older = this.#newest
    entry.newer = undefined
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.newer = entry
    this.#newest = entry
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#unlink(entry)
  }

  clear(): void {
    this.#entries.clear()
    this.#oldest = this.#newest = undefined
  }

  #unlink(entry: Entry<TValue>): void {
    const { older, newer } = entry
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
  }
}
