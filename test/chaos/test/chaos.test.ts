// A shortened run of the table in every `pnpm test`: a few hundred messages each way and wire, real processes, Triwire
// alone. The whole table, beside Socket.IO, is `pnpm chaos`.

import { afterAll, describe, expect, test } from 'vitest'
import { brokenPromises, runFault } from '../src/chaos-run.ts'
import { EVERY_CHANGE, type FaultCase, faultCase } from '../src/fault-cases.ts'
import { endAll } from '../src/processes/parent.ts'

/** Longer and harsher runs: `MESSAGES=10000 CUT_EVERY_MS=50 npx vitest run --project test-chaos chaos`. */
const MESSAGES = Number(process.env.MESSAGES ?? 200)
const CUT_EVERY_MS = Number(process.env.CUT_EVERY_MS ?? 200)
const EVERY_MS = 4

const CASES: readonly FaultCase[] = [
  {
    name: `every connection reset every ${CUT_EVERY_MS} ms`,
    faults: [{ kind: 'cut', everyMs: CUT_EVERY_MS }],
  },
  faultCase('every 5th answer lost'),
  faultCase('sliced into 1–7 bytes'),
  faultCase('WebSocket killed 200 ms after 101'),
  faultCase('WebSocket swallowed, SSE heads held'),
  {
    name: 'half-open and back every 150 ms',
    faults: [],
    disturbance: { kind: 'half-open-return', everyMs: 150, through: EVERY_CHANGE },
  },
  { name: 'a node killed every 300 ms', faults: [], disturbance: { kind: 'kill-node', everyMs: 300 } },
  faultCase('broker killed'),
  faultCase('only process killed'),
]

afterAll(endAll)

describe.concurrent('messages each way, over every wire', () => {
  test.each(CASES.map((fault) => [sentenceOf(fault), fault] as const))(
    '%s',
    { timeout: 120_000 + MESSAGES * 60 },
    async (_sentence, fault) => {
      const report = await runFault(fault, {
        messages: MESSAGES,
        everyMs: EVERY_MS,
        triwire: true,
        socketIo: false,
      })
      expect(brokenPromises(report)).toEqual([])
      if (fault.disturbance !== undefined || fault.faults[0]?.kind === 'cut')
        expect(report.strikes).toBeGreaterThan(0)
      for (const { direction, triwire } of report.outcomes)
        if (direction === 'up') expect(triwire?.acked).toBe(MESSAGES)
    },
  )
})

function sentenceOf({ name, expectsGap }: FaultCase): string {
  return expectsGap === true
    ? `${name}: each reader is told of exactly one gap, and nothing is missing in silence`
    : `${name}: all arrive once and in order`
}
