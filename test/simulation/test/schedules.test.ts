import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleProduct, bundleWorker, FOLDER } from '../src/bundle.ts'
import { INVARIANTS } from '../src/invariants.ts'
import { Runner, runSeeds } from '../src/runner.ts'
import type { Script } from '../src/script.ts'

/** Schedules of every test run; `pnpm sim --schedules` runs as many as there is time for. */
const SCHEDULES = 5000

const scriptsIn = (folder: string): Script[] =>
  readdirSync(join(FOLDER, folder))
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(FOLDER, folder, name), 'utf8')) as Script)

describe('the simulation', () => {
  const runners: Runner[] = []
  beforeAll(async () => {
    const [worker, code] = await Promise.all([bundleWorker(), bundleProduct()])
    runners.push(new Runner(worker, code), new Runner(worker, code))
  })
  afterAll(() => Promise.all(runners.map((runner) => runner.close())))

  test(`finds nothing wrong in ${SCHEDULES} schedules`, { timeout: 600_000 }, async () => {
    const startedAt = performance.now()
    const { totals, failures } = await runSeeds(runners, 1, SCHEDULES, ({ failures }) => failures.length === 0)
    const seconds = (performance.now() - startedAt) / 1000
    console.log(
      `${totals.schedules} schedules, ${(totals.schedules / seconds).toFixed(0)} per second; ${Object.keys(INVARIANTS).length} invariants`,
    )
    const told = failures.map(
      ({ seed, result }) => `pnpm sim --seed ${seed}: ${JSON.stringify(result.violations[0])}`,
    )
    expect(told).toEqual([])
    expect(totals.schedules).toBe(SCHEDULES)
    // Schedules in which nothing happens prove nothing.
    expect(totals.observations / SCHEDULES).toBeGreaterThan(20)
    expect(totals.gaps).toBeGreaterThan(SCHEDULES / 20)
  })

  for (const script of scriptsIn('scenarios'))
    test(script.title as string, async () => {
      const { violations } = await (runners[0] as Runner).script(script)
      expect(violations).toEqual([])
    })

  for (const script of scriptsIn('regressions'))
    test(`regression: ${script.title}`, async () => {
      const { violations } = await (runners[1] as Runner).script(script)
      expect(violations).toEqual([])
    })
})
