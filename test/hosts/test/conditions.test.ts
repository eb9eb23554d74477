/** The one line `import { triwire } from '@triwire/hono'` loads on each runtime what belongs there, and nothing of Node's elsewhere. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { BUN, DENO, NEWER_NODE, NODE, type Runtime } from '../src/runtimes.ts'

const cwd = fileURLToPath(new URL('..', import.meta.url))
const SCRIPT = "console.log(import.meta.resolve('@triwire/hono'))"

function ask({ binary }: Runtime, args: readonly string[]): string {
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' }
  return execFileSync(binary ?? '', args, { cwd, env, encoding: 'utf8' }).trim()
}

const node = ['--conditions=@triwire/source', '--input-type=module', '--eval', SCRIPT]

const cases: readonly (readonly [Runtime, readonly string[], string])[] = [
  [NODE, node, 'index'],
  [NEWER_NODE, node, 'index'],
  [DENO, ['eval', '--no-lock', '--conditions=@triwire/source', SCRIPT], 'deno'],
  [BUN, ['--conditions=@triwire/source', '--eval', SCRIPT], 'bun'],
]

describe('@triwire/hono', () => {
  for (const [runtime, args, entry] of cases)
    test.skipIf(runtime.binary === undefined)(`is its own on ${runtime.name}`, () => {
      expect(ask(runtime, args)).toMatch(new RegExp(`/packages/hono/src/${entry}\\.ts$`))
    })
})
