// A short form of the long runs, for each store: a few seconds of messages over every wire while nodes and the store are
// killed. The long form is `pnpm chaos kills`.

import { afterAll, describe, expect, test } from 'vitest'
import { ENGINES } from '../src/kills/engines.ts'
import { runKills } from '../src/kills/kill-run.ts'
import { endAll } from '../src/processes/parent.ts'

afterAll(endAll)

/** `ROUNDS=10 SEED=7 npx vitest run --project test-chaos kills` for more, or another one. */
const ROUNDS = Number(process.env.ROUNDS ?? 1)
const SEED = Number(process.env.SEED ?? 1)

describe.concurrent('nodes and their store are killed: nothing is missing, doubled or reordered in silence', () => {
  for (const [name, { create, missing }] of Object.entries(ENGINES)) {
    test.skipIf(missing)(`on ${name}`, { timeout: 120_000 + ROUNDS * 300_000 }, async () => {
      const engine = await create()
      try {
        const options = { rounds: ROUNDS, seconds: 6, perWire: 2, rate: 20, seed: SEED }
        const { rounds, sums, kills } = await runKills(engine, options)
        expect(rounds.flatMap(({ broken }) => broken)).toEqual([])
        expect(sums.acked).toBeGreaterThan(0)
        expect(kills).toBeGreaterThan(2)
      } finally {
        await engine.stop()
      }
    })
  }
})
