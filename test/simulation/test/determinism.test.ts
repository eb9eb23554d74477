import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleProduct, bundleWorker, FOLDER } from '../src/bundle.ts'
import { generate } from '../src/generate.ts'
import { Runner } from '../src/runner.ts'

// Two threads have a heap, an optimiser and a product of their own: what they agree on depends on the seed alone.
describe('a schedule', () => {
  const runners: Runner[] = []
  beforeAll(async () => {
    const [worker, code] = await Promise.all([bundleWorker(), bundleProduct()])
    runners.push(new Runner(worker, code), new Runner(worker, code))
  })
  afterAll(() => Promise.all(runners.map((runner) => runner.close())))

  test('follows from its seed alone: other threads, other predecessors, the same trace', async () => {
    const [one, other] = runners as [Runner, Runner]
    const seeds = Array.from({ length: 25 }, (_, index) => 101 + index)
    const traces = async (runner: Runner, order: readonly number[]): Promise<Map<number, number>> => {
      const found = new Map<number, number>()
      for (const seed of order) found.set(seed, (await runner.script(generate(seed))).trace)
      return found
    }
    const [forwards, backwards] = await Promise.all([traces(one, seeds), traces(other, [...seeds].reverse())])
    for (const seed of seeds) expect(backwards.get(seed), `seed ${seed}`).toBe(forwards.get(seed))
    expect(new Set(forwards.values()).size).toBe(seeds.length)
  })

  test('is told line by line as it happened, twice the same', async () => {
    const [one, other] = runners as [Runner, Runner]
    const [first, second] = await Promise.all([one.trace(generate(7)), other.trace(generate(7))])
    expect(first.length).toBeGreaterThan(100)
    expect(second).toEqual(first)
  })

  // A process shares not even the bundles: what it agrees on depends on neither an address nor a start-up order.
  test('has the same trace in two fresh processes, and here', { timeout: 120_000 }, async () => {
    const seed = 64
    const told = async (): Promise<string> => {
      const { stdout } = await promisify(execFile)(process.execPath, [
        join(FOLDER, 'command.mjs'),
        '--seed',
        `${seed}`,
      ])
      return stdout.trim()
    }
    const [first, second] = await Promise.all([told(), told()])
    expect(second).toBe(first)
    const { trace, steps } = await (runners[0] as Runner).script(generate(seed))
    expect(first).toMatch(new RegExp(`^trace ${trace}: ${steps} steps, `))
  })
})
