// `pnpm chaos stalled`: a reader whose process is frozen (SIGSTOP) while its channel carries 2 MB/s, and one whose network
// carries an eighth of that. What does the server hold for them, and do they catch up? Beside it a second node serves a healthy reader of the same channel, so that what
// the load itself costs is not counted; the log lives in the broker's process, so that it is not counted either.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { WireName } from '@triwire/client'
import { check, readHistories } from './checker.ts'
import type { BrokerProcess } from './processes/broker.ts'
import type { ServerMemory } from './processes/memory.ts'
import type { NodeProcess } from './processes/node.ts'
import { type Child, startChild } from './processes/parent.ts'
import type { SocketIoClientProcess } from './processes/socket-io-client.ts'
import type { SocketIoServerProcess } from './processes/socket-io-server.ts'
import type { TriwireClientProcess } from './processes/triwire-client.ts'
import { startFaultProxy } from './proxy/fault-proxy.ts'

const RUN = 'stalled'
const EVENT_BYTES = 4096
/** 2 MiB a second. */
const EVERY_MS = 2
/** What the network of a slow reader carries. */
const SLOW_BYTES_PER_SECOND = 256 * 1024
const WARM_MS = 5000
const SAMPLE_EVERY_MS = 2500
const CATCH_UP_MS = 90_000
const MIB = 1024 * 1024

interface Stall {
  readonly grownBytes: readonly number[]
  readonly writableBytes: readonly number[]
  readonly caughtUpMs: number | undefined
  readonly received: number
  readonly lost: number
  readonly duplicated: number
  readonly gaps: number
}

/** Measures and prints. */
export async function measureStalled({ stallMs }: { readonly stallMs: number }): Promise<number> {
  const rate = (EVENT_BYTES * 1000) / EVERY_MS / MIB
  console.log(
    `A reader frozen for ${stallMs / 1000} s while ${rate.toFixed(1)} MiB/s go by; MiB the server holds more than one with`,
  )
  console.log(
    'a healthy reader of the same channel, after forced collections: median and maximum of the samples.\n',
  )
  let code = 0
  for (const wire of ['websocket', 'sse', 'polling'] as const) {
    const slow = await stallTriwire(wire, 'slow', stallMs)
    const stall = await stallTriwire(wire, 'frozen', stallMs)
    print(`Triwire, ${wire}, slow`, slow)
    print(`Triwire, ${wire}, frozen`, stall)
    if (Math.max(...stall.grownBytes) > MIB || stall.lost + stall.duplicated + stall.gaps > 0) code = 1
    if (stall.caughtUpMs === undefined) code = 1
  }
  for (const transport of ['websocket', 'polling'] as const)
    print(`Socket.IO, ${transport}, frozen`, await stallSocketIo(transport, stallMs))
  return code
}

function print(name: string, stall: Stall): void {
  const sorted = [...stall.grownBytes].sort((one, other) => one - other)
  const mib = (bytes: number | undefined): string => ((bytes ?? 0) / MIB).toFixed(2)
  const grown = `${mib(sorted[Math.floor(sorted.length / 2)])} / ${mib(sorted.at(-1))} MiB`
  const waiting = `${mib(Math.max(...stall.writableBytes))} MiB in sockets`
  const caughtUp =
    stall.caughtUpMs === undefined ? 'did not catch up' : `caught up in ${(stall.caughtUpMs / 1000).toFixed(1)} s`
  const { received, lost, duplicated, gaps } = stall
  console.log(
    `${name.padEnd(30)}${grown.padStart(22)}, ${waiting}; ${caughtUp}: ${received} events, ${lost} lost, ${duplicated} twice, ${gaps} gaps`,
  )
}

async function stallTriwire(wire: WireName, how: 'frozen' | 'slow', stallMs: number): Promise<Stall> {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-chaos-'))
  const broker = await startChild<BrokerProcess>('broker')
  const { port: brokerPort } = await broker.call('start', { folder, life: 0 })
  const nodes = await Promise.all(
    ['stalled', 'healthy', 'producer'].map((name) => startNode(folder, name, brokerPort)),
  )
  const [stalled, healthy, producer] = nodes as [Node, Node, Node]
  const proxy = await startFaultProxy({
    targets: [stalled.port],
    faults: how === 'slow' ? [{ kind: 'throttle', bytesPerSecond: SLOW_BYTES_PER_SECOND }] : [],
  })
  const readers = await Promise.all(
    [
      { name: 'stalled', port: proxy.port },
      { name: 'healthy', port: healthy.port },
    ].map(async ({ name, port }) => {
      const child = await startChild<TriwireClientProcess>('triwire-client')
      await child.call('start', { folder, name: `client-${name}` })
      await child.call('open', { id: name, port, wires: [wire], down: RUN, boundMs: 10_000 })
      return child
    }),
  )
  const [frozen, beside] = readers as [Child<TriwireClientProcess>, Child<TriwireClientProcess>]
  try {
    const count = Math.round((WARM_MS + stallMs) / EVERY_MS)
    const sample = (): Promise<Pair> =>
      Promise.all([stalled.child.call('memory', undefined), healthy.child.call('memory', undefined)])
    const before = await sample()
    const emitted = producer.child.call('emit', { run: RUN, count, everyMs: EVERY_MS, padBytes: EVENT_BYTES })
    await sleep(WARM_MS)
    const samples = await sampleWhile(how === 'frozen' ? frozen : undefined, stallMs, sample)
    const thawedAt = performance.now()
    proxy.setFaults([])
    // What is under way keeps its pace; a slow network that has become a fast one is a new connection.
    if (how === 'slow') proxy.cut()
    await emitted
    await producer.child.call('mark', { run: RUN, n: 1 })
    const missing = await frozen.call('marked', { ids: ['stalled'], n: 1, boundMs: CATCH_UP_MS })
    const caughtUpMs = missing.length === 0 ? performance.now() - thawedAt : undefined
    await beside.call('marked', { ids: ['healthy'], n: 1, boundMs: CATCH_UP_MS })
    const verdict = check(readHistories(folder)).find(({ reader }) => reader === 'stalled')
    return {
      ...growthOf(before, samples),
      caughtUpMs,
      received: verdict?.delivered ?? 0,
      lost: verdict?.lost ?? Number.NaN,
      duplicated: verdict?.duplicated ?? Number.NaN,
      gaps: verdict?.gaps.length ?? Number.NaN,
    }
  } finally {
    await proxy.close()
    for (const child of [...readers, ...nodes.map((node) => node.child), broker]) await child.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function stallSocketIo(transport: 'websocket' | 'polling', stallMs: number): Promise<Stall> {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-chaos-'))
  // A server for each reader, as above; both emit the same.
  const pairs = await Promise.all(
    ['stalled', 'healthy'].map(async (name) => {
      const server = await startChild<SocketIoServerProcess>('socket-io-server')
      const { port } = await server.call('start', { folder, name })
      const client = await startChild<SocketIoClientProcess>('socket-io-client')
      await client.call('start', { folder, name: `client-${name}` })
      await client.call('open', { id: name, port, transports: [transport], run: RUN, boundMs: 10_000 })
      return { server, client }
    }),
  )
  const [stalled, healthy] = pairs as [(typeof pairs)[number], (typeof pairs)[number]]
  try {
    const count = Math.round((WARM_MS + stallMs) / EVERY_MS)
    const plan = { run: RUN, count, everyMs: EVERY_MS, padBytes: EVENT_BYTES }
    const sample = (): Promise<Pair> =>
      Promise.all([stalled.server.call('memory', undefined), healthy.server.call('memory', undefined)])
    const before = await sample()
    const emitted = pairs.map(({ server }) => server.call('emit', plan))
    await sleep(WARM_MS)
    const samples = await sampleWhile(stalled.client, stallMs, sample)
    const thawedAt = performance.now()
    await Promise.all(emitted)
    let missing: string[]
    do {
      await stalled.server.call('mark', { run: RUN, n: 1 })
      missing = await stalled.client.call('marked', { ids: ['stalled'], n: 1, boundMs: 1000 })
    } while (missing.length > 0 && performance.now() - thawedAt < CATCH_UP_MS)
    const verdict = check(readHistories(folder).filter((line) => !('s' in line) || line.s === 'stalled')).find(
      ({ reader }) => reader === 'stalled',
    )
    return {
      ...growthOf(before, samples),
      caughtUpMs: missing.length === 0 ? performance.now() - thawedAt : undefined,
      received: verdict?.delivered ?? 0,
      lost: verdict?.lost ?? Number.NaN,
      duplicated: verdict?.duplicated ?? Number.NaN,
      gaps: 0,
    }
  } finally {
    for (const { server, client } of pairs) {
      await client.kill()
      await server.kill()
    }
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The server of the stalled reader, and that of the healthy one. */
type Pair = readonly [ServerMemory, ServerMemory]

/** What the first has grown by more than the second, since before the load. */
function growthOf(before: Pair, samples: readonly Pair[]): Pick<Stall, 'grownBytes' | 'writableBytes'> {
  return {
    grownBytes: samples.map(([one, other]) => one.bytes - before[0].bytes - (other.bytes - before[1].bytes)),
    writableBytes: samples.map(([one]) => one.writableBytes),
  }
}

interface Node {
  readonly name: string
  readonly child: Child<NodeProcess>
  readonly port: number
}

async function startNode(folder: string, name: string, brokerPort: number): Promise<Node> {
  const child = await startChild<NodeProcess>('node')
  const { port } = await child.call('start', { folder, name, broker: { kind: 'remote', port: brokerPort } })
  return { name, child, port }
}

/** Samples again and again while the process, if one is given, is frozen. */
async function sampleWhile<TSample>(
  frozen: { freeze(): void; thaw(): void } | undefined,
  stallMs: number,
  sample: () => Promise<TSample>,
): Promise<TSample[]> {
  const samples: TSample[] = []
  frozen?.freeze()
  try {
    const endsAt = performance.now() + stallMs
    while (performance.now() < endsAt) {
      await sleep(Math.min(SAMPLE_EVERY_MS, Math.max(0, endsAt - performance.now())))
      samples.push(await sample())
    }
  } finally {
    frozen?.thaw()
  }
  return samples
}
