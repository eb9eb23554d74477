// Coming back: 1,000 clients were cut off, 300 messages were said, and the server was killed and started again on the file
// with its log. All come with their cursors and get what they missed. What that costs a process that has done nothing
// before; no peer has a log to come back to.

import type { Peer, Wire } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import { open, restart as restartServer, SPEECH_MS, spentOn, withPair } from './pair.ts'
import type { Cell, Part } from './scenario.ts'

const MESSAGES = 300

const CLIENTS = 1000

export function restart(): readonly Cell[] {
  const wires: readonly Wire[] = ['websocket', 'sse', 'polling']
  return wires.map((wire) => ({
    scenario: 'restart',
    title: `${CLIENTS} clients come back, ${wire}`,
    peers: peersOf('restart', wire).filter(({ only }) => only?.includes('restart')),
    measure,
  }))
}

function measure(peer: Peer): Promise<readonly Part[]> {
  return withPair(peer, async (first) => {
    const { server, load } = first
    await open(first, CLIENTS, { kind: 'one' })
    await load.call('close', undefined)
    await server.call('speak', { messages: MESSAGES, channels: 1, stride: 1, perTick: 100, everyMs: 5 })
    await server.call('stored', undefined)
    const pair = await restartServer(first)
    const startedAt = performance.now()
    const { cpuUs, userUs } = await spentOn(pair, async () => {
      await open(pair, CLIENTS, { kind: 'one' })
      await load.call('expectEach', { marks: MESSAGES })
      await load.call('taken', { boundMs: SPEECH_MS })
    })
    const allMs = performance.now() - startedAt
    const deliveries = CLIENTS * MESSAGES
    const figures = { cpuUsPerDelivery: cpuUs / deliveries, userUsPerDelivery: userUs / deliveries, allMs }
    return [{ part: `${MESSAGES} messages missed, ${CLIENTS} clients`, figures }]
  })
}
