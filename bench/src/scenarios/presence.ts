// Presence: 100 members who see each other; ten of them change at a time, then ten leave and ten come back at a time. The
// peers have no presence; theirs is a message that is passed on to the room, without a set, a version, or a word about who
// has gone.

import type { Peer } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import type { Figures } from '../sample.ts'
import { open, type Pair, SPEECH_MS, spentOn, withPair } from './pair.ts'
import type { Cell, Part } from './scenario.ts'

const MEMBERS = 100
const TURN = { perTurn: 10, everyMs: 40 }
const TURNS = 75

/** `?`, which every line of a presence change has once, in its address: that of somebody who leaves has no value to mark. */
const LINE_MARK = 0x3f

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
    const changing = await costOf(pair, TURNS, () => change(TURNS))
    if (peer.kind === 'ours') await load.call('expectMarks', { mark: LINE_MARK })
    const churn = async (turns: number): Promise<void> => {
      await load.call('expectMore', { marks: 2 * turns * TURN.perTurn })
      await load.call('churn', { turns, ...TURN })
      await load.call('taken', { boundMs: SPEECH_MS })
    }
    await churn(TURNS / 3)
    const churning = await costOf(pair, 2 * TURNS, () => churn(TURNS))
    return [
      { part: `${TURN.perTurn} of ${MEMBERS} members change at a time`, figures: changing },
      { part: `${TURN.perTurn} of ${MEMBERS} members leave and come back at a time`, figures: churning },
    ]
  })
}

/** What it costs to tell all members of so many turns. */
async function costOf(pair: Pair, turns: number, work: () => Promise<void>): Promise<Figures> {
  const { cpuUs, userUs } = await spentOn(pair, work)
  const deliveries = turns * TURN.perTurn * MEMBERS
  return { cpuUsPerDelivery: cpuUs / deliveries, userUsPerDelivery: userUs / deliveries }
}
