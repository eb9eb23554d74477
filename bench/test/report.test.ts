import { expect, test } from 'vitest'
import { peersOf } from '../src/peers/peers.ts'
import { goalTable, verdicts } from '../src/report/goal-table.ts'
import { GOALS } from '../src/report/goals.ts'
import { fillPage } from '../src/report/page.ts'
import { pivot } from '../src/report/pivot.ts'
import type { Result } from '../src/report/result.ts'
import { median, quantile, type Sample, spread } from '../src/sample.ts'

function sample(peer: string, round: number, cpuUsPerDelivery: number): Sample {
  return { scenario: 'fanout', part: 'tens, 1000', wire: 'websocket', peer, round, figures: { cpuUsPerDelivery } }
}

const result: Result = {
  startedAt: '2026-11-23T20:00:00.000Z',
  machine: { cpu: 'a cpu', cores: 2, kernel: '6', node: 'v20', pinned: false, openFiles: 1024 },
  rounds: 2,
  samples: [],
  skipped: ['bun: not here'],
  failed: [],
}

test('the middle, a quantile and the spread of values', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), quantile([1, 2, 3, 4], 0.5), spread([10, 11])]).toEqual([
    2,
    2.5,
    3,
    expect.closeTo(0.1),
  ])
})

test('a ratio is taken within each round, so a slow round does not change it', () => {
  const samples = [sample('triwire', 1, 1), sample('ws', 1, 10), sample('triwire', 2, 3), sample('ws', 2, 30)]
  const [verdict] = verdicts(samples).filter(({ goal }) => goal.peer === 'ws')
  expect(verdict?.ratio).toBeCloseTo(0.1)
  expect(verdict?.rounds).toBe(2)
})

test('a round in which one side failed gives no ratio', () => {
  expect(verdicts([sample('triwire', 1, 1), sample('ws', 2, 10)])).toEqual([])
})

test('what every round has to keep is held against the worst of them, not the one in the middle', () => {
  const pause = (round: number, longestPauseMs: number): Sample => {
    return {
      ...sample('triwire', round, 0),
      scenario: 'pauses',
      part: '10000 connections',
      figures: { longestPauseMs },
    }
  }
  const [verdict] = verdicts([pause(1, 12), pause(2, 80), pause(3, 14)])
  expect(verdict).toMatchObject({ ratio: 80, rounds: 3 })
  expect(goalTable([pause(1, 12), pause(2, 80)])).toContain('| – | 80.00 | 50.00 | **no** | 2 |')
})

test('a figure that is a ratio itself is held against nobody', () => {
  const figures = { p99Times: 1.5, rateTimesLess: 1.2 }
  const found = verdicts([{ scenario: 'flood', part: 'churn', wire: 'sse', peer: 'triwire', round: 1, figures }])
  expect(found.map(({ goal, ratio }) => [goal.figure, ratio <= goal.atMost])).toEqual([
    ['rateTimesLess', false],
    ['p99Times', true],
  ])
})

test('every goal names somebody who is measured in its scenario', () => {
  const unknown = GOALS.filter(
    ({ scenario, wire, peer = 'triwire', peerWire = wire }) =>
      !peersOf(scenario, peerWire).some(({ name }) => name === peer),
  )
  expect(unknown).toEqual([])
})

test('a pivot has a line per peer that was measured and a column per part that was', () => {
  const text = pivot([sample('triwire', 1, 1.25), sample('ws', 1, 12.5)], {
    scenario: 'fanout',
    wire: 'websocket',
    figure: 'cpuUsPerDelivery',
    parts: ['single, 1000', 'tens, 1000'],
  })
  expect(text).toBe('|  | tens, 1000 |\n| --- | ---: |\n| **triwire** | 1.3 |\n| ws | 12.5 |')
})

test('the page keeps its prose, and what stood in a section before is gone', () => {
  const page = 'Prose.\n\n<!-- bench:machine -->\nold\n<!-- /bench:machine -->\n\nMore.\n'
  const once = fillPage(page, result)
  expect(once).toContain('Prose.')
  expect(once).toContain('**not** pinned')
  expect(once).toContain('- Skipped: bun: not here')
  expect(once).not.toContain('old')
  expect(fillPage(once, result)).toBe(once)
})

test('a section that nobody makes, or that has no end, is an error', () => {
  expect(() => fillPage('<!-- bench:nonsense --><!-- /bench:nonsense -->', result)).toThrow('no section "nonsense"')
  expect(() => fillPage('<!-- bench:machine -->', result)).toThrow('not closed')
})
