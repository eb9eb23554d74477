import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleProduct, bundleWorker } from '../src/bundle.ts'
import { killMutant, knownKiller } from '../src/kill.ts'
import { MUTANTS } from '../src/mutants.ts'
import { Runner } from '../src/runner.ts'

describe('a planted fault is noticed:', () => {
  let worker = ''
  let killed = 0
  beforeAll(async () => {
    worker = await bundleWorker()
  })

  afterAll(() => console.log(`${killed} of ${MUTANTS.length} planted faults killed`))

  for (const mutant of MUTANTS)
    test(mutant.name, { timeout: 300_000 }, async () => {
      expect(await killMutant(worker, mutant), mutant.why).toBeDefined()
      killed++
    })

  test('and the scripts that notice them find nothing wrong without them', { timeout: 120_000 }, async () => {
    const runner = new Runner(worker, await bundleProduct())
    const scripts = MUTANTS.flatMap(({ name }) => knownKiller(name) ?? [])
    expect(scripts.length).toBeGreaterThan(20)
    for (const script of scripts) expect((await runner.script(script)).violations, script.title).toEqual([])
    await runner.close()
  })

  test('a fault whose place is gone is not planted in silence', async () => {
    const gone = { file: 'packages/protocol/src/subscription.ts', find: 'nowhere to be found', replace: '' }
    await expect(bundleProduct([gone])).rejects.toThrow('0 times')
    const often = { ...gone, find: 'this' }
    await expect(bundleProduct([often])).rejects.toThrow('times, not once')
  })
})
