// What the types cost an app with many channels. Counted, not timed: instantiations are the same on every machine, and a
// change of types that makes editors slow shows here first. `pnpm types:bench` asks for 150 channels, the suite for 15.

import { expect, test } from 'vitest'
import { compile } from '../src/compiler.ts'
import { largeApp } from '../src/large-app.ts'

/** Instantiations at most: some 15 % above those of November 2026, by channels. A third of them are those of zod. */
const BOUNDS: Readonly<Record<number, number>> = {
  15: 185_000, // 160,000 with React, 162,000 with Vue
  150: 1_620_000, // 1,408,000 and 1,414,000
}
const channels = Number(process.env.TRIWIRE_TYPES_CHANNELS ?? 15)

test.each(['react', 'vue'] as const)(
  `a contract of ${channels} channels, its server and a hook for each compile within what is recorded: %s`,
  async (framework) => {
    const { errors, instantiations, types } = await compile(largeApp(channels, framework))
    const size = `${channels} channels × 10 events, ${channels} implementations and hooks of ${framework}`
    console.info(`${size}: ${instantiations} instantiations, ${types} types`)
    expect(errors).toBe('')
    expect(instantiations).toBeLessThan(BOUNDS[channels] as number)
  },
  120_000,
)

test('an app that does not compile is told apart', async () => {
  const app = largeApp(1, 'react')
  const { errors } = await compile({
    ...app,
    'wrong.ts': "import { rt } from './client.ts'\nrt.channel0({ id1: '' })",
  })
  expect(errors).toContain('id1')
}, 60_000)
