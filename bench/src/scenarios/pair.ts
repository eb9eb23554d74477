// A server and its load, for the length of one measurement.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Layout } from '../layout.ts'
import { bunProgram, LOAD_CORE, SERVER_CORE } from '../machine.ts'
import type { Peer } from '../peers/peer.ts'
import { PEERS } from '../peers/peers.ts'
import type { LoadProcess } from '../processes/load.ts'
import { type Child, endAll, startChild } from '../processes/parent.ts'
import type { ServerProcess, Ticks } from '../processes/server.ts'
import { type Figures, quantile } from '../sample.ts'

/** Both of them. */
export interface Pair {
  readonly peer: Peer
  readonly port: number
  /** What the server keeps beyond its process lies here. */
  readonly folder: string
  readonly server: Child<ServerProcess>
  readonly load: Child<LoadProcess>
}

/** Milliseconds a speech may take until everybody has all of it. */
export const SPEECH_MS = 180_000

/** Starts both, does what is to be done, and ends both. */
export async function withPair<TResult>(peer: Peer, work: (pair: Pair) => Promise<TResult>): Promise<TResult> {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-bench-'))
  try {
    const load = startChild<LoadProcess>('load', { core: LOAD_CORE })
    const result = await work({ peer, folder, load, ...(await startServer(peer, folder)) })
    await load.call('close', undefined)
    return result
  } finally {
    await endAll()
    rmSync(folder, { recursive: true })
  }
}

/** Kills the server and starts another on what it has kept. The connections should be closed by then. */
export async function restart({ server, ...rest }: Pair): Promise<Pair> {
  await server.kill()
  return { ...rest, ...(await startServer(rest.peer, rest.folder)) }
}

async function startServer(peer: Peer, folder: string): Promise<Pick<Pair, 'server' | 'port'>> {
  const runtime = peer.runtime === 'bun' ? bunProgram() : undefined
  const server = startChild<ServerProcess>('server', { core: SERVER_CORE, runtime })
  const { port } = await server.call('start', { name: peer.server, folder })
  return { server, port }
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
  const requestsBefore = await load.call('requests', undefined)
  let latenciesUs: number[] = []
  const startedAt = performance.now()
  const spent = await spentOn(pair, async () => {
    await server.call('speak', ticks)
    latenciesUs = await load.call('taken', { boundMs: SPEECH_MS })
  })
  const seconds = (performance.now() - startedAt) / 1000
  const requests = (await load.call('requests', undefined)) - requestsBefore
  return {
    cpuUsPerDelivery: spent.cpuUs / deliveries,
    userUsPerDelivery: spent.userUs / deliveries,
    deliveriesPerSecond: deliveries / seconds,
    ...(pair.peer.wire === 'polling' ? requestFigures(spent, requests, deliveries) : {}),
    // Bun's monotonic clock begins with its process, so its stamps say nothing here.
    ...(pair.peer.runtime === undefined ? quantiles(latenciesUs) : {}),
  }
}

/** What a delivery by polls is made of. */
function requestFigures({ cpuUs, userUs }: Spent, requests: number, deliveries: number): Figures {
  return {
    requestsPerDelivery: requests / deliveries,
    cpuUsPerRequest: cpuUs / requests,
    userUsPerRequest: userUs / requests,
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
