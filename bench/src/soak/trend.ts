// Whether something grows: the straight line that fits the second half of its values best. In the first half tables fill
// that are bounded: what is remembered for five minutes, channels that nobody follows.

/** What came of the values. */
export interface Trend {
  /** By which they rise from one to the next, on the line. */
  readonly slope: number
  /** What the line rises by over all of the second half, as a share of the values' mean. */
  readonly growth: number
  /** Values that were looked at. */
  readonly count: number
}

/** Values a line is fitted through, at least. */
const LEAST = 3

/**
 * The trend of the second half.
 * @param values at equal distances
 * @throws RangeError where they are too few
 */
export function trendOf(values: readonly number[]): Trend {
  const half = values.slice(Math.floor(values.length / 2))
  const count = half.length
  if (count < LEAST)
    throw new RangeError(`A trend takes ${2 * LEAST - 1} values at least, and there are ${values.length}.`)
  const middle = (count - 1) / 2
  const mean = half.reduce((sum, value) => sum + value, 0) / count
  let above = 0
  let below = 0
  for (const [index, value] of half.entries()) {
    above += (index - middle) * (value - mean)
    below += (index - middle) ** 2
  }
  const slope = above / below
  return { slope, growth: (slope * (count - 1)) / mean, count }
}
