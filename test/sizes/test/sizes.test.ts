// What a page downloads, beside what it would download elsewhere: one table, all of it bundled the same way. The budgets of
// our own packages are in .size-limit.json; `pnpm sizes` prints this.

import { expect, test } from 'vitest'
import { type Size, sizeOf } from '../src/bundle.ts'

interface Row {
  readonly name: string
  readonly code: string
  readonly external?: readonly string[]
}

const CLIENT = "export { createClient } from '@triwire/client'"

const ROWS: readonly Row[] = [
  { name: '@triwire/client, all three wires', code: CLIENT },
  { name: '@triwire/client with views', code: "export { createClient, view } from '@triwire/client'" },
  {
    name: '@triwire/client with tabs that share',
    code: `${CLIENT}\nexport { shareTabs } from '@triwire/client/tabs'`,
  },
  {
    name: '@triwire/react, beside client and React',
    code: "export * from '@triwire/react'",
    external: ['react', '@triwire/client'],
  },
  {
    name: '@triwire/vue, beside client and Vue',
    code: "export * from '@triwire/vue'",
    external: ['vue', '@triwire/client'],
  },
  {
    name: 'client, useRealtime and usePresence for React',
    code: `${CLIENT}\nexport { usePresence, useRealtime } from '@triwire/react'`,
    external: ['react'],
  },
  { name: 'socket.io-client', code: "export { io } from 'socket.io-client'" },
  { name: 'pusher-js', code: "export { default } from 'pusher-js'" },
  { name: 'ably', code: "export { Realtime } from 'ably'" },
]

test('what an import costs a page', async () => {
  const sizes = new Map<string, Size>()
  for (const { name, code, external } of ROWS) sizes.set(name, await sizeOf(code, external))
  const lines = Array.from(sizes, ([name, { minified, gzip }]) => `| ${name} | ${kB(gzip)} | ${kB(minified)} |`)
  console.info(['| import | gzip | minified |', '|---|---|---|', ...lines].join('\n'))
  for (const { gzip, minified } of sizes.values()) {
    // What was bundled away, or not at all, would be a figure as well.
    expect(gzip).toBeGreaterThan(1000)
    expect(gzip).toBeLessThan(minified)
  }
  const [client, withViews] = [...sizes.values()]
  // Who does not use views does not download them.
  expect(client?.gzip).toBeLessThan((withViews?.gzip ?? 0) - 1000)
})

/** Thousands of bytes. */
function kB(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`
}
