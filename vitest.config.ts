// One run for every test of the repository: `vitest run`, or a part of it with `--project client`.
//
// - packages/<name>/test/**/*.test.ts(x)   unit tests; the UI bindings get a DOM
// - packages/<name>/test/**/*.test-d.ts    type tests: compiled, never run
// - test/<name>/**/*.test.ts               tests across packages, in Node
//
// The condition `@triwire/source` makes every import of ours resolve to TypeScript sources, so no test needs a build.

import { existsSync, readdirSync } from 'node:fs'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

// Setting conditions replaces Vite's own for a server, so they are repeated behind ours.
const conditions = ['@triwire/source', 'module', 'node', 'development|production']
const needDom = new Set(['react', 'vue'])

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

// `.ci/run` counts tests from this file rather than from printed text.
const reportFile = process.env.TRIWIRE_TEST_REPORT

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    projects: [...foldersIn('packages').map(unitTests), ...foldersIn('test').map(crossPackageTests)],
    // Cases that wait in real time wait together: they ask for it with `test.concurrent`.
    maxConcurrency: 12,
    reporters: reportFile ? ['default', ['json', { outputFile: reportFile }]] : ['default'],
  },
})
