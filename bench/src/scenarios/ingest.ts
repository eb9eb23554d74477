// What comes up: publishes that are logged, deduplicated and acknowledged, one per segment and 32 in one; against emits of
// Socket.IO and messages of `ws` that are heard and forgotten. All on one schedule, well below what any of them can take.

import type { Peer } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import type { Publishing } from '../processes/load.ts'
import { open, type Pair, SPEECH_MS, spentOn, withPair } from './pair.ts'
import type { Cell, Part } from './scenario.ts'

const PUBLISHERS = 50
/** `?`, which every `ack` line has once, in its channel's address, and a heartbeat has not. Nothing else comes. */
const ACK_MARK = 0x3f

const PLANS: Readonly<Record<string, Publishing>> = {
  'one per segment': { segments: 200, perSegment: 1, everyMs: 10 },
  '32 per segment': { segments: 50, perSegment: 32, everyMs: 60 },
}

export function ingest(): readonly Cell[] {
  return [
    {
      scenario: 'ingest',
      title: `${PUBLISHERS} publishers`,
      peers: peersOf('ingest', 'websocket').filter(
        ({ words, server }) =>
          'publish' in words && (server === 'triwire' || server === 'ws' || server === 'socket-io'),
      ),
      measure,
    },
  ]
}

function measure(peer: Peer): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    await open(pair, PUBLISHERS, { kind: 'none' })
    const counter = await counterOf(pair)
    const found: Part[] = []
    for (const [part, plan] of Object.entries(PLANS)) {
      const publish = async (publishing: Publishing): Promise<void> => {
        await pair.load.call('publish', publishing)
        await counter(publishing.segments * publishing.perSegment)
      }
      await publish({ ...plan, segments: Math.ceil(plan.segments / 3) })
      const { cpuUs, userUs } = await spentOn(pair, () => publish(plan))
      const publishes = PUBLISHERS * plan.segments * plan.perSegment
      found.push({ part, figures: { cpuUsPerPublish: cpuUs / publishes, userUsPerPublish: userUs / publishes } })
    }
    return found
  })
}

/** Waits until `each` more of every publisher have arrived: acknowledged where there is such a thing, heard elsewhere. */
async function counterOf({ peer, server, load }: Pair): Promise<(each: number) => Promise<void>> {
  let published = 0
  if (peer.kind !== 'ours') {
    return async (each) => {
      published += each
      const isAll = await server.call('hear', { count: published * PUBLISHERS, boundMs: SPEECH_MS })
      if (!isAll) throw new Error(`The server has not heard ${published} messages of each publisher.`)
    }
  }
  await load.call('expectMarks', { mark: ACK_MARK })
  return async (each) => {
    await load.call('expectMore', { marks: each })
    await load.call('taken', { boundMs: SPEECH_MS })
  }
}
