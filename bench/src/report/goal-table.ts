// The goals against a run: each ratio as the median of its rounds, because the two sides of a round were measured on a
// machine in one state.

import type { Wire } from '../peers/peer.ts'
import { median, type Sample } from '../sample.ts'
import { GOALS, type Goal } from './goals.ts'

/** A goal and how far a run is from it. */
export interface Verdict {
  readonly goal: Goal
  /** The median of the rounds' ratios. */
  readonly ratio: number
  /** Rounds in which both sides were measured. */
  readonly rounds: number
}

/** Those whose two sides the run has measured. */
export function verdicts(samples: readonly Sample[]): Verdict[] {
  return GOALS.flatMap((goal) => {
    const ratios = ratiosOf(goal, samples)
    return ratios.length === 0 ? [] : [{ goal, ratio: median(ratios), rounds: ratios.length }]
  })
}

/** As a Markdown table; empty where nothing could be compared. */
export function goalTable(samples: readonly Sample[]): string {
  const all = verdicts(samples)
  if (all.length === 0) return ''
  const lines = all.map(({ goal, ratio, rounds }) => {
    const { scenario, part, wire, figure, peer, peerWire = wire, atMost } = goal
    const other = peerWire === wire ? peer : `${peer} over ${peerWire}`
    const isKept = ratio <= atMost
    return `| ${scenario}, ${wire}: ${part} | ${NAMES[figure] ?? figure} | ${other} | ${ratio.toFixed(2)} | ${atMost.toFixed(2)} | ${isKept ? 'yes' : '**no**'} | ${rounds} |`
  })
  return [
    '| scenario | figure | against | ratio | at most | kept | rounds |',
    '| --- | --- | --- | ---: | ---: | --- | ---: |',
    ...lines,
  ].join('\n')
}

const NAMES: Readonly<Record<string, string>> = {
  cpuUsPerDelivery: 'CPU per delivery',
  userUsPerDelivery: 'user CPU per delivery',
  residentBytesPerConnection: 'resident bytes per connection',
  heapBytesPerConnection: 'heap per connection',
  cpuUsPerConnect: 'CPU per connect',
  cpuUsPerPublish: 'CPU per publish',
  cpuUsPerCall: 'CPU per call',
  mainUsPerEvent: 'CPU of the main thread per event',
  browserUsPerEvent: 'CPU of the browser per event',
  p50Us: 'p50',
  p99Us: 'p99',
}

function ratiosOf(goal: Goal, samples: readonly Sample[]): number[] {
  const { scenario, part, wire, figure, peer, peerWire = wire } = goal
  const figureOf = (round: number, name: string, onWire: Wire): number | undefined =>
    samples.find(
      (one) =>
        one.round === round &&
        one.scenario === scenario &&
        one.part === part &&
        one.wire === onWire &&
        one.peer === name,
    )?.figures[figure]
  const rounds = [...new Set(samples.map(({ round }) => round))]
  return rounds.flatMap((round) => {
    const ours = figureOf(round, 'triwire', wire)
    const theirs = figureOf(round, peer, peerWire)
    return ours === undefined || theirs === undefined ? [] : [ours / theirs]
  })
}
