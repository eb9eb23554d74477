/**
 * Has everything take React 18, which is installed beside the newest one under a name of its own. Imports are replaced by
 * the configuration; what Testing Library and React DOM require by their own means is replaced here.
 */
import Module from 'node:module'
import { version } from 'react'
import { expect, test } from 'vitest'

const loader = Module as unknown as { _resolveFilename(request: string, ...rest: unknown[]): string }
const resolve = loader._resolveFilename
loader._resolveFilename = (request, ...rest) =>
  resolve.call(loader, request.replace(/^(react|react-dom)(?=$|\/)/, '$1-18'), ...rest)

test('this is React 18', () => {
  const { version: domVersion } = Module.createRequire(import.meta.url)('react-dom') as { version: string }
  expect([version, domVersion]).toEqual([expect.stringMatching(/^18\./), version])
})
