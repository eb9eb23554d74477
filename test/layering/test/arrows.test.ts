import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { arrows, brokenArrows, circles, installedWith } from '../src/arrows.ts'
import { type Manifest, readPackages, type WorkspacePackage } from '../src/workspace.ts'

const packages = readPackages(fileURLToPath(new URL('../../../packages', import.meta.url)))

describe('the packages of this repository', () => {
  it('are found, sources and all', () => {
    expect(packages.map((pkg) => pkg.manifest.name)).toEqual(
      expect.arrayContaining(['@triwire/protocol', '@triwire/client', '@triwire/server']),
    )
    for (const pkg of packages) {
      const sources = Object.keys(pkg.files).filter((path) => path.startsWith('src/'))
      expect(sources, pkg.manifest.name).not.toEqual([])
    }
  })

  it.each(packages.map((pkg) => [pkg.manifest.name, pkg] as const))(
    '%s imports and declares only what is below it',
    (_name, pkg) => {
      expect(brokenArrows(pkg)).toEqual([])
    },
  )

  it('install nothing along with @triwire/protocol', () => {
    const protocol = packages.find((pkg) => pkg.manifest.name === '@triwire/protocol')
    expect(protocol && installedWith(protocol.manifest)).toEqual([])
  })

  it('have arrows that never lead back to where they start', () => {
    expect(circles(arrows)).toEqual([])
  })
})

describe('the rules about arrows', () => {
  it('accept a package that keeps to what is below it', () => {
    const pkg = packageWith(
      { name: '@triwire/hono', dependencies: { '@triwire/server': 'workspace:^', ws: '8' } },
      {
        'src/index.ts': `
          import { createServer } from '@triwire/server'
          import type { IncomingMessage } from 'node:http'
          export { upgrade } from './node/upgrade.ts' // not '@triwire/client'
          const ws = await import('ws')
          const text = "import '@triwire/react'"`,
        'src/node/upgrade.ts': `export * from '../index.ts'; import { hubCases } from '@triwire/server/testing'`,
        'test/hono.test.tsx': `import { it } from 'vitest'; const element = <p>{it.name}</p>`,
      },
    )
    expect(brokenArrows(pkg)).toEqual([])
  })

  it.each([
    ['a static import', `import { createClient } from '@triwire/client'`],
    ['a type import', `import type { Client } from '@triwire/client'`],
    ['a bare import', `import '@triwire/client'`],
    ['an import of a sub-path', `import { x } from '@triwire/client/testing'`],
    ['a re-export', `export { createClient } from '@triwire/client'`],
    ['a re-export of everything', `export * from '@triwire/client'`],
    ['a dynamic import', `const client = await import('@triwire/client')`],
    ['an import inside a type', `let client: import('@triwire/client').Client`],
    ['an import of the old kind', `import client = require('@triwire/client')`],
    ['a call of require', `const client = require('@triwire/client')`],
  ])('refuse an upward arrow written as %s', (_kind, source) => {
    const pkg = packageWith({ name: '@triwire/protocol' }, { 'src/index.ts': source })
    expect(brokenArrows(pkg)).toEqual([
      expect.stringMatching(
        /^@triwire\/protocol\/src\/index\.ts imports @triwire\/client.*to which it has no arrow$/,
      ),
    ])
  })

  it.each([
    ['an app', `import '@triwire/demo'`, 'no arrow'],
    ['a test folder', `import '@triwire-test/e2e'`, 'no arrow'],
    ['a relative path out of the package', `import '../../client/src/index.ts'`, 'leaves the package'],
    ['a package nobody declared', `import 'left-pad'`, 'neither a dependency nor a peer'],
    ['a package that only developers have', `import 'vitest'`, 'neither a dependency nor a peer'],
    ['a module of Node in a browser package', `import 'node:fs'`, 'no browser has'],
    ['a specifier computed at run time', `await import(name)`, 'no rule can check'],
  ])('refuse %s', (_kind, source, complaint) => {
    const manifest = { name: '@triwire/client', devDependencies: { vitest: '4' } }
    expect(brokenArrows(packageWith(manifest, { 'src/index.ts': source }))).toEqual([
      expect.stringContaining(complaint),
    ])
  })

  it('refuse an upward import in a test of the package too', () => {
    const pkg = packageWith({ name: '@triwire/client' }, { 'test/a.test.ts': `import '@triwire/server'` })
    expect(brokenArrows(pkg)).toHaveLength(1)
  })

  it.each(['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'])(
    'refuse an upward arrow declared under %s',
    (field) => {
      const manifest = { name: '@triwire/server', [field]: { '@triwire/hono': 'workspace:^' } }
      expect(brokenArrows(packageWith(manifest, {}))).toEqual([
        expect.stringMatching(/^@triwire\/server declares @triwire\/hono/),
      ])
    },
  )

  it('let a test reach further down than what is published', () => {
    const source = `import { line } from '@triwire/protocol'`
    const manifest = { name: '@triwire/react', devDependencies: { '@triwire/protocol': 'workspace:^' } }
    expect(brokenArrows(packageWith(manifest, { 'test/hook.test.ts': source }))).toEqual([])
    expect(brokenArrows(packageWith(manifest, { 'src/index.ts': source }))).toEqual([
      '@triwire/react/src/index.ts imports @triwire/protocol, to which it has no arrow',
    ])
    const shipped = { name: '@triwire/react', dependencies: { '@triwire/protocol': 'workspace:^' } }
    expect(brokenArrows(packageWith(shipped, {}))).toHaveLength(1)
  })

  it('refuse a package without arrows of its own', () => {
    expect(brokenArrows(packageWith({ name: '@triwire/surprise' }, {}))).toEqual([
      expect.stringContaining('has no arrows'),
    ])
  })

  it('see a circle', () => {
    expect(circles({ hub: ['channel'], channel: ['hub'] })).toContain('hub → channel → hub')
  })
})

function packageWith(manifest: Manifest, files: Record<string, string>): WorkspacePackage {
  return { manifest, files }
}
