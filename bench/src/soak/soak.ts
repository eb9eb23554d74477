// A soak: one server of Triwire under light traffic of every kind for a long time, looked at once a minute; and at its end
// whether what it holds after collections has grown.

import { setTimeout as sleep } from 'node:timers/promises'
import { LOAD_CORE, SERVER_CORE } from '../machine.ts'
import type { Wire } from '../peers/peer.ts'
import { startChild } from '../processes/parent.ts'
import type { Census, Memory, ServerProcess } from '../processes/server.ts'
import type { VisitorsProcess } from '../processes/visitors.ts'
import { type Trend, trendOf } from './trend.ts'
import { COMMON, type VisitorCounts } from './visitors.ts'

/** How long, and how often it is looked at. */
export interface SoakOptions {
  readonly minutes: number
  readonly everySeconds: number
  /** Told of each look. */
  readonly onLook: (look: Look) => void
}

/** What is seen at once. */
export interface Look extends Memory, Census {
  /** Minutes since the beginning. */
  readonly minute: number
  readonly visitors: number
  /** Since the last look. */
  readonly came: number
  readonly acts: number
  readonly delivered: Readonly<Record<Wire, number>>
  /** Share of a core since the last look. */
  readonly busy: number
}

/** The verdict. */
export interface Verdict extends Trend {
  /** Bytes of heap and buffers by which it rises in a minute. */
  readonly bytesPerMinute: number
  readonly isFlat: boolean
}

/** Share of what is held by which it may rise over the second half: below that is the come and go of visitors. */
export const FLAT_GROWTH = 0.02

const VISITORS = 300
/** Milliseconds from one message of the server to the next, each into another common channel. */
const SPEECH_EVERY_MS = 50

/**
 * Soaks.
 * @throws Error where a visitor is let go or refused, where nothing arrives over a wire, or where it is too short to judge
 */
export async function soak({ minutes, everySeconds, onLook }: SoakOptions): Promise<Verdict> {
  const server = startChild<ServerProcess>('server', { core: SERVER_CORE })
  const load = startChild<VisitorsProcess>('visitors', { core: LOAD_CORE })
  const { port } = await server.call('start', { name: 'triwire' })
  await load.call('open', { port, count: VISITORS })
  const speaking = server.call('speak', {
    messages: Math.ceil((minutes * 60_000) / SPEECH_EVERY_MS),
    channels: COMMON,
    stride: 1,
    perTick: 1,
    everyMs: SPEECH_EVERY_MS,
  })
  // One that ends early has failed; the next look says so.
  speaking.catch(() => undefined)
  const startedAt = performance.now()
  const held: number[] = []
  let before = { counts: await load.call('counts', undefined), cpuUs: await cpuOf(), at: startedAt }
  for (let look = 1; look * everySeconds <= minutes * 60; look++) {
    await sleep(startedAt + look * everySeconds * 1000 - performance.now())
    const now = { counts: await load.call('counts', undefined), cpuUs: await cpuOf(), at: performance.now() }
    const seen: Look = {
      minute: (now.at - startedAt) / 60_000,
      ...(await server.call('memory', undefined)),
      ...(await server.call('census', undefined)),
      ...since(before.counts, now.counts),
      busy: (now.cpuUs - before.cpuUs) / 1000 / (now.at - before.at),
    }
    onLook(seen)
    before = now
    const silent = (Object.keys(seen.delivered) as Wire[]).find((wire) => seen.delivered[wire] === 0)
    if (silent !== undefined) throw new Error(`Since the last look nothing has arrived over ${silent}.`)
    held.push(seen.heapBytes + seen.externalBytes)
  }
  await load.call('close', undefined)
  await Promise.all([server.kill(), load.kill()])
  return judge(held, everySeconds)

  async function cpuOf(): Promise<number> {
    const { userUs, systemUs } = await server.call('cpu', undefined)
    return userUs + systemUs
  }
}

/** @param held bytes at each look */
export function judge(held: readonly number[], everySeconds: number): Verdict {
  const trend = trendOf(held)
  return { ...trend, bytesPerMinute: (trend.slope / everySeconds) * 60, isFlat: trend.growth <= FLAT_GROWTH }
}

function since(before: VisitorCounts, now: VisitorCounts): Pick<Look, 'visitors' | 'came' | 'acts' | 'delivered'> {
  const delivered = (wire: Wire): number => now.delivered[wire] - before.delivered[wire]
  return {
    visitors: now.here,
    came: now.came - before.came,
    acts: now.acts - before.acts,
    delivered: {
      websocket: delivered('websocket'),
      sse: delivered('sse'),
      polling: delivered('polling'),
    },
  }
}
