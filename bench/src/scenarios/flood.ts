// Floods: readers and publishers who behave, and one user who does not. The same talk without the flood and with it, in
// turns on one server whose limits are those it comes with; what the flood does to rate and age of what the others hear.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Flooded } from '../floods/flood.ts'
import { FLOODS, type FloodName } from '../floods/floods.ts'
import { LOAD_CORE } from '../machine.ts'
import type { Peer, Wire } from '../peers/peer.ts'
import { PEERS, peersOf } from '../peers/peers.ts'
import type { AttackerProcess } from '../processes/attacker.ts'
import { type Child, startChild } from '../processes/parent.ts'
import { quantile } from '../sample.ts'
import { open, type Pair, SPEECH_MS, spentOn, withPair } from './pair.ts'
import type { Cell, Part, Wishes } from './scenario.ts'

const READERS = 100
const PUBLISHERS = 10

/** Milliseconds between messages. A poll costs so much more that readers who poll are told less. */
const EVERY_MS: Readonly<Record<Wire, number>> = { websocket: 20, sse: 20, polling: 100 }

/** Milliseconds of one talk. */
const TALK_MS = 3000

/** Talks without and with the flood, in turns. */
const TURNS = 2

/** Milliseconds in which a server that is idle uses a twentieth of its core at most. */
const IDLE_MS = 200

/** Messages the room has to begin with: all that its history keeps. */
const HISTORY = 300

export function flood({ parts }: Wishes): readonly Cell[] {
  const wires: readonly Wire[] = ['websocket', 'sse', 'polling']
  const names = (Object.keys(FLOODS) as FloodName[]).filter((name) => parts?.includes(name) ?? true)
  return wires.flatMap((wire) =>
    names.map((name) => ({
      scenario: 'flood',
      title: `a flood of ${name} beside readers over ${wire}`,
      peers: peersOf('flood', wire).filter(({ only }) => only?.includes('flood')),
      measure: (peer: Peer) => measure(peer, name),
    })),
  )
}

function measure(peer: Peer, name: FloodName): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    const { port, load, server } = pair
    await open(pair, READERS, { kind: 'one' }, 1)
    await load.call('openPublishers', { peer: PEERS.indexOf(peer), port, count: PUBLISHERS })
    const past = { messages: HISTORY, channels: 1, stride: 1, perTick: 10, everyMs: 20 }
    await load.call('expect', past)
    await server.call('speak', past)
    await load.call('taken', { boundMs: SPEECH_MS })
    const attacker = startChild<AttackerProcess>('attacker', { core: LOAD_CORE, yields: true })
    try {
      // What is compiled by then is what is measured.
      await talk(pair)
      await flooded(pair, attacker, name)
      const alone: Talked[] = []
      const beside: Talked[] = []
      const floods: Flooded[] = []
      for (let turn = 0; turn < TURNS; turn++) {
        alone.push(await talk(pair))
        const [talked, done] = await flooded(pair, attacker, name)
        beside.push(talked)
        floods.push(done)
      }
      return [{ part: name, figures: figuresOf(summary(alone), summary(beside), floods) }]
    } finally {
      await attacker.kill()
    }
  })
}

/** A talk, as its readers have it. */
interface Talked {
  readonly latenciesUs: readonly number[]
  readonly seconds: number
  readonly cpuUs: number
}

async function talk(pair: Pair): Promise<Talked> {
  const { peer, load } = pair
  const everyMs = EVERY_MS[peer.wire]
  const messages = TALK_MS / everyMs
  await load.call('expect', { messages, channels: 1, stride: 1 })
  const startedAt = performance.now()
  let latenciesUs: readonly number[] = []
  const { cpuUs } = await spentOn(pair, async () => {
    await load.call('talk', { messages, everyMs })
    latenciesUs = await load.call('taken', { boundMs: SPEECH_MS })
  })
  return { latenciesUs, seconds: (performance.now() - startedAt) / 1000, cpuUs }
}

async function flooded(
  pair: Pair,
  attacker: Child<AttackerProcess>,
  name: FloodName,
): Promise<[talked: Talked, flooded: Flooded]> {
  await attacker.call('begin', { name, port: pair.port })
  const talked = await talk(pair)
  const done = await attacker.call('end', undefined)
  await untilIdle(pair)
  return [talked, done]
}

/** What a flood has left in the buffers of the kernel is none of the talk after it. */
async function untilIdle(pair: Pair): Promise<void> {
  for (const givenUpAt = performance.now() + SPEECH_MS; performance.now() < givenUpAt; ) {
    const { cpuUs } = await spentOn(pair, () => sleep(IDLE_MS))
    if (cpuUs < IDLE_MS * 50) return
  }
  throw new Error('The server is busy with a flood that is over.')
}

interface Summary {
  readonly perSecond: number
  readonly p50Us: number
  readonly p99Us: number
  readonly seconds: number
  /** How much of its core the server used: what a flood costs whatever else the machine does. */
  readonly cpuPart: number
}

function summary(talks: readonly Talked[]): Summary {
  const latenciesUs = talks.flatMap((one) => one.latenciesUs)
  const seconds = talks.reduce((sum, one) => sum + one.seconds, 0)
  return {
    perSecond: latenciesUs.length / seconds,
    p50Us: quantile(latenciesUs, 0.5),
    p99Us: quantile(latenciesUs, 0.99),
    seconds,
    cpuPart: talks.reduce((sum, one) => sum + one.cpuUs, 0) / 1e6 / seconds,
  }
}

function figuresOf(alone: Summary, beside: Summary, floods: readonly Flooded[]): Part['figures'] {
  const done = floods.reduce((sum, one) => sum + one.done, 0)
  const letGo = floods.reduce((sum, one) => sum + one.letGo, 0)
  return {
    ratePart: beside.perSecond / alone.perSecond,
    rateTimesLess: alone.perSecond / beside.perSecond,
    p99Times: beside.p99Us / alone.p99Us,
    aloneP50Us: alone.p50Us,
    aloneP99Us: alone.p99Us,
    aloneCpuPart: alone.cpuPart,
    p50Us: beside.p50Us,
    p99Us: beside.p99Us,
    cpuPart: beside.cpuPart,
    donePerSecond: done / beside.seconds,
    letGoPerSecond: letGo / beside.seconds,
  }
}
