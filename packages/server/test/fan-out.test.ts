/**
 * What a delivery costs, counted instead of timed: writes, texts and frames made, bytes written, bytes allocated. These are
 * the same on every machine, so a change that makes fan-out dearer shows here before any benchmark is run.
 */
import type { HeapProfiler } from 'node:inspector'
import { Session } from 'node:inspector/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { Chunk } from '../src/chunk.ts'
import { handleExchange } from '../src/http.ts'
import type { Exchange, Sink } from '../src/sink.ts'
import { Socket } from '../src/socket.ts'
import { HubStage, hello, until } from './hub-stage.ts'

const CONNECTIONS = 200

const stages: HubStage[] = []

afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close()
})

/** What hosts were asked to do. */
class Counter {
  writes = 0
  bytes = 0
  /** Texts that were made into bytes. */
  encoded = 0
  readonly chunks = new Set<Chunk>()

  reset(): void {
    this.writes = 0
    this.bytes = 0
    this.encoded = 0
    this.chunks.clear()
  }

  createSink(): Sink {
    return {
      write: (chunk) => {
        this.writes++
        this.bytes += chunk.as(this.#encode).byteLength
        this.chunks.add(chunk)
      },
      buffered: () => 0,
      close: () => {},
    }
  }

  readonly #encode = (text: string): Uint8Array => {
    this.encoded++
    return Buffer.from(text)
  }
}

/** Sockets, each in the channels of its number. */
async function connectAll(channelsOf: (index: number) => readonly string[]): Promise<[HubStage, Counter]> {
  const stage = new HubStage({ limits: { connectionsPerUser: 2 * CONNECTIONS } })
  stages.push(stage)
  const counter = new Counter()
  for (let index = 0; index < CONNECTIONS; index++) {
    const socket = new Socket(stage.hub, counter.createSink(), { headers: {} })
    const joins = channelsOf(index).map((ch, position) => ({ t: 'join', ch, j: position + 1 }))
    await socket.handleText([hello('ann'), ...joins].map((line) => JSON.stringify(line)).join('\n'))
  }
  await turn()
  counter.reset()
  return [stage, counter]
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function emit(stage: HubStage, channels: readonly string[]): Promise<void> {
  for (const channel of channels) void stage.emit(channel, 'message', { text: 'x'.repeat(80) })
  await turn()
  await turn()
}

const LOBBY = 'lobby?room=a'

describe('what everybody in a channel gets', () => {
  it('is one write each, and one text and one buffer for all: one message', async () => {
    const [stage, counter] = await connectAll(() => [LOBBY])
    await emit(stage, [LOBBY])
    expect(counter).toMatchObject({ writes: CONNECTIONS, encoded: 1 })
    expect(counter.chunks.size).toBe(1)
    const [chunk] = counter.chunks
    expect(counter.bytes).toBe(CONNECTIONS * Buffer.byteLength(chunk?.text ?? ''))
    expect(chunk?.text).toMatch(
      /^\{"t":"ev","ch":"lobby\?room=a","at":"[^"]{8,22}","e":"message","d":\{"text":"x{80}"\}\}$/,
    )
  })

  it('is one write each for all of a turn: ten messages', async () => {
    const [stage, counter] = await connectAll(() => [LOBBY])
    await emit(stage, Array(10).fill(LOBBY))
    expect(counter).toMatchObject({ writes: CONNECTIONS, encoded: 1 })
    const [chunk] = counter.chunks
    expect(chunk?.text.split('\n')).toHaveLength(10)
  })

  it('is a buffer for each set of channels, not for each connection', async () => {
    const rooms = ['a', 'b', 'c', 'd'].map((room) => `lobby?room=${room}`)
    // Each leaves out another one.
    const [stage, counter] = await connectAll((index) => rooms.filter((_, position) => position !== index % 4))
    await emit(stage, [...rooms, ...rooms])
    expect(counter).toMatchObject({ writes: CONNECTIONS, encoded: 4 })
    for (const { text } of counter.chunks) expect(text.split('\n')).toHaveLength(6)
  })

  it('is a buffer for all streams, and another for all sockets', async () => {
    const [stage, counter] = await connectAll(() => [LOBBY])
    for (let index = 0; index < 50; index++) {
      const lines = [hello('ann'), { t: 'join', ch: LOBBY, j: 1 }]
      let begun = false
      const exchange: Exchange = {
        method: 'POST',
        path: '/stream',
        search: '',
        query: new URLSearchParams(),
        headers: {},
        remoteAddress: undefined,
        readText: async () => lines.map((line) => JSON.stringify(line)).join('\n'),
        respond: (status, _headers, body) => expect.fail(`${status} ${body}`),
        open: () => {
          begun = true
          return counter.createSink()
        },
      }
      void handleExchange(stage.hub, exchange)
      await until(() => begun)
    }
    await turn()
    counter.reset()
    await emit(stage, [LOBBY, LOBBY])
    expect(counter).toMatchObject({ writes: CONNECTIONS + 50, encoded: 2 })
  })

  it('allocates no more than a few words per delivery', async () => {
    const [stage, counter] = await connectAll((index) => (index === 0 ? [LOBBY, 'lobby?room=alone'] : [LOBBY]))
    const bursts = 50
    const cost = async (channel: string): Promise<number> => {
      const burst: readonly string[] = Array(10).fill(channel)
      const work = async (): Promise<void> => {
        for (let index = 0; index < bursts; index++) await emit(stage, burst)
      }
      // What is compiled by then is what is measured.
      await work()
      return (await allocatedBytes(work)) / (bursts * burst.length)
    }
    const alone = await cost('lobby?room=alone')
    const perDelivery = ((await cost(LOBBY)) - alone) / (CONNECTIONS - 1)
    console.log(`${perDelivery.toFixed(1)} bytes allocated per delivery`)
    expect(counter.writes).toBe(2 * bursts * (CONNECTIONS + 1))
    // An object of its own per line and connection, or a closure, would be 40 and more.
    expect(perDelivery).toBeLessThan(24)
  })
})

/** Bytes of everything allocated meanwhile, what was collected again included. */
async function allocatedBytes(work: () => Promise<void>): Promise<number> {
  const session = new Session()
  session.connect()
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: 512,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  })
  await work()
  const { profile } = await session.post('HeapProfiler.stopSampling')
  session.disconnect()
  const sum = ({ selfSize, children }: HeapProfiler.SamplingHeapProfileNode): number =>
    children.reduce((bytes, child) => bytes + sum(child), selfSize)
  return sum(profile.head)
}
