// TABS_RUNS=20000 npx vitest run --project test-tabs schedules     as many as you like, from another TABS_SEED each time
// TABS_CASE='[…]' npx vitest run --project test-tabs schedules     one that has failed: what stands behind "Counterexample"
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { run, type Step, step, type Weather, weather } from '../src/schedule.ts'

const { TABS_CASE, TABS_RUNS = 60, TABS_SEED = 20261123 } = process.env
const [runs, seed] = [Number(TABS_RUNS), Number(TABS_SEED)]

it('whatever tabs do, whoever is left has everything once and in order, over one stream', {
  timeout: 30_000 + runs * 2000,
}, async () => {
  const schedule = fc.tuple(fc.array(step, { minLength: 5, maxLength: 60 }), weather)
  const known = TABS_CASE === undefined ? undefined : (JSON.parse(TABS_CASE) as [[Step[], Weather]])
  await fc.assert(
    fc.asyncProperty(schedule, async ([steps, weather]) => {
      expect(await run(steps, weather)).toEqual([])
    }),
    known === undefined ? { seed, numRuns: runs } : { examples: [known], numRuns: 1 },
  )
})
