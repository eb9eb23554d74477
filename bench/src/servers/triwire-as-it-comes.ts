// Triwire with every limit as it is from the start, for floods: what it may cost is what anybody's server would let it cost.

import type { BenchServer } from './bench-server.ts'
import { startWith } from './triwire.ts'

export function start(): Promise<BenchServer> {
  return startWith()
}
