// `pnpm chaos fallback`: a client with default settings, a round trip of 100 ms, and every way to block WebSocket and
// SSE. How long until the first event is delivered, and how many attempts does it make in its first minute?

import { setTimeout as sleep } from 'node:timers/promises'
import type { WireName } from '@triwire/client'
import type { Fault } from './proxy/fault.ts'
import { type FaultProxy, type SeenRequest, startFaultProxy } from './proxy/fault-proxy.ts'
import { BUSY, median, QUIET, type Station, startStation } from './station.ts'

const RTT_MS = 100
/** After so long without an event, a client counts as never connected. */
const BOUND_MS = 45_000
/** Cases measured at a time. */
const AT_ONCE = 4

interface Block {
  readonly name: string
  readonly faults: readonly Fault[]
}

interface Case extends Block {
  readonly wires?: readonly WireName[]
  /** Whether Socket.IO can meet it: it has no SSE. */
  readonly forSocketIo: boolean
}

const WEBSOCKET_BLOCKS: readonly Block[] = [
  { name: 'WebSocket refused (403)', faults: [{ kind: 'refuse', of: 'websocket', status: 403 }] },
  { name: 'WebSocket swallowed', faults: [{ kind: 'swallow', of: 'websocket' }] },
  { name: 'WebSocket silent after 101', faults: [{ kind: 'silence-after-head', of: 'websocket' }] },
  {
    name: 'WebSocket killed at 200 ms',
    faults: [{ kind: 'kill-after-head', of: 'websocket', afterMs: 200 }],
  },
]

const SSE_BLOCKS: readonly Block[] = [
  { name: 'SSE refused (403)', faults: [{ kind: 'refuse', of: 'stream', status: 403 }] },
  { name: 'SSE heads held', faults: [{ kind: 'hold-answer', of: 'stream' }] },
  { name: 'SSE silent after head', faults: [{ kind: 'silence-after-head', of: 'stream' }] },
  { name: 'first SSE event held', faults: [{ kind: 'hold-first-event' }] },
]

const CASES: readonly Case[] = [
  { name: 'nothing blocked', faults: [], forSocketIo: true },
  ...WEBSOCKET_BLOCKS.map((block) => ({ ...block, forSocketIo: true })),
  // WebSocket would win before SSE is met, so it is left out.
  ...SSE_BLOCKS.map((block) => ({
    ...block,
    name: `${block.name} (no WebSocket)`,
    wires: ['sse', 'polling'] as const,
    forSocketIo: false,
  })),
  ...WEBSOCKET_BLOCKS.flatMap((one) =>
    SSE_BLOCKS.map((other) => ({
      name: `${one.name}, ${other.name}`,
      faults: [...one.faults, ...other.faults],
      forSocketIo: false,
    })),
  ),
]

interface Times {
  readonly name: string
  readonly triwireMs: number | null
  readonly socketIoMs: number | null | undefined
}

interface Attempts {
  readonly triwireAttempts: string
  readonly socketIoAttempts: string
}

type Result = Times & Attempts

/** Measures and prints. @param minuteMs how long attempts are counted */
export async function measureFallback(options: {
  readonly runs: number
  readonly minuteMs: number
}): Promise<number> {
  const station = await startStation()
  const { runs, minuteMs } = options
  console.log(
    `Time to the first delivered event, medians of ${runs}; requests in the first ${minuteMs / 1000} s of a`,
  )
  console.log(`client to which nothing is said. Round trip of ${RTT_MS} ms, default settings.\n`)
  try {
    // Attempts are counted for all cases at once, since they spend the minute waiting; times a few at a time, so that
    // none waits for the processor.
    const attempts = await Promise.all(CASES.map((one) => countAttempts(station, one, minuteMs)))
    const results: Result[] = []
    for (let first = 0; first < CASES.length; first += AT_ONCE)
      results.push(
        ...(await Promise.all(
          CASES.slice(first, first + AT_ONCE).map(async (one, index) => ({
            ...(await measureCase(station, one, runs)),
            ...(attempts[first + index] as Attempts),
          })),
        )),
      )
    const head = ['case', 'Triwire', 'requests', 'Socket.IO', 'requests']
    const rows = results.map(({ name, triwireMs, triwireAttempts, socketIoMs, socketIoAttempts }) => [
      name,
      msOf(triwireMs),
      triwireAttempts,
      msOf(socketIoMs),
      socketIoAttempts,
    ])
    const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)) + 2)
    for (const row of [head, ...rows])
      console.log(
        row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('')
          .trimEnd(),
      )
    console.log(`\nBack on WebSocket after it is unblocked:`)
    for (const line of await Promise.all(WEBSOCKET_BLOCKS.map((block) => measureReturn(station, block, minuteMs))))
      console.log(line)
    return 0
  } finally {
    await station.close()
  }
}

async function through<TValue>(
  port: number,
  faults: readonly Fault[],
  use: (proxy: FaultProxy) => Promise<TValue>,
): Promise<TValue> {
  const proxy = await startFaultProxy({ targets: [port], faults, rttMs: RTT_MS })
  try {
    return await use(proxy)
  } finally {
    await proxy.close()
  }
}

async function measureCase(station: Station, one: Case, runs: number): Promise<Times> {
  const { name, faults, wires, forSocketIo } = one
  const { triwire, socketIo, triwirePort, socketIoPort } = station
  const own = wires === undefined ? {} : { wires }
  const triwireTimes: (number | null)[] = []
  const socketIoTimes: (number | null)[] = []
  for (let run = 0; run < runs; run++) {
    const id = `${name} ${run}`
    await through(triwirePort, faults, async ({ port }) => {
      triwireTimes.push(await triwire.call('timeToFirst', { id, port, ...own, down: BUSY, boundMs: BOUND_MS }))
      await triwire.call('close', [id])
    })
    if (!forSocketIo) continue
    await through(socketIoPort, faults, async ({ port }) => {
      socketIoTimes.push(
        await socketIo.call('timeToFirst', { id, port, run: BUSY, keepAlive: true, boundMs: BOUND_MS }),
      )
      await socketIo.call('close', [id])
    })
  }
  return { name, triwireMs: median(triwireTimes), socketIoMs: forSocketIo ? median(socketIoTimes) : undefined }
}

async function countAttempts(station: Station, one: Case, minuteMs: number): Promise<Attempts> {
  const { name, faults, wires, forSocketIo } = one
  const { triwire, socketIo, triwirePort, socketIoPort } = station
  const own = wires === undefined ? {} : { wires }
  const id = `${name} minute`
  const [triwireAttempts, socketIoAttempts] = await Promise.all([
    through(triwirePort, faults, async ({ port, seen }) => {
      const opened = triwire.call('open', { id, port, ...own, down: QUIET, boundMs: minuteMs })
      await Promise.all([sleep(minuteMs), opened])
      await triwire.call('close', [id])
      return attemptsOf(seen)
    }),
    forSocketIo
      ? through(socketIoPort, faults, async ({ port, seen }) => {
          const opened = socketIo.call('open', { id, port, run: QUIET, keepAlive: true, boundMs: minuteMs })
          await Promise.all([sleep(minuteMs), opened])
          await socketIo.call('close', [id])
          return attemptsOf(seen)
        })
      : '–',
  ])
  return { triwireAttempts, socketIoAttempts }
}

/** How long a client that had to do without WebSocket takes to come back to it, with events all the time. */
async function measureReturn(station: Station, { name, faults }: Block, boundMs: number): Promise<string> {
  const { triwire, triwirePort } = station
  const id = `${name} return`
  return through(triwirePort, faults, async (proxy) => {
    await triwire.call('open', { id, port: proxy.port, down: BUSY, boundMs: BOUND_MS })
    // Three deaths of a WebSocket take a moment.
    await sleep(5000)
    proxy.setFaults([])
    const healedAt = performance.now()
    let wire: WireName | undefined
    let tookMs = 0
    while (wire !== 'websocket' && tookMs < boundMs) {
      await sleep(100)
      wire = (await triwire.call('report', id)).wire
      tookMs = performance.now() - healedAt
    }
    await triwire.call('close', [id])
    const outcome =
      wire === 'websocket' ? `${(tookMs / 1000).toFixed(1)} s` : `still on ${wire} after ${boundMs / 1000} s`
    return `${name.padEnd(30)}${outcome}`
  })
}

/** Requests that attach, by wire. Of the many polls of one Socket.IO session only the first counts. */
function attemptsOf(seen: readonly SeenRequest[]): string {
  const counts = new Map<string, number>()
  for (const { kind, line } of seen) {
    if (kind === 'send' || kind === 'other' || (kind === 'hook' && line.includes('sid='))) continue
    const name = { websocket: 'ws', stream: 'sse', poll: 'poll', hook: 'poll' }[kind]
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ') || 'none'
}

function msOf(value: number | null | undefined): string {
  if (value === undefined) return '–'
  return value === null ? `none in ${BOUND_MS / 1000} s` : `${Math.round(value)} ms`
}
