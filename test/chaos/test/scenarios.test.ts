// Named situations that need real processes and do not fit the table.

import { afterAll, describe, expect, test } from 'vitest'
import { brokenPromises, type FaultReport, runFault } from '../src/chaos-run.ts'
import type { FaultCase, Row } from '../src/fault-cases.ts'
import { endAll } from '../src/processes/parent.ts'

afterAll(endAll)

function run(fault: FaultCase, rows: readonly Row[], messages: number, everyMs: number): Promise<FaultReport> {
  return runFault(fault, { messages, everyMs, triwire: true, socketIo: false, rows })
}

describe.concurrent('with messages under way', () => {
  test('a client goes from polling to WebSocket amid 1,000 messages each way: none lost, doubled or reordered', {
    timeout: 120_000,
  }, async () => {
    const upgrade: FaultCase = {
      name: 'upgrade',
      faults: [],
      disturbance: { kind: 'change-wires', everyMs: 800, through: ['websocket'] },
    }
    const report = await run(upgrade, ['polling'], 1000, 2)
    expect(brokenPromises(report)).toEqual([])
    expect(report.wires).toEqual({ polling: 'websocket' })
  })

  test('a client goes from WebSocket to SSE to polling and back, mid-stream', { timeout: 120_000 }, async () => {
    const round: FaultCase = {
      name: 'round',
      faults: [],
      disturbance: { kind: 'change-wires', everyMs: 200, through: ['websocket', 'sse', 'polling'] },
    }
    const report = await run(round, ['websocket'], 300, 3)
    expect(brokenPromises(report)).toEqual([])
    expect(report.strikes).toBeGreaterThanOrEqual(3)
  })

  test('where nothing gets through for a while, everything comes later', { timeout: 120_000 }, async () => {
    const blackout: FaultCase = { name: 'blackout', faults: [], disturbance: { kind: 'blackout', forMs: 1000 } }
    const report = await run(blackout, ['all'], 200, 4)
    expect(brokenPromises(report)).toEqual([])
    expect(report.strikes).toBeGreaterThan(0)
  })

  test('nodes with 60 clients are drained one after the other: every client catches up, and none loses anything', {
    timeout: 120_000,
  }, async () => {
    const drain: FaultCase = {
      name: 'drain of many',
      faults: [],
      disturbance: { kind: 'drain-node', everyMs: 1000 },
      copies: 20,
    }
    const report = await run(drain, ['websocket', 'sse', 'polling'], 25, 100)
    expect(brokenPromises(report)).toEqual([])
    expect(report.outcomes).toHaveLength(120)
    expect(report.strikes).toBeGreaterThanOrEqual(2)
  })
})
