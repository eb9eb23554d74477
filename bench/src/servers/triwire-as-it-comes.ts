// Triwire with every limit as it is from the start, for floods: what it may cost is what anybody's server would let it cost.

import { memory } from '@triwire/server'
import type { BenchServer } from './bench-server.ts'
import { serveTriwire } from './triwire.ts'

export async function start(): Promise<BenchServer> {
  const { port, emit } = await serveTriwire(memory(), { limits: {} })
  return {
    port,
    publish: (id, text) => {
      void emit(id, text)
    },
  }
}
