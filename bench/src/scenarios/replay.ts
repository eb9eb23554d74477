// Replay: 1,000 clients come at once and want the last 300 messages of one channel, as after a restart.

import type { Peer } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import { open, SPEECH_MS, spentOn, withPair } from './pair.ts'
import type { Cell, Part } from './scenario.ts'

const MESSAGES = 300

const CLIENTS = 1000

export function replay(): readonly Cell[] {
  const peers = peersOf('replay', 'websocket').filter(({ only }) => only?.includes('replay'))
  return [{ scenario: 'replay', title: `replay to ${CLIENTS} clients`, peers, measure }]
}

function measure(peer: Peer): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    const { server, load } = pair
    await server.call('speak', { messages: MESSAGES, channels: 1, stride: 1, perTick: 100, everyMs: 5 })
    const come = async (clients: number): Promise<void> => {
      await open(pair, clients, { kind: 'one' })
      await load.call('expectEach', { marks: MESSAGES })
      await load.call('taken', { boundMs: SPEECH_MS })
    }
    await come(Math.ceil(CLIENTS / 4))
    const startedAt = performance.now()
    const { cpuUs, userUs } = await spentOn(pair, () => come(CLIENTS))
    const allMs = performance.now() - startedAt
    const deliveries = CLIENTS * MESSAGES
    const figures = { cpuUsPerDelivery: cpuUs / deliveries, userUsPerDelivery: userUs / deliveries, allMs }
    return [{ part: `${MESSAGES} messages, ${CLIENTS} clients`, figures }]
  })
}
