/**
 * The memory broker's one queue of deadlines: a binary heap in which every item knows its place, so that moving a
 * deadline costs a few swaps and leaves nothing stale behind. Thousands of channels share one timer this way.
 */

/** Something that can be due. The queue owns both fields. */
export interface Due {
  /** Where it lies in the queue; −1 outside. */
  slot: number
  dueAt: number
}

/** The queue. */
export class DeadlineQueue<TItem extends Due> {
  readonly #heap: TItem[] = []

  /** The item that is due first; undefined where there is none. */
  get first(): TItem | undefined {
    return this.#heap[0]
  }

  /** Puts an item at `dueAt`, wherever it was; Infinity takes it out. */
  set(item: TItem, dueAt: number): void {
    if (dueAt === Number.POSITIVE_INFINITY) {
      this.delete(item)
      return
    }
    if (item.slot === -1) item.slot = this.#heap.push(item) - 1
    item.dueAt = dueAt
    this.#settle(item)
  }

  /** Moves an item forward to `dueAt`; does nothing where it is due earlier. */
  hasten(item: TItem, dueAt: number): void {
    if (item.slot === -1 || dueAt < item.dueAt) this.set(item, dueAt)
  }

  delete(item: TItem): void {
    if (item.slot === -1) return
    const last = this.#heap.pop() as TItem
    if (last !== item) {
      this.#place(last, item.slot)
      this.#settle(last)
    }
    item.slot = -1
  }

  clear(): void {
    for (const item of this.#heap) item.slot = -1
    this.#heap.length = 0
  }

  #settle(item: TItem): void {
    while (item.slot > 0) {
      const parent = this.#heap[(item.slot - 1) >> 1] as TItem
      if (parent.dueAt <= item.dueAt) break
      this.#swap(parent, item)
    }
    for (;;) {
      const left = this.#heap[item.slot * 2 + 1]
      const right = this.#heap[item.slot * 2 + 2]
      const child = right !== undefined && left !== undefined && right.dueAt < left.dueAt ? right : left
      if (child === undefined || child.dueAt >= item.dueAt) break
      this.#swap(item, child)
    }
  }

  #swap(one: TItem, other: TItem): void {
    const slot = one.slot
    this.#place(one, other.slot)
    this.#place(other, slot)
  }

  #place(item: TItem, slot: number): void {
    this.#heap[slot] = item
    item.slot = slot
  }
}
