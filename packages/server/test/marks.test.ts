/** Hosts that cannot tell how much they have buffered: the client is asked, and memory is bounded by one window. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { memory } from '../src/memory-broker.ts'
import { type FakeExchange, type FakeSocket, HubStage, hello, type Line, newSession, settle } from './hub-stage.ts'

const LOBBY = 'lobby?room=1'
const WINDOW = 64 * 1024
const LINE = 1200

let stages: HubStage[] = []

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }))
afterEach(async () => {
  for (const stage of stages) await stage.close()
  stages = []
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

function start(options: ConstructorParameters<typeof HubStage>[0] = {}): HubStage {
  const limits = { unseenBytes: WINDOW, outboundBytes: 16 * 1024, ...options.limits }
  const stage = new HubStage({ ...options, limits })
  stages.push(stage)
  return stage
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  await settle()
}

async function emit(stage: HubStage, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) await stage.emit(LOBBY, 'message', { text: `${n}${' '.repeat(1000)}` })
  await settle()
}

const numbers = (lines: readonly Line[]): number[] =>
  lines.filter(({ t }) => t === 'ev').map(({ d }) => Number.parseInt((d as { text: string }).text, 10))
const range = (to: number): number[] => Array.from({ length: to }, (_, index) => index + 1)

/** A client on a host that cannot tell, and how it answers a mark. */
interface Client {
  readonly sink: (FakeSocket | FakeExchange)['sink']
  readonly seen: (n: number) => Promise<void>
}

async function openSocket(stage: HubStage): Promise<Client> {
  const socket = stage.open()
  socket.sink.blind = true
  socket.send(hello('ann'), { t: 'join', ch: LOBBY, j: 1 })
  await socket.take('joined')
  return {
    sink: socket.sink,
    seen: async (n) => {
      socket.send({ t: 'seen', n })
      await settle()
    },
  }
}

async function openStream(stage: HubStage, answering: HubStage = stage, after?: string): Promise<Client> {
  const session = newSession()
  const stream = stage.request('/stream', [hello('ann', session), { t: 'join', ch: LOBBY, j: 1, after }])
  stream.sink.blind = true
  await stream.answered()
  await settle()
  return {
    sink: stream.sink,
    seen: async (n) => {
      await answering.request('/send', [hello('ann', session), { t: 'seen', n }]).ended()
      await settle()
    },
  }
}

/** Bytes that are on their way to a client that has answered up to a mark; 0: none. */
function underWay({ sink }: Client, seen: number): number {
  const index = sink.written.findIndex((text) => text.includes(`{"t":"mark","n":${seen}}`))
  const behind = sink.written.slice(index + 1)
  // A stream begins with a comment that fills the buffers of proxies.
  return behind.filter((text) => !text.startsWith(':')).join('').length
}

const marksOf = ({ sink }: Client): number[] =>
  sink.lines.filter(({ t }) => t === 'mark').map(({ n }) => n as number)

describe.each([
  ['a socket', openSocket],
  ['a stream', openStream],
])('%s on a host that cannot tell', (_what, open) => {
  it('costs one window, and gets everything in order as fast as it answers', async () => {
    const stage = start()
    const client = await open(stage)
    await emit(stage, 1, 1000)
    expect(underWay(client, 0)).toBeGreaterThan(WINDOW / 2)
    expect(underWay(client, 0)).toBeLessThan(WINDOW + LINE)
    let rounds = 0
    for (let answered = 0; numbers(client.sink.lines).length < 1000; rounds++) {
      const next = marksOf(client).find((n) => n > answered)
      if (next === undefined) expect.fail('the window is full and no mark is left to answer')
      answered = next
      await client.seen(next)
      expect(underWay(client, answered)).toBeLessThan(WINDOW + LINE)
    }
    expect(rounds).toBeGreaterThan(10)
    expect(numbers(client.sink.lines)).toEqual(range(1000))
    expect(marksOf(client)).toEqual([...marksOf(client)].sort((a, b) => a - b))
  })

  it('may answer the last of several marks only', async () => {
    const stage = start()
    const client = await open(stage)
    await emit(stage, 1, 300)
    for (let round = 0; numbers(client.sink.lines).length < 300; round++) {
      if (round > 20) expect.fail('the answers let nothing through')
      await client.seen(marksOf(client).at(-1) as number)
    }
    expect(numbers(client.sink.lines)).toEqual(range(300))
  })

  it('does not pay for answers, however many', async () => {
    const stage = start({ limits: { rate: 1, burst: 3 } })
    const client = await open(stage)
    await emit(stage, 1, 1000)
    for (let answered = 0; numbers(client.sink.lines).length < 1000; ) {
      answered = marksOf(client).find((n) => n > answered) ?? expect.fail('there is no mark to answer')
      await client.seen(answered)
    }
    expect(marksOf(client).length).toBeGreaterThan(30)
    expect(client.sink.lines.filter(({ t }) => t === 'err')).toEqual([])
  })
})

it('a host that can tell asks nobody', async () => {
  const stage = start()
  const socket = await stage.connect('ann')
  socket.send({ t: 'join', ch: LOBBY, j: 1 })
  await socket.take('joined')
  await emit(stage, 1, 200)
  expect(numbers(socket.lines)).toEqual(range(200))
  expect(socket.linesOf('mark')).toEqual([])
})

describe('a stream that answers nothing', () => {
  it('is asked to attach anew after five seconds, and goes on from its cursor', async () => {
    const stage = start()
    const first = await openStream(stage)
    await emit(stage, 1, 300)
    await pass(4900)
    expect(first.sink.closed).toBeUndefined()
    await pass(300)
    expect(first.sink.lines.at(-1)).toEqual({ t: 'bye', code: 'rotate', retry: 0 })
    expect(first.sink.closed).toBeDefined()
    const had = numbers(first.sink.lines)
    const { at } = first.sink.lines.filter(({ t }) => t === 'ev').at(-1) as unknown as { at: string }
    const second = await openStream(stage, stage, at)
    expect([...had, ...numbers(second.sink.lines)]).toEqual(range(had.length + numbers(second.sink.lines).length))
    expect(numbers(second.sink.lines).length).toBeGreaterThan(30)
  })

  it('counts as one whose answers reach another node', async () => {
    const broker = memory()
    const [here, there] = [start({ broker }), start({ broker })]
    const client = await openStream(here, there)
    await emit(here, 1, 300)
    await client.seen(marksOf(client).at(-1) as number)
    await pass(5200)
    expect(client.sink.lines.at(-1)).toMatchObject({ t: 'bye', code: 'rotate' })
  })

  it('is patiently waited for as long as it answers now and then', async () => {
    const stage = start()
    const client = await openStream(stage)
    await emit(stage, 1, 300)
    for (let answered = 0; answered < 4; ) {
      await pass(4000)
      answered = marksOf(client).find((n) => n > answered) ?? expect.fail('there is no mark to answer')
      await client.seen(answered)
    }
    expect(client.sink.closed).toBeUndefined()
  })
})

it('a socket that answers nothing is left alone, and catches up when it does', async () => {
  const stage = start({ limits: { heartbeatMs: 1e6 } })
  const client = await openSocket(stage)
  await emit(stage, 1, 200)
  await pass(60_000)
  expect(client.sink.closed).toBeUndefined()
  for (let round = 0; round < 10; round++) {
    await client.seen(marksOf(client).at(-1) as number)
  }
  expect(numbers(client.sink.lines)).toEqual(range(200))
})

it('an answer to no mark changes nothing and costs one', async () => {
  const stage = start({ limits: { rate: 1, burst: 5 } })
  const victim = await openSocket(stage)
  await emit(stage, 1, 200)
  const stranger = await stage.connect('bob')
  for (const n of [...marksOf(victim), 5000, 6000, 7000, 8000]) stranger.send({ t: 'seen', n })
  await settle()
  expect(underWay(victim, 0)).toBeLessThan(WINDOW + LINE)
  expect(stranger.linesOf('err')[0]).toMatchObject({ of: 'seen', code: 'rate_limited' })
})
