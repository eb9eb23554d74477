// Pauses: 10,000 connections in one channel that are told something all the time, one message at a time and in bursts of
// ten; how long garbage collection stops the server meanwhile.

import type { Peer, Wire } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import { quantile } from '../sample.ts'
import { everyMsOf } from './fanout.ts'
import { open, speech, withPair } from './pair.ts'
import type { Cell, Part, Wishes } from './scenario.ts'

/** Milliseconds of load that are watched: long enough for collections of the whole heap. */
const WATCHED_MS = 30_000

const MEASURED = new Set(['triwire', 'ws', 'socket.io', 'res.write', 'raw-socket', 'res.write-once', 'raw-poll'])

export function pauses({ connections = [10_000] }: Wishes): readonly Cell[] {
  const wires: readonly Wire[] = ['websocket', 'sse', 'polling']
  return wires.flatMap((wire) =>
    connections.map((count) => ({
      scenario: 'pauses',
      title: `pauses, ${wire}, ${count} connections`,
      peers: peersOf('pauses', wire).filter(({ name }) => MEASURED.has(name)),
      measure: (peer: Peer) => measure(peer, count),
    })),
  )
}

function measure(peer: Peer, count: number): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    await open(pair, count, { kind: 'one' })
    const everyMs = everyMsOf(peer.wire, count)
    const ticks = Math.max(4, Math.ceil(WATCHED_MS / 2 / everyMs))
    const say = (of: number, perTick: number) =>
      speech(pair, { messages: of * perTick, channels: 1, stride: 1, perTick, everyMs }, of * perTick * count)
    await say(Math.ceil(ticks / 5), 1)
    await pair.server.call('watchPauses', undefined)
    await say(ticks, 1)
    await say(ticks, 10)
    const { pausesMs, full } = await pair.server.call('pauses', undefined)
    const figures = {
      // A server that is never stopped has no pause of any length.
      longestPauseMs: Math.max(0, ...pausesMs),
      p99PauseMs: pausesMs.length === 0 ? 0 : quantile(pausesMs, 0.99),
      collections: pausesMs.length,
      fullCollections: full,
    }
    return [{ part: `${count} connections`, figures }]
  })
}
