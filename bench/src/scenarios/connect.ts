// Connecting: the upgrade, whatever is said to be let in, and one channel joined; against the bare upgrade of `ws`.

import type { Peer } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import { open, spentOn, withPair } from './pair.ts'
import type { Cell, Part } from './scenario.ts'

/** Clients that come first, so that what is measured is compiled; and half of those that are measured. */
const CLIENTS = 1000

export function connect(): readonly Cell[] {
  return [
    {
      scenario: 'connect',
      title: `connecting ${CLIENTS} clients`,
      peers: peersOf('connect', 'websocket'),
      measure,
    },
  ]
}

function measure(peer: Peer): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    await open(pair, CLIENTS, { kind: 'one' })
    const startedAt = performance.now()
    const { cpuUs, userUs } = await spentOn(pair, () => open(pair, 2 * CLIENTS, { kind: 'one' }))
    const stormMs = performance.now() - startedAt
    const figures = { cpuUsPerConnect: cpuUs / 2 / CLIENTS, userUsPerConnect: userUs / 2 / CLIENTS, stormMs }
    return [{ part: `${2 * CLIENTS} clients at once`, figures }]
  })
}
