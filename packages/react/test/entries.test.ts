// @vitest-environment node
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createServer } from 'vite'
import { expect, onTestFinished, test } from 'vitest'
import * as client from '../src/index.ts'

type Names = Readonly<Record<string, (...values: unknown[]) => unknown>>

test('the package begins with "use client", so server components may import from it', () => {
  expect(readFileSync(new URL('../src/index.ts', import.meta.url), 'utf8')).toMatch(/^'use client'\n/)
})

test('under the condition of server components the same names say at once what to do', async () => {
  const conditions = ['react-server', '@triwire/source']
  const server = await createServer({
    root: fileURLToPath(new URL('..', import.meta.url)),
    configFile: false,
    logLevel: 'silent',
    optimizeDeps: { noDiscovery: true },
    server: { middlewareMode: true, ws: false },
    ssr: { noExternal: true, resolve: { conditions } },
  })
  onTestFinished(() => server.close())
  const names = (await server.ssrLoadModule('@triwire/react')) as Names
  expect(Object.keys(names).sort()).toEqual(Object.keys(client).sort())
  for (const [name, call] of Object.entries(names))
    expect(() => call()).toThrow(
      `${name} of @triwire/react runs in client components. Begin this file with 'use client'`,
    )
})
