/** The cases against one node whose broker is a file. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '@triwire/sqlite'
import { afterAll } from 'vitest'
import { conformanceSuite } from '../src/suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'triwire-conformance-'))
let fixtures = 0

afterAll(() => rmSync(folder, { recursive: true }))

conformanceSuite('one node on SQLite', {
  createBrokers: () => {
    const path = join(folder, `${fixtures++}.db`)
    return [() => sqlite(path)]
  },
})
