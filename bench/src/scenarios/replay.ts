// Replay: 1,000 clients come at once and want the last 300 messages of one channel, as after a restart.

import type { Peer } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import { open, SPEECH_MS, spentOn, withPair } from './pair.ts'
import type { Cell, Part, Wishes } from './scenario.ts'

const MESSAGES = 300

export function replay({ subscribers = [1000] }: Wishes): readonly Cell[] {
  const peers = peersOf('replay', 'websocket').filter(({ only }) => only?.includes('replay'))
  return subscribers.map((count) => ({
    scenario: 'replay',
    title: `replay to ${count} clients`,
    peers,
    measure: (peer: Peer) => measure(peer, count),
  }))
}

function measure(peer: Peer, count: number): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    const { server, load } = pair
    await server.call('speak', { messages: MESSAGES, channels: 1, stride: 1, perTick: 100, everyMs: 5 })
    const come = async (clients: number): Promise<void> => {
      await open(pair, clients, { kind: 'one' })
      await load.call('expectEach', { marks: MESSAGES })
      await load.call('taken', { boundMs: SPEECH_MS })
    }
    await come(Math.ceil(count / 4))
    const startedAt = performance.now()
    const { cpuUs, userUs } = await spentOn(pair, () => come(count))
    const allMs = performance.now() - startedAt
    const deliveries = count * MESSAGES
    const figures = { cpuUsPerDelivery: cpuUs / deliveries, userUsPerDelivery: userUs / deliveries, allMs }
    return [{ part: `${MESSAGES} messages, ${count} clients`, figures }]
  })
}
