/** A few kills of a process that appends; `pnpm --filter @triwire/sqlite kills 50` takes more. */
import { rmSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundle } from './bundle.mjs'
import { temporaryFile } from './folder.ts'
import { runKills } from './kills/kills.ts'

let appender = ''

beforeAll(async () => {
  appender = await bundle('kills/appender.ts')
})
afterAll(() => rmSync(appender))

test.each(['full', 'process'] as const)(
  'a process killed at random moments keeps what it acknowledged, with durability %s',
  { timeout: 60_000 },
  async (durability) => {
    const seed = Date.now() % 1_000_000
    const { path, dispose } = temporaryFile()
    try {
      const rounds = await runKills({ path, appender, kills: 5, seed, durability })
      const acknowledged = rounds.reduce((sum, round) => sum + round.acknowledged, 0)
      expect(acknowledged, `acknowledged with seed ${seed}`).toBeGreaterThan(0)
    } catch (error) {
      throw new Error(`Again with: pnpm --filter @triwire/sqlite kills 5 ${seed} ${durability}`, { cause: error })
    } finally {
      dispose()
    }
  },
)
