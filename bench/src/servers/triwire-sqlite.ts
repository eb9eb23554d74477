// Triwire with its log in a SQLite file, so that it is still there when the process has gone.

import { join } from 'node:path'
import { sqlite } from '@triwire/sqlite'
import type { BenchServer, Surroundings } from './bench-server.ts'
import { serveTriwire } from './triwire.ts'

export async function start({ folder }: Surroundings): Promise<BenchServer> {
  const { port, emit } = await serveTriwire(sqlite(join(folder, 'log.sqlite')))
  const emitting: Promise<unknown>[] = []
  return {
    port,
    publish: (id, text) => {
      emitting.push(emit(id, text))
    },
    stored: async () => {
      await Promise.all(emitting.splice(0))
    },
  }
}
