import { expect, test } from 'vitest'
import { verdicts } from '../src/report/goal-table.ts'
import { growthTables } from '../src/report/growth.ts'
import { SERIES } from '../src/report/series.ts'
import type { Sample } from '../src/sample.ts'
import { SCENARIOS } from '../src/scenarios/scenarios.ts'

function sample(peer: string, round: number, subscribers: number, cpuUsPerDelivery: number): Sample {
  const part = `single, ${subscribers}`
  return { scenario: 'fanout', part, wire: 'websocket', peer, round, figures: { cpuUsPerDelivery } }
}

const samples = [
  sample('triwire', 1, 200, 10),
  sample('triwire', 1, 5000, 12),
  sample('triwire', 2, 200, 30),
  sample('triwire', 2, 5000, 36),
  sample('raw-socket', 1, 200, 8),
  sample('raw-socket', 1, 5000, 8),
]

test('growth is the ratio of each size to the smallest in the same round', () => {
  expect(growthTables(samples)).toBe(
    [
      '#### CPU per delivery over subscribers, WebSocket, single (flat: at most 1.25)',
      '',
      '| to that at 200 | 5,000 |',
      '| --- | ---: |',
      '| **triwire** | 1.20 |',
      '| _raw-socket_ | 1.00 |',
    ].join('\n'),
  )
})

test('without the smallest size there is no growth', () => {
  expect(growthTables(samples.filter(({ part }) => part !== 'single, 200'))).toBe('')
})

test('each larger size is held against the smallest, and only our own', () => {
  const [verdict, ...rest] = verdicts(samples).filter(({ goal }) => goal.peerPart !== undefined)
  expect(rest).toEqual([])
  expect(verdict?.goal).toMatchObject({ part: 'single, 5000', peer: 'triwire', peerPart: 'single, 200' })
  expect(verdict?.ratio).toBeCloseTo(1.2)
})

test('every series is of a scenario that is there', () => {
  expect(SERIES.filter(({ scenario }) => !Object.hasOwn(SCENARIOS, scenario))).toEqual([])
})
