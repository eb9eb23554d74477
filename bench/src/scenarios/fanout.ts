// Fan-out: one message to everybody, one at a time, in bursts, without a pause; and to sockets of which few follow the same
// channels. What the server spends per delivery.

import { channelCount, type Layout } from '../layout.ts'
import type { Peer, Wire } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import type { Ticks } from '../processes/server.ts'
import { open, type Pair, speech, withPair } from './pair.ts'
import type { Cell, Part, Wishes } from './scenario.ts'

const SUBSCRIBERS = [200, 1000, 5000, 10_000]

interface Pattern {
  readonly name: string
  readonly perTick: number
  /** Deliveries that are measured, about. */
  readonly deliveries: number
  /** Ticks that are measured at least. */
  readonly leastTicks: number
  readonly paused: boolean
}

const PATTERNS: readonly Pattern[] = [
  { name: 'single', perTick: 1, deliveries: 100_000, leastTicks: 10, paused: true },
  { name: 'tens', perTick: 10, deliveries: 500_000, leastTicks: 5, paused: true },
  { name: 'fifties', perTick: 50, deliveries: 600_000, leastTicks: 3, paused: true },
  { name: 'saturated', perTick: 1, deliveries: 200_000, leastTicks: 10, paused: false },
]

/** Twenty channels of which each socket follows ten: a tick says something in each, so everybody gets ten. */
const MIXED: Layout = { kind: 'mixed', of: 20, each: 10 }

/** Microseconds of a tick per subscriber. Twice what the slower ones need for a message, so that ticks stay apart. */
const TICK_US: Readonly<Record<Wire, number>> = { websocket: 30, sse: 100, polling: 200 }

/** How much of a pattern's deliveries are measured: ticks of these wires are longer, and a run should end. */
const SHARE: Readonly<Record<Wire, number>> = { websocket: 1, sse: 0.4, polling: 0.25 }

/** Milliseconds that are not measured, at least, before each part. */
const WARM_MS = 1500

/** Milliseconds between ticks at least. */
const LEAST_TICK_MS = 5

export function fanout({ subscribers = SUBSCRIBERS, parts }: Wishes): readonly Cell[] {
  const patterns = PATTERNS.filter(({ name }) => parts?.includes(name) ?? true)
  const wires: readonly Wire[] = ['websocket', 'sse', 'polling']
  return wires.flatMap((wire) => {
    const peers = peersOf('fanout', wire)
    const alike = subscribers.map((count) => ({
      scenario: 'fanout',
      title: `fan-out, ${wire}, ${count} subscribers`,
      peers,
      measure: (peer: Peer) => measure(peer, count, patterns),
    }))
    const different = subscribers.map((count) => ({
      scenario: 'fanout',
      title: `fan-out, ${wire}, ${count} subscribers with different channels`,
      peers,
      measure: (peer: Peer) => measureMixed(peer, count),
    }))
    const wantsMixed = wire === 'websocket' && (parts?.includes('tens-mixed') ?? true)
    return [...(patterns.length > 0 ? alike : []), ...(wantsMixed ? different : [])]
  })
}

function measure(peer: Peer, count: number, patterns: readonly Pattern[]): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    await open(pair, count, { kind: 'one' })
    const found: Part[] = []
    for (const pattern of patterns) {
      const { name, perTick, deliveries, leastTicks } = pattern
      const ticks = Math.max(leastTicks, Math.round((deliveries * SHARE[peer.wire]) / count / perTick))
      const everyMs = pattern.paused ? everyMsOf(peer.wire, count) : 0
      const plan = (of: number): Ticks => ({ messages: of * perTick, channels: 1, stride: 1, perTick, everyMs })
      await warmUp(pair, plan(Math.ceil(ticks / 3)))
      const figures = await speech(pair, plan(ticks), ticks * perTick * count)
      found.push({ part: `${name}, ${count}`, figures })
    }
    return found
  })
}

function measureMixed(peer: Peer, count: number): Promise<readonly Part[]> {
  return withPair(peer, async (pair: Pair) => {
    await open(pair, count, MIXED)
    const channels = channelCount(MIXED, count)
    const ticks = Math.max(10, Math.round(500_000 / count / 10))
    const everyMs = everyMsOf(peer.wire, count)
    const plan = (of: number): Ticks => ({
      messages: of * channels,
      channels,
      stride: 1,
      perTick: channels,
      everyMs,
    })
    await warmUp(pair, plan(Math.ceil(ticks / 3)))
    const figures = await speech(pair, plan(ticks), ticks * 10 * count)
    return [{ part: `tens-mixed, ${count}`, figures }]
  })
}

/** What is compiled by then is what is measured. Whoever needs little for a tick needs more of them until it is. */
async function warmUp(pair: Pair, ticks: Ticks): Promise<void> {
  const since = performance.now()
  do await speech(pair, ticks, 1)
  while (performance.now() - since < WARM_MS)
}

/** Milliseconds from one tick to the next, so that the slower ones are half busy with one message in each. */
export function everyMsOf(wire: Wire, subscribers: number): number {
  return Math.max(LEAST_TICK_MS, (subscribers * TICK_US[wire]) / 1000)
}
