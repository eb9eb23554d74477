// What a server process holds, measured from inside after collections.

import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a server holds. */
export interface ServerMemory {
  /** Bytes in use: V8's heap, and the buffers outside of it. */
  readonly bytes: number
  /** Bytes of memory the process has of the machine, which also holds what was let go and not given back. */
  readonly residentBytes: number
  /** Bytes that wait in sockets, part of the above. */
  readonly writableBytes: number
  readonly sockets: number
}

/** Measures. The process needs `--expose-gc`. */
export async function measureMemory(sockets: Iterable<Socket>): Promise<ServerMemory> {
  // More than once, with turns in between: what finalizers let go, the next collection frees.
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.()
    await sleep(10)
  }
  globalThis.gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  let writableBytes = 0
  let count = 0
  for (const socket of sockets) {
    writableBytes += socket.writableLength
    count++
  }
  return { bytes: heapUsed + external, residentBytes: rss, writableBytes, sockets: count }
}
