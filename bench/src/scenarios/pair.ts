// A server and its load, for the length of one measurement.

import type { Layout } from '../layout.ts'
import { bunProgram, LOAD_CORE, SERVER_CORE } from '../machine.ts'
import type { Peer } from '../peers/peer.ts'
import { PEERS } from '../peers/peers.ts'
import type { LoadProcess } from '../processes/load.ts'
import { type Child, startChild } from '../processes/parent.ts'
import type { ServerProcess, Ticks } from '../processes/server.ts'
import { type Figures, quantile } from '../sample.ts'

/** Both of them. */
export interface Pair {
  readonly peer: Peer
  readonly port: number
  readonly server: Child<ServerProcess>
  readonly load: Child<LoadProcess>
}

/** Milliseconds a speech may take until everybody has all of it. */
export const SPEECH_MS = 180_000

/** Starts both, does what is to be done, and ends both. */
export async function withPair<TResult>(peer: Peer, work: (pair: Pair) => Promise<TResult>): Promise<TResult> {
  const runtime = peer.runtime === 'bun' ? bunProgram() : undefined
  const server = startChild<ServerProcess>('server', { core: SERVER_CORE, runtime })
  const load = startChild<LoadProcess>('load', { core: LOAD_CORE })
  try {
    const { port } = await server.call('start', peer.server)
    const result = await work({ peer, port, server, load })
    await load.call('close', undefined)
    return result
  } finally {
    await Promise.all([server.kill(), load.kill()])
  }
}

/** Opens connections that follow what the layout says. */
export async function open(
  { peer, port, load }: Pair,
  count: number,
  layout: Layout,
  sampleEvery = 50,
): Promise<void> {
  await load.call('open', { peer: PEERS.indexOf(peer), port, count, layout, sampleEvery })
}

/** Microseconds of the server's CPU. */
export interface Spent {
  readonly cpuUs: number
  readonly userUs: number
}

/** What the server spends on something. */
export async function spentOn({ server }: Pick<Pair, 'server'>, work: () => Promise<void>): Promise<Spent> {
  const before = await server.call('cpu', undefined)
  await work()
  const after = await server.call('cpu', undefined)
  const userUs = after.userUs - before.userUs
  return { cpuUs: userUs + after.systemUs - before.systemUs, userUs }
}

/** Has the server say it all, and everybody get it; what that cost per delivery, and how long it took. */
export async function speech(pair: Pair, ticks: Ticks, deliveries: number): Promise<Figures> {
  const { server, load } = pair
  await load.call('expect', ticks)
  let latenciesUs: number[] = []
  const startedAt = performance.now()
  const spent = await spentOn(pair, async () => {
    await server.call('speak', ticks)
    latenciesUs = await load.call('taken', { boundMs: SPEECH_MS })
  })
  const seconds = (performance.now() - startedAt) / 1000
  return {
    cpuUsPerDelivery: spent.cpuUs / deliveries,
    userUsPerDelivery: spent.userUs / deliveries,
    deliveriesPerSecond: deliveries / seconds,
    // Bun's monotonic clock begins with its process, so its stamps say nothing here.
    ...(pair.peer.runtime === undefined ? quantiles(latenciesUs) : {}),
  }
}

/** Three of them, of microseconds. */
export function quantiles(latenciesUs: readonly number[]): Figures {
  return {
    p50Us: quantile(latenciesUs, 0.5),
    p99Us: quantile(latenciesUs, 0.99),
    p999Us: quantile(latenciesUs, 0.999),
  }
}
