// Connecting: the upgrade, whatever is said to be let in, and one channel joined; against the bare upgrade of `ws`.

import type { Peer } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import { open, spentOn, withPair } from './pair.ts'
import type { Cell, Part, Wishes } from './scenario.ts'

export function connect({ subscribers = [1000] }: Wishes): readonly Cell[] {
  return subscribers.map((count) => ({
    scenario: 'connect',
    title: `connecting ${count} clients`,
    peers: peersOf('connect', 'websocket'),
    measure: (peer: Peer) => measure(peer, count),
  }))
}

function measure(peer: Peer, count: number): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    // As many before, so that what is measured is compiled.
    await open(pair, count, { kind: 'one' })
    const startedAt = performance.now()
    const { cpuUs, userUs } = await spentOn(pair, () => open(pair, 2 * count, { kind: 'one' }))
    const stormMs = performance.now() - startedAt
    const figures = { cpuUsPerConnect: cpuUs / 2 / count, userUsPerConnect: userUs / 2 / count, stormMs }
    return [{ part: `${2 * count} clients at once`, figures }]
  })
}
