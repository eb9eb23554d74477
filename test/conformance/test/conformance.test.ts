/**
 * Every case of `cases/` on every wire it names: against the server in `CONFORMANCE_URL` where that is set, otherwise
 * against a fixture of its own. The report is printed at the end.
 */
import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Case, readCaseFiles } from '../src/case.ts'
import { type Fixture, startFixture } from '../src/fixture.ts'
import { formatReport, type Outcome } from '../src/report.ts'
import { runCase, type Target } from '../src/run.ts'

const foreign = process.env.CONFORMANCE_URL
/** Every case on a host that cannot tell how much it has buffered. */
const isBlind = process.env.CONFORMANCE_BLIND === '1'
const files = readCaseFiles()
const outcomes: Outcome[] = []
let fixture: Fixture | undefined

beforeAll(async () => {
  if (foreign === undefined) fixture = await startFixture({}, isBlind)
})

afterAll(async () => {
  process.stdout.write(`\n${formatReport(foreign ?? 'the fixture', files, outcomes)}\n`)
  await fixture?.close()
})

describe.each(files)('$title', ({ cases }) => {
  for (const one of cases) {
    const needs = needsOf(one)
    for (const wire of one.wires) {
      test(`${one.id}: ${one.title} [${wire}]`, async (context) => {
        if (foreign !== undefined && needs !== undefined) {
          outcomes.push({ one, wire, result: { skipped: needs }, observed: [] })
          context.skip(needs)
        }
        const own = needs === undefined ? undefined : await startFixture(one.limits, one.blind || isBlind)
        const target: Target = own ?? fixture ?? { base: foreign as string }
        try {
          const observed = await runCase(one, wire, target)
          outcomes.push({ one, wire, result: 'passed', observed })
        } catch (error) {
          outcomes.push({ one, wire, result: 'failed', observed: [] })
          throw error
        } finally {
          await own?.close()
        }
      })
    }
  }
})

/** Why a case cannot be put to a server that is running already. */
function needsOf(one: Case): string | undefined {
  if (one.limits !== undefined) return 'needs limits of its own'
  if (one.blind) return 'needs a host that cannot tell how much it has buffered'
  return one.inside ? 'acts from inside' : undefined
}
