// Latency of a broadcast: how old a message is when its reader has it. At rest, and at a rate that keeps naive `ws` half
// busy. The same schedule for all; a sample of the connections, spread over the order in which they came.

import type { Peer, Wire } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import { open, speech, withPair } from './pair.ts'
import type { Cell, Part, Wishes } from './scenario.ts'

/** Microseconds of CPU of naive `ws` per delivery, about: two of them per subscriber and tick are half a load. */
const NAIVE_US = 12

const RATES = [
  { name: 'at rest', usPerSubscriber: 200, ticks: 20 },
  { name: 'half busy', usPerSubscriber: 2 * NAIVE_US, ticks: 150 },
]

export function latency({ subscribers = [1000] }: Wishes): readonly Cell[] {
  const wires: readonly Wire[] = ['websocket', 'sse', 'polling']
  return wires.flatMap((wire) =>
    subscribers.map((count) => ({
      scenario: 'latency',
      title: `latency, ${wire}, ${count} subscribers`,
      peers: peersOf('latency', wire).filter(({ runtime }) => runtime === undefined),
      measure: (peer: Peer) => measure(peer, count),
    })),
  )
}

function measure(peer: Peer, count: number): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    await open(pair, count, { kind: 'one' }, 10)
    const found: Part[] = []
    for (const { name, usPerSubscriber, ticks } of RATES) {
      // A poll costs more than half of a delivery's time; at that rate messages would share polls.
      const everyMs = (count * usPerSubscriber * (peer.wire === 'polling' ? 4 : 1)) / 1000
      const plan = (of: number) => ({ messages: of, channels: 1, stride: 1, perTick: 1, everyMs })
      await speech(pair, plan(10), 1)
      found.push({ part: `${name}, ${count}`, figures: await speech(pair, plan(ticks), ticks * count) })
    }
    return found
  })
}
