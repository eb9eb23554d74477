// Memory: what the server holds for each of its connections, which follow one channel and are told nothing. 10,000 for the
// comparison; fewer, to see whether one costs the same however many there are.

import type { Peer, Wire } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import { open, withPair } from './pair.ts'
import type { Cell, Part, Wishes } from './scenario.ts'

/** Connections that are there before: code, pools and tables have come with them. */
const FIRST = 200

const CONNECTIONS = [1000, 5000, 10_000]

export function memory({ connections = CONNECTIONS }: Wishes): readonly Cell[] {
  const wires: readonly Wire[] = ['websocket', 'sse', 'polling']
  return wires.flatMap((wire) =>
    connections.map((count) => ({
      scenario: 'memory',
      title: `memory, ${wire}, ${count} connections`,
      peers: peersOf('memory', wire),
      measure: (peer: Peer) => measure(peer, count),
    })),
  )
}

function measure(peer: Peer, count: number): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    await open(pair, FIRST, { kind: 'one' })
    const before = await pair.server.call('memory', undefined)
    await open(pair, count - FIRST, { kind: 'one' })
    const after = await pair.server.call('memory', undefined)
    const each = (bytes: 'heapBytes' | 'externalBytes' | 'residentBytes'): number =>
      (after[bytes] - before[bytes]) / (count - FIRST)
    const figures = {
      bytesPerConnection: each('heapBytes') + each('externalBytes'),
      heapBytesPerConnection: each('heapBytes'),
      residentBytesPerConnection: each('residentBytes'),
    }
    return [{ part: `${count} idle`, figures }]
  })
}
