/**
 * Every case of `cases/` on every wire it names: against the server in `CONFORMANCE_URL` where that is set, otherwise
 * against a fixture of its own. The report is printed at the end.
 */
import { afterAll, beforeAll, describe, test } from 'vitest'
import { readSections } from '../src/case.ts'
import { type Fixture, startFixture } from '../src/fixture.ts'
import { formatReport, type Outcome } from '../src/report.ts'
import { runCase, type Target } from '../src/run.ts'

const foreign = process.env.CONFORMANCE_URL
const sections = readSections()
const outcomes: Outcome[] = []
let fixture: Fixture | undefined

beforeAll(async () => {
  if (foreign === undefined) fixture = await startFixture()
})

afterAll(async () => {
  process.stdout.write(`\n${formatReport(foreign ?? 'the fixture', sections, outcomes)}\n`)
  await fixture?.close()
})

describe.each(sections)('$title', ({ cases }) => {
  for (const one of cases) {
    const needs = one.limits !== undefined ? 'needs limits of its own' : one.inside ? 'acts from inside' : undefined
    for (const wire of one.wires) {
      test(`${one.id}: ${one.title} [${wire}]`, async (context) => {
        if (foreign !== undefined && needs !== undefined) {
          outcomes.push({ one, wire, result: { skipped: needs }, observed: [] })
          context.skip(needs)
        }
        const own = needs === undefined ? undefined : await startFixture(one.limits)
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
