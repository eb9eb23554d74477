// SQLite in a long run: the store is the one node, and dies with it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from './engine.ts'

/** One node on one file. */
export async function sqliteEngine(): Promise<Engine> {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-sqlite-'))
  return {
    name: 'SQLite',
    // Nothing is served, so its line leads nowhere, and cutting it does nothing.
    port: 1,
    nodes: 1,
    forgets: false,
    rate: 100,
    blows: [],
    spec: () => ({ kind: 'sqlite', path: join(folder, 'triwire.db') }),
    stop: async () => rmSync(folder, { recursive: true, force: true }),
  }
}
