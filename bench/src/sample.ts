// What a measurement says, and what becomes of several: medians, spreads, and ratios of one peer to another.

import type { Wire } from './peers/peer.ts'

/** Figures by name. The name says the unit, and what it is per. */
export type Figures = Readonly<Record<string, number>>

/** Figures of one peer in one round. */
export interface Sample {
  readonly scenario: string
  /** Which part of the scenario: `single, 1000 subscribers`. */
  readonly part: string
  readonly wire: Wire
  readonly peer: string
  /** From 1. */
  readonly round: number
  readonly figures: Figures
}

/** The one in the middle; of an even number, the mean of the two. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[middle] as number
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

/** The value that a share of all values does not exceed. NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Two figures by their rounds. */
export interface Sides {
  readonly of: ReadonlyMap<number, number>
  readonly to: ReadonlyMap<number, number>
}

/** The ratio of each round that has both: its two sides were measured on a machine in one state. */
export function ratios({ of, to }: Sides): number[] {
  return [...of].flatMap(([round, value]) => {
    const other = to.get(round)
    return other === undefined ? [] : [value / other]
  })
}

/** The figures of one peer in one part of a scenario, by round. */
export function figuresOf(
  samples: readonly Sample[],
  { figure, ...where }: Pick<Sample, 'scenario' | 'part' | 'wire' | 'peer'> & { readonly figure: string },
): ReadonlyMap<number, number> {
  const found = new Map<number, number>()
  for (const { scenario, part, wire, peer, round, figures } of samples) {
    const isHere = scenario === where.scenario && part === where.part && wire === where.wire && peer === where.peer
    const value = figures[figure]
    if (isHere && value !== undefined) found.set(round, value)
  }
  return found
}

/** The largest over the smallest, less one: 0.1 where rounds differ by a tenth. */
export function spread(values: readonly number[]): number {
  return Math.max(...values) / Math.min(...values) - 1
}
