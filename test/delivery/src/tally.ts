/** Judges a sequence of numbers that should read 1, 2, 3 … n. Shares no code with the product. */

/** What became of n numbered messages. */
export interface Tally {
  readonly sent: number
  readonly lost: number
  readonly duplicated: number
  readonly reordered: number
}

/** Compares what arrived with 1 … `sent`. */
export function tally(arrived: readonly number[], sent: number): Tally {
  const seen = new Map<number, number>()
  let highest = 0
  let reordered = 0
  for (const number of arrived) {
    seen.set(number, (seen.get(number) ?? 0) + 1)
    if (number < highest) reordered++
    highest = Math.max(highest, number)
  }
  let lost = 0
  for (let number = 1; number <= sent; number++) if (!seen.has(number)) lost++
  return { sent, lost, duplicated: arrived.length - seen.size, reordered }
}
