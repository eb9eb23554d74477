// The goals against a run: each ratio as the median of its rounds, because the two sides of a round were measured on a
// machine in one state; what every round has to keep, as the worst of them.

import { figuresOf, median, ratios, type Sample } from '../sample.ts'
import { GOALS, type Goal } from './goals.ts'

/** A goal and how far a run is from it. */
export interface Verdict {
  readonly goal: Goal
  /** The median of the rounds; where every round has to keep it, the largest. */
  readonly ratio: number
  /** Rounds in which it was measured, both sides of it where it has two. */
  readonly rounds: number
}

/** Those whose two sides the run has measured. */
export function verdicts(samples: readonly Sample[]): Verdict[] {
  return GOALS.flatMap((goal) => {
    const { peer, everyRound } = goal
    const found = peer === undefined ? [...ours(goal, samples).values()] : ratiosOf(goal, peer, samples)
    const ratio = everyRound ? Math.max(...found) : median(found)
    return found.length === 0 ? [] : [{ goal, ratio, rounds: found.length }]
  })
}

/** As a Markdown table; empty where nothing could be compared. */
export function goalTable(samples: readonly Sample[]): string {
  const all = verdicts(samples)
  if (all.length === 0) return ''
  const lines = all.map(({ goal, ratio, rounds }) => {
    const { scenario, part, wire, figure, atMost } = goal
    const isKept = ratio <= atMost
    return `| ${scenario}, ${wire}: ${part} | ${NAMES[figure] ?? figure} | ${otherSide(goal)} | ${ratio.toFixed(2)} | ${atMost.toFixed(2)} | ${isKept ? 'yes' : '**no**'} | ${rounds} |`
  })
  return [
    '| scenario | figure | against | ratio | at most | kept | rounds |',
    '| --- | --- | --- | ---: | ---: | --- | ---: |',
    ...lines,
  ].join('\n')
}

function otherSide({ wire, peer, peerWire = wire, peerPart }: Goal): string {
  if (peer === undefined) return '–'
  if (peerPart !== undefined) return `itself, ${peerPart}`
  return peerWire === wire ? peer : `${peer} over ${peerWire}`
}

const NAMES: Readonly<Record<string, string>> = {
  cpuUsPerDelivery: 'CPU per delivery',
  userUsPerDelivery: 'user CPU per delivery',
  bytesPerConnection: 'bytes per connection',
  residentBytesPerConnection: 'resident bytes per connection',
  heapBytesPerConnection: 'heap per connection',
  cpuUsPerConnect: 'CPU per connect',
  cpuUsPerPublish: 'CPU per publish',
  cpuUsPerCall: 'CPU per call',
  mainUsPerEvent: 'CPU of the main thread per event',
  browserUsPerEvent: 'CPU of the browser per event',
  p50Us: 'p50',
  p99Us: 'p99',
  longestPauseMs: 'longest pause in ms',
  rateTimesLess: 'rate without it over rate with it',
  p99Times: 'p99 with it over p99 without it',
}

function ratiosOf(goal: Goal, peer: string, samples: readonly Sample[]): number[] {
  const { part, wire, peerWire = wire, peerPart = part, scenario, figure } = goal
  const to = figuresOf(samples, { scenario, part: peerPart, wire: peerWire, figure, peer })
  return ratios({ of: ours(goal, samples), to })
}

function ours({ scenario, part, wire, figure }: Goal, samples: readonly Sample[]): ReadonlyMap<number, number> {
  return figuresOf(samples, { scenario, part, wire, figure, peer: 'triwire' })
}
