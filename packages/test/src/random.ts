/** Numbers that look random and follow from a seed: the only source of chance in a simulation. */

/** A stream of numbers. Streams of other names are independent, so a draw more in one does not move the others. */
export class Random {
  #state: number

  constructor(seed: number, name: string = '') {
    this.#state = hash(`${seed}/${name}`)
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number, both bounds included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<TItem>(items: readonly TItem[]): TItem {
    return items[Math.floor(this.next() * items.length)] as TItem
  }
}

/** 32 bits of FNV-1a. */
export function hash(text: string, start: number = 0x811c9dc5): number {
  let value = start
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  return value | 0
}
