// `pnpm chaos connections`: what an open connection costs its node. So many clients on one node and wire, each in a channel
// of its own or all in one, quiet; the memory of the node with them and without.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WireName } from '@triwire/client'
import type { NodeProcess } from './processes/node.ts'
import { startChild } from './processes/parent.ts'
import type { StopwatchProcess } from './processes/stopwatch.ts'

const WIRES: readonly WireName[] = ['websocket', 'sse', 'polling']

/** Measures, and prints. */
export async function measureConnections({ count }: { count: number }): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-connections-'))
  console.log(`bytes per quiet connection at its node, ${count} of them in one channel\n`)
  console.log(`${''.padEnd(12)}${'heap and buffers'.padEnd(20)}resident`)
  for (const wire of WIRES) {
    const node = await startChild<NodeProcess>('node')
    const watch = await startChild<StopwatchProcess>('stopwatch')
    const { port } = await node.call('start', { folder, name: wire })
    // Code and pools of the wire are there with the first ones.
    await watch.call('open', { port, wire, run: 'run', count: 50 })
    const before = await node.call('memory', undefined)
    await watch.call('open', { port, wire, run: 'run', count })
    const after = await node.call('memory', undefined)
    const heap = Math.round((after.bytes - before.bytes) / count)
    const resident = Math.round((after.residentBytes - before.residentBytes) / count)
    console.log(`${wire.padEnd(12)}${String(heap).padEnd(20)}${resident}`)
    await watch.kill()
    await node.kill()
  }
  rmSync(folder, { recursive: true, force: true })
  return 0
}
