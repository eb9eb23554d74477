// One run for every test of the repository: `vitest run`, or a part of it with `--project client`.
//
// - packages/<name>/test/**/*.test.ts(x)   unit tests; the UI bindings get a DOM
// - packages/<name>/test/**/*.test-d.ts    type tests: compiled, never run
// - test/<name>/**/*.test.ts               tests across packages, in Node
// - examples/<name>/**/*.test.ts(x)        the examples, each with its own; those that show something get a DOM
// - bench/test/*.test.ts                   what the benchmark counts and computes; it measures nothing
//
// The condition `@triwire/source` makes every import of ours resolve to TypeScript sources, so no test needs a build.

import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { EngineTable } from './test/e2e/src/engine-table.ts'

// Setting conditions replaces Vite's own for a server, so they are repeated behind ours.
const conditions = ['@triwire/source', 'module', 'node', 'development|production']
const needDom = new Set(['react', 'vue', 'testing', 'tanstack-query', 'pinia'])

function foldersIn(parent: string): string[] {
  const folder = new URL(`${parent}/`, import.meta.url)
  return existsSync(folder)
    ? readdirSync(folder).filter((name) => existsSync(new URL(`${name}/package.json`, folder)))
    : []
}

function hasTypeTests(name: string): boolean {
  const folder = new URL(`packages/${name}/test/`, import.meta.url)
  return (
    existsSync(folder) &&
    readdirSync(folder, { recursive: true }).some((path) => /\.test-d\.ts$/.test(String(path)))
  )
}

function unitTests(name: string): TestProjectInlineConfiguration {
  return {
    extends: true,
    root: `packages/${name}`,
    test: {
      name,
      environment: needDom.has(name) ? 'jsdom' : 'node',
      include: ['test/**/*.test.{ts,tsx}'],
      // Only where there are some, because each project that has this on says again that it is experimental.
      typecheck: { enabled: hasTypeTests(name), include: ['test/**/*.test-d.ts'], tsconfig: 'tsconfig.json' },
    },
  }
}

/** The tests of the hooks once more, on React 18. What the app imports is replaced here, what React itself does in the setup. */
function react18Tests(): TestProjectInlineConfiguration {
  const { test } = unitTests('react')
  return {
    extends: true,
    root: 'packages/react',
    resolve: { alias: [{ find: /^(react|react-dom)(?=$|\/)/, replacement: '$1-18' }] },
    test: {
      ...test,
      name: 'react-18',
      include: ['test/{use-,server-}*.test.tsx'],
      setupFiles: [fileURLToPath(new URL('packages/react/test/on-react-18.ts', import.meta.url))],
      typecheck: { enabled: false },
    },
  }
}

function crossPackageTests(name: string): TestProjectInlineConfiguration {
  const isEndToEnd = name === 'e2e'
  return {
    extends: true,
    root: `test/${name}`,
    test: {
      name: `test-${name}`,
      environment: 'node',
      include: ['**/*.test.ts'],
      testTimeout: isEndToEnd ? 60_000 : 15_000,
      hookTimeout: isEndToEnd ? 60_000 : 15_000,
    },
  }
}

function exampleTests(name: string): TestProjectInlineConfiguration {
  return {
    extends: true,
    root: `examples/${name}`,
    test: {
      name: `example-${name}`,
      environment: needDom.has(name) ? 'jsdom' : 'node',
      include: ['**/*.test.{ts,tsx}'],
    },
  }
}

// `.ci/run` counts tests from this file rather than from printed text.
const reportFile = process.env.TRIWIRE_TEST_REPORT
const reporters = ['default', new EngineTable()]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    projects: [
      ...foldersIn('packages').map(unitTests),
      react18Tests(),
      ...foldersIn('test').map(crossPackageTests),
      ...foldersIn('examples').map(exampleTests),
      {
        extends: true,
        root: 'bench',
        test: { name: 'bench', environment: 'node', include: ['test/**/*.test.ts'] },
      },
    ],
    // Cases that wait in real time wait together: they ask for it with `test.concurrent`.
    maxConcurrency: 12,
    reporters: reportFile ? [...reporters, ['json', { outputFile: reportFile }]] : reporters,
  },
})
