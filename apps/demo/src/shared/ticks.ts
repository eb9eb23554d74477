// What one client makes of the ticker: counted, checked, and the last of it to be drawn.

import type { Tick } from '../contract.ts'

/** How many beats are drawn: twelve seconds. */
const DRAWN = 60

/** One tick as it arrived. `node`: who brought it, where that is known. */
export interface Beat {
  readonly n: number
  readonly node: number | undefined
  /** Came late, out of the log. */
  readonly replayed: boolean
}

/** The account of all ticks that came. */
export interface Ticks {
  readonly run: string
  /** The number that is due next. */
  readonly expected: number
  readonly count: number
  readonly lost: number
  readonly doubled: number
  readonly disordered: number
  /** The longest time without a tick, in milliseconds. */
  readonly longestPauseMs: number
  readonly arrivedAt: number
  readonly node: number | undefined
  /** In the order they came, the newest last. */
  readonly beats: readonly Beat[]
}

export const NO_TICKS: Ticks = {
  run: '',
  expected: 1,
  count: 0,
  lost: 0,
  doubled: 0,
  disordered: 0,
  longestPauseMs: 0,
  arrivedAt: 0,
  node: undefined,
  beats: [],
}

/**
 * Takes one more tick into account. Nothing is forgiven: a hole counts as lost even where a gap has announced it.
 * @param seat names the client, whose node the tick tells
 * @param now milliseconds of a clock that only goes forward
 */
export function countTick(
  ticks: Ticks,
  tick: Tick,
  { replayed }: { readonly replayed: boolean },
  seat: string,
  now: number,
): Ticks {
  const { run, n, seats } = tick
  const node = seats[seat]
  // What came late was brought by another node than the one that was there when it was emitted.
  const beat: Beat = { n, node: replayed ? undefined : node, replayed }
  // The ticker was started anew, and with it all counting.
  if (run !== ticks.run) {
    return { ...NO_TICKS, run, expected: n + 1, count: 1, arrivedAt: now, node, beats: [beat] }
  }
  const { expected, beats } = ticks
  const isKnown = n < expected && beats.some((earlier) => earlier.n === n)
  return {
    run,
    expected: Math.max(expected, n + 1),
    count: ticks.count + 1,
    lost: ticks.lost + Math.max(0, n - expected),
    doubled: ticks.doubled + (isKnown ? 1 : 0),
    disordered: ticks.disordered + (n < expected && !isKnown ? 1 : 0),
    longestPauseMs: Math.max(ticks.longestPauseMs, now - ticks.arrivedAt),
    arrivedAt: now,
    node: node ?? ticks.node,
    beats: [...beats, beat].slice(-DRAWN),
  }
}

/** A beat and where it is drawn: its column from the right end, and the lane of the node that brought it. */
export interface Drawn extends Beat {
  readonly column: number
  readonly lane: number
}

/** Where the beats are drawn. What came late was brought by the node that brought the next one. */
export function drawBeats(beats: readonly Beat[]): Drawn[] {
  const drawn: Drawn[] = []
  let lane = beats.findLast(({ node }) => node !== undefined)?.node ?? 1
  for (const beat of beats.toReversed()) {
    lane = beat.node ?? lane
    drawn.push({ ...beat, lane, column: DRAWN - drawn.length })
  }
  return drawn.reverse()
}

/** Who serves this client, in words. Polls go round: each is answered by another node than the one before. */
export function servedText({ node, beats }: Ticks): string {
  if (node === undefined) return 'no node'
  const last = beats.slice(-6).flatMap((beat) => beat.node ?? [])
  const changes = last.filter((id, index) => index > 0 && id !== last[index - 1]).length
  return changes > 2 ? 'each in turn' : `node ${node}`
}

/** What the drawing means. */
export const LEGEND =
  'One dot for each tick, in the lane of the node that brought it. A hollow one came late, out of the log.'

/** A pause in words: `0.2 s`. */
export function pauseText(pauseMs: number): string {
  return `${(pauseMs / 1000).toFixed(1)} s`
}
