/**
 * Virtual time. Everything that ever happens is an entry of one queue, ordered by time and then by the order of asking,
 * and every entry belongs to an actor: a client, a node, the broker, the script. An actor that is dead loses its
 * entries, one that is paused keeps them for later. After each entry all promises settle before the next one runs, so
 * there is nothing that the host's own scheduling could change.
 */

/** Whoever things happen to. */
export interface Actor {
  readonly name: string
  alive: boolean
  paused: boolean
  /** Entries that came due while it was paused. */
  held: Entry[]
  /** Timers it has set and not cleared. */
  readonly timers: Set<Entry>
}

/** Something that will happen. */
export interface Entry {
  at: number
  readonly order: number
  readonly actor: Actor
  readonly run: () => void
  cancelled: boolean
  /** Milliseconds by which it is put off. */
  lateMs: number
}

/** Virtual milliseconds at which every simulation begins. */
export const BEGINNING = 1_800_000_000_000

/** Makes an actor. */
export function createActor(name: string): Actor {
  return { name, alive: true, paused: false, held: [], timers: new Set() }
}

/** The clock. */
export class Clock {
  /** Now, with fractions; `Date.now` shows whole milliseconds. */
  now: number = BEGINNING
  /** Whose code runs. */
  current: Actor = createActor('nobody')
  /** Entries that have run. */
  steps = 0
  readonly #heap: Entry[] = []
  readonly #settle: () => void
  readonly #handleError: (error: unknown, actor: Actor) => void
  #orders = 0

  /** @param settle runs all microtasks that wait */
  constructor(settle: () => void, handleError: (error: unknown, actor: Actor) => void) {
    this.#settle = settle
    this.#handleError = handleError
  }

  /** Milliseconds since the beginning. */
  get elapsed(): number {
    return this.now - BEGINNING
  }

  /** Lets something happen to an actor at a time. */
  at(time: number, actor: Actor, run: () => void): Entry {
    const entry: Entry = {
      at: Math.max(time, this.now),
      order: this.#orders++,
      actor,
      run,
      cancelled: false,
      lateMs: 0,
    }
    this.#push(entry)
    return entry
  }

  after(delayMs: number, actor: Actor, run: () => void): Entry {
    return this.at(this.now + delayMs, actor, run)
  }

  /** A timer of whoever runs now: lost when its actor dies, and counted until it has run. */
  setTimer(delayMs: number, run: () => void): Entry {
    const actor = this.current
    const entry = this.after(Math.max(1, delayMs), actor, () => {
      actor.timers.delete(entry)
      run()
    })
    actor.timers.add(entry)
    return entry
  }

  clearTimer(entry: Entry): void {
    entry.cancelled = true
    entry.actor.timers.delete(entry)
  }

  /** Runs what is due up to a time, which is then now. */
  runUntil(time: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.at <= time; first = this.#heap[0]) this.step()
    this.now = Math.max(this.now, time)
  }

  /** When the next entry is due; undefined where there is none. */
  get nextAt(): number | undefined {
    while (this.#heap[0]?.cancelled) this.#pop()
    return this.#heap[0]?.at
  }

  /** Runs the next entry; false where there is none. */
  step(): boolean {
    const entry = this.#pop()
    if (entry === undefined) return false
    this.now = Math.max(this.now, entry.at)
    if (entry.cancelled) return true
    if (entry.lateMs > 0) {
      entry.at += entry.lateMs
      entry.lateMs = 0
      this.#push(entry)
    } else this.#run(entry)
    return true
  }

  pause(actor: Actor): void {
    actor.paused = true
  }

  /**
   * Lets a paused actor go on; what was due meanwhile happens now, in its order.
   * @param lateMs how much later its timers go off: a monotonic clock stands still in a sleeping machine
   */
  resume(actor: Actor, lateMs: number = 0): void {
    actor.paused = false
    for (const timer of actor.timers) timer.lateMs += lateMs
    const { held } = actor
    actor.held = []
    for (const entry of held) {
      entry.at = Math.max(this.now, entry.at + entry.lateMs)
      entry.lateMs = 0
      this.#push(entry)
    }
  }

  kill(actor: Actor): void {
    actor.alive = false
    actor.held = []
    actor.timers.clear()
  }

  #run(entry: Entry): void {
    const { actor } = entry
    if (!actor.alive) return
    if (actor.paused) {
      actor.held.push(entry)
      return
    }
    this.steps++
    this.current = actor
    try {
      entry.run()
    } catch (error) {
      this.#handleError(error, actor)
    }
    this.#settle()
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(entry)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(entry, heap[parent] as Entry)) break
      heap[index] = heap[parent] as Entry
      index = parent
    }
    heap[index] = entry
  }

  #pop(): Entry | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++
      if (!isBefore(heap[child] as Entry, last)) break
      heap[index] = heap[child] as Entry
      index = child
    }
    heap[index] = last
    return first
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}
