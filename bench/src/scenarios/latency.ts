// Latency of a broadcast: how old a message is when its reader has it; and of an echo, which is a command and its reply,
// against an echo of `ws` and an emit of Socket.IO with an acknowledgement. At rest, and at a rate that keeps naive `ws` half
// busy. The same schedule for all; of a broadcast a sample of the connections, spread over the order in which they came.

import type { Peer, Wire } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import { open, quantiles, SPEECH_MS, speech, spentOn, withPair } from './pair.ts'
import type { Cell, Part, Wishes } from './scenario.ts'

/** Microseconds of CPU of naive `ws` per delivery, about: two of them per subscriber and tick are half a load. */
const NAIVE_US = 12

const RATES = [
  { name: 'at rest', usPerSubscriber: 200, ticks: 20 },
  { name: 'half busy', usPerSubscriber: 2 * NAIVE_US, ticks: 150 },
]

/** Connections that call, in turn. */
const CALLERS = 50

/** Microseconds of CPU of an echo of `ws` that comes alone, about: an echo each 100 µs keeps it half busy. */
const ECHO_US = 50

const ECHOES = [
  { name: 'echo at rest', everyUs: 5000, calls: 1000 },
  { name: 'echo half busy', everyUs: 2 * ECHO_US, calls: 30_000 },
]

export function latency({ subscribers = [1000] }: Wishes): readonly Cell[] {
  const wires: readonly Wire[] = ['websocket', 'sse', 'polling']
  const broadcasts = wires.flatMap((wire) =>
    subscribers.map((count) => ({
      scenario: 'latency',
      title: `latency, ${wire}, ${count} subscribers`,
      peers: peersOf('latency', wire).filter(({ runtime }) => runtime === undefined),
      measure: (peer: Peer) => measure(peer, count),
    })),
  )
  // Only these answer, and over the other wires none of them does.
  const answering = peersOf('latency', 'websocket').filter(
    ({ server }) => server === 'triwire' || server === 'ws' || server === 'socket-io',
  )
  const echo = { scenario: 'latency', title: 'latency of an echo', peers: answering, measure: measureEcho }
  return [...broadcasts, echo]
}

function measure(peer: Peer, count: number): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    await open(pair, count, { kind: 'one' }, 10)
    const found: Part[] = []
    for (const { name, usPerSubscriber, ticks } of RATES) {
      // A poll costs more than half of a delivery's time; at that rate messages would share polls.
      const everyMs = (count * usPerSubscriber * (peer.wire === 'polling' ? 4 : 1)) / 1000
      const plan = (of: number) => ({ messages: of, channels: 1, stride: 1, perTick: 1, everyMs })
      await speech(pair, plan(10), 1)
      const figures = await speech(pair, plan(ticks), ticks * count)
      const { cpuUsPerDelivery = Number.NaN, deliveriesPerSecond = Number.NaN } = figures
      const busy = (cpuUsPerDelivery * deliveriesPerSecond) / 1e6
      found.push({ part: `${name}, ${count}`, figures: { ...figures, busy } })
    }
    return found
  })
}

function measureEcho(peer: Peer): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    await open(pair, CALLERS, { kind: 'none' }, 1)
    const found: Part[] = []
    for (const { name, everyUs, calls } of ECHOES) {
      const call = (times: number): Promise<number[]> =>
        pair.load.call('callOnTime', { calls: times, everyUs, boundMs: SPEECH_MS })
      await call(Math.ceil(calls / 3))
      let latenciesUs: number[] = []
      const { cpuUs } = await spentOn(pair, async () => {
        latenciesUs = await call(calls)
      })
      found.push({ part: name, figures: { ...quantiles(latenciesUs), busy: cpuUs / calls / everyUs } })
    }
    return found
  })
}
