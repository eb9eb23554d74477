// The check that the page makes of its ticks: that it finds nothing proves something only if it would find it.

import { describe, expect, it } from 'vitest'
import { countTick, drawBeats, NO_TICKS, type Ticks } from '../../../apps/demo/src/shared/ticks.ts'

const META = { replayed: false }

/** Hears ticks with these numbers, 200 ms apart. */
function hear(numbers: readonly number[], run = 'one', ticks: Ticks = NO_TICKS): Ticks {
  return numbers.reduce(
    (state, n, index) => countTick(state, { run, n, nodes: [], seats: { mine: 2 } }, META, 'mine', index * 200),
    ticks,
  )
}

describe('the check of the ticks', () => {
  it('finds nothing where each comes once and in order, wherever it begins', () => {
    expect(hear([7, 8, 9, 10])).toMatchObject({ count: 4, lost: 0, doubled: 0, disordered: 0, node: 2 })
  })

  it('counts what is missing', () => {
    expect(hear([1, 2, 5, 6, 8])).toMatchObject({ count: 5, lost: 3, doubled: 0, disordered: 0 })
  })

  it('counts what comes twice', () => {
    expect(hear([1, 2, 2, 3, 1])).toMatchObject({ count: 5, lost: 0, doubled: 2, disordered: 0 })
  })

  it('counts what comes behind a later one', () => {
    expect(hear([1, 3, 2, 4])).toMatchObject({ count: 4, lost: 1, doubled: 0, disordered: 1 })
  })

  it('begins anew with another run of the ticker', () => {
    expect(hear([1, 2], 'two', hear([1, 4, 4]))).toMatchObject({ count: 2, lost: 0, doubled: 0, disordered: 0 })
  })

  it('keeps a bounded number of beats, each drawn in the lane of a node that is known', () => {
    const numbers = Array.from({ length: 200 }, (_, index) => index + 1)
    const drawn = drawBeats(hear(numbers).beats)
    expect(drawn).toHaveLength(60)
    expect(drawn.map(({ column }) => column)).toEqual(numbers.slice(0, 60))
    expect(new Set(drawn.map(({ lane }) => lane))).toEqual(new Set([2]))
  })

  it('draws what came late in the lane of the node that brought it', () => {
    // Node 1 was killed behind the first: the second was emitted before that was known, the third without any node.
    const heard = [
      { seats: { mine: 1 }, replayed: false },
      { seats: { mine: 1 }, replayed: true },
      { seats: {}, replayed: true },
      { seats: { mine: 3 }, replayed: false },
    ]
    const ticks = heard.reduce<Ticks>(
      (state, { seats, replayed }, index) =>
        countTick(state, { run: 'one', n: index + 1, nodes: [], seats }, { replayed }, 'mine', index * 200),
      NO_TICKS,
    )
    expect(drawBeats(ticks.beats).map(({ lane }) => lane)).toEqual([1, 3, 3, 3])
    expect(ticks).toMatchObject({ node: 3, lost: 0, doubled: 0, disordered: 0, longestPauseMs: 200 })
  })
})
