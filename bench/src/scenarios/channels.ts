// Many channels: 10,000 connections in 100 channels each, 10 of them in each of 100,000 channels; against the same
// connections in one channel each, and a hundredth of them in 10 channels. What a delivery costs should not know how many
// channels there are.

import { channelCount, type Layout } from '../layout.ts'
import type { Peer } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import { open, speech, withPair } from './pair.ts'
import type { Cell, Part, Wishes } from './scenario.ts'

interface Size {
  readonly layout: Layout
  /** Of the connections that are asked for, so many are there. */
  readonly share: number
}

const SIZES: readonly Size[] = [
  { layout: { kind: 'rooms', followers: 10 }, share: 0.01 },
  { layout: { kind: 'rooms', followers: 10 }, share: 1 },
  { layout: { kind: 'many', each: 100 }, share: 1 },
]

/** Messages of one tick, each into another channel: as many as the fewest channels there are. */
const PER_TICK = 10
/** Prime, so it reaches every channel. */
const STRIDE = 7919

const MEASURED = new Set(['triwire', 'ws', 'socket.io', 'raw-socket', 'bun'])

export function channels({ connections = [10_000] }: Wishes): readonly Cell[] {
  return SIZES.flatMap(({ layout, share }) =>
    connections.map((all) => {
      const count = Math.ceil(all * share)
      return {
        scenario: 'channels',
        title: `${channelCount(layout, count)} channels, ${count} connections`,
        peers: peersOf('channels', 'websocket').filter(({ name }) => MEASURED.has(name)),
        measure: (peer: Peer) => measure(peer, layout, count),
      }
    }),
  )
}

function measure(peer: Peer, layout: Layout, count: number): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    await open(pair, count, layout)
    const all = channelCount(layout, count)
    const plan = (ticks: number) => ({
      messages: ticks * PER_TICK,
      channels: all,
      stride: STRIDE,
      perTick: PER_TICK,
      everyMs: 5,
    })
    const followers = layout.kind === 'many' ? (count * layout.each) / all : 10
    await speech(pair, plan(400), 1)
    const figures = await speech(pair, plan(1600), 1600 * PER_TICK * followers)
    return [{ part: `${all} channels of ${followers}, ${count} connections`, figures }]
  })
}
