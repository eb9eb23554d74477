/**
 * What a run with browsers prints at its end: of each engine, how many of its tests have passed, and what was left out for it
 * and why. A test that cannot be made in an engine is not registered for it, so no list of skipped tests would show it.
 */
import type { Reporter, TestModule } from 'vitest/node'
import type { Engine } from './tab.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** The engine that a suite drives. */
    engine?: string
    /** What was left out of it, and why. */
    leftOut?: readonly string[]
  }
}

/** What a suite says of itself, for the table. */
export function engineMeta(
  { name }: Engine,
  leftOut: readonly string[] = [],
): { readonly engine: string; readonly leftOut: readonly string[] } {
  return { engine: name, leftOut }
}

/** Prints the table. */
export class EngineTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows = new Map<string, { passed: number; total: number; leftOut: Set<string> }>()
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { engine, leftOut = [] } = test.meta()
        if (engine === undefined) continue
        const row = rows.get(engine) ?? { passed: 0, total: 0, leftOut: new Set() }
        rows.set(engine, row)
        row.total++
        if (test.result().state === 'passed') row.passed++
        for (const what of leftOut) row.leftOut.add(what)
      }
    }
    if (rows.size === 0) return
    console.log('\n Engine      passed   left out')
    for (const [engine, { passed, total, leftOut }] of rows) {
      const [first = 'nothing', ...rest] = leftOut
      console.log(` ${engine.padEnd(11)} ${`${passed} of ${total}`.padEnd(8)} ${first}`)
      for (const what of rest) console.log(`${' '.repeat(22)}${what}`)
    }
  }
}
