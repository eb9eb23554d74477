// Presence: 100 members who see each other, ten of whom change at a time. The peers have no presence; theirs is a message
// that is passed on to the room, without a set, a version, or a word about who has gone.

import type { Peer } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import { open, SPEECH_MS, spentOn, withPair } from './pair.ts'
import type { Cell, Part } from './scenario.ts'

const MEMBERS = 100
const TURN = { perTurn: 10, everyMs: 40 }
const TURNS = 75

export function presence(): readonly Cell[] {
  const peers = peersOf('presence', 'websocket').filter(
    ({ server }) => server === 'triwire' || server === 'ws' || server === 'socket-io',
  )
  return [{ scenario: 'presence', title: `${MEMBERS} members`, peers, measure }]
}

function measure(peer: Peer): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    const { load } = pair
    await open(pair, MEMBERS, { kind: 'one' })
    // All come in, and their values are not counted: how many are told of each depends on who was first.
    await load.call('announce', { turns: MEMBERS / TURN.perTurn, ...TURN, marked: false })
    const change = async (turns: number): Promise<void> => {
      await load.call('announce', { turns, ...TURN, marked: true })
      await load.call('taken', { boundMs: SPEECH_MS })
    }
    await change(TURNS / 3)
    const { cpuUs, userUs } = await spentOn(pair, () => change(TURNS))
    const deliveries = TURNS * TURN.perTurn * MEMBERS
    const figures = { cpuUsPerDelivery: cpuUs / deliveries, userUsPerDelivery: userUs / deliveries }
    return [{ part: `${TURN.perTurn} of ${MEMBERS} members change at a time`, figures }]
  })
}
