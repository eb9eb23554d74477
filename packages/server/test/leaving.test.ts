/** Connections that are asked to go elsewhere: a stream that has lived long, a server that goes away. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type FakeExchange, type FakeSocket, HubStage, hello, newSession, settle, until } from './hub-stage.ts'

const LOBBY = 'lobby?room=1'

let stages: HubStage[] = []

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }))
afterEach(async () => {
  for (const stage of stages) await stage.close()
  stages = []
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

function start(...args: ConstructorParameters<typeof HubStage>): HubStage {
  const stage = new HubStage(...args)
  stages.push(stage)
  return stage
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  await settle()
}

const join = { t: 'join', ch: LOBBY, j: 1 }
const plain = { headers: { authorization: 'Bearer ann' } }

function stream(stage: HubStage, user: string): Promise<FakeExchange> {
  return stage.request('/stream', [hello(user), join]).answered()
}

const byesOf = ({ sink }: FakeSocket | FakeExchange): object[] => sink.lines.filter(({ t }) => t === 'bye')
const textsOf = ({ sink }: FakeSocket | FakeExchange): unknown[] =>
  sink.lines.filter(({ t }) => t === 'ev').map(({ d }) => (d as { text: string }).text)

describe('a stream that has lived for five minutes', () => {
  const rotateMs = 20_000

  it('asks to be replaced, and serves its client until that has happened', async () => {
    const stage = start({ limits: { rotateMs } })
    const old = await stream(stage, 'ann')
    await pass(rotateMs + 100)
    expect(byesOf(old)).toEqual([{ t: 'bye', code: 'rotate', retry: 0, in: 10_000 }])
    const next = await stream(stage, 'ann')
    await settle()
    await stage.emit(LOBBY, 'message', { text: 'in between' })
    await settle()
    expect([textsOf(old), textsOf(next)]).toEqual([['in between'], ['in between']])
    old.listener?.handleClosed()
    expect(stage.connections).toBe(1)
  })

  it('ends ten seconds later by itself', async () => {
    const stage = start({ limits: { rotateMs } })
    const old = await stream(stage, 'ann')
    await pass(rotateMs + 9_900)
    expect(old.sink.closed).toBeUndefined()
    await pass(300)
    expect(byesOf(old).at(-1)).toEqual({ t: 'bye', code: 'rotate', retry: 0 })
    expect(old.sink.closed).toBeDefined()
    expect(stage.connections).toBe(0)
  })

  it('ends at once where its client is an EventSource, which comes back by itself', async () => {
    const stage = start({ limits: { rotateMs } })
    const old = await stage.request('/sse?channel=lobby/1', [], plain).answered()
    await pass(rotateMs + 100)
    expect(byesOf(old)).toEqual([{ t: 'bye', code: 'rotate', retry: 0 }])
    expect(old.sink.closed).toBeDefined()
  })
})

describe('a server that drains', () => {
  it('asks every socket and stream to go at a moment of its own, evenly over the spread', async () => {
    const stage = start({ limits: { connectionsPerUser: 1000 } })
    const peers: (FakeSocket | FakeExchange)[] = []
    for (let count = 0; count < 100; count++) {
      peers.push(count % 2 === 0 ? await stage.connect('ann') : await stream(stage, 'ann'))
    }
    let isOver = false
    const drained = stage.hub.drain(5000).then(() => {
      isOver = true
    })
    await settle()
    const retries: number[] = []
    for (const peer of peers) {
      const [bye, ...more] = byesOf(peer)
      expect(bye).toEqual({ t: 'bye', code: 'draining', retry: expect.any(Number), in: 15_000 })
      expect(more).toEqual([])
      retries.push((bye as { retry: number }).retry)
      expect(peer.sink.closed).toBeUndefined()
    }
    // One in each fiftieth of a second of the five, none in step with another.
    for (const [index, retry] of retries.sort((a, b) => a - b).entries()) {
      expect(retry).toBeGreaterThanOrEqual(index * 50)
      expect(retry).toBeLessThan((index + 1) * 50)
    }
    for (const peer of peers.slice(0, 99)) 'socket' in peer ? peer.leave() : peer.listener?.handleClosed()
    await settle()
    expect(isOver).toBe(false)
    for (const peer of peers) 'socket' in peer ? peer.leave() : peer.listener?.handleClosed()
    await drained
  })

  it('serves those who have not gone yet, in every way', async () => {
    const stage = start()
    const session = newSession()
    const socket = await stage.connect('ann', { session })
    socket.send(join)
    await socket.take('joined')
    const reader = await stream(stage, 'bob')
    const drained = stage.hub.drain(5000)
    await pass(3000)
    socket.send({ t: 'pub', ch: LOBBY, n: 1, e: 'message', d: { text: 'by socket' } })
    await socket.take('ack')
    const sent = stage.request('/send', [
      hello('ann', session),
      { t: 'pub', ch: LOBBY, n: 2, e: 'message', d: { text: 'by send' } },
    ])
    await sent.ended()
    expect(sent.sink.lines.map(({ t }) => t)).toEqual(['welcome', 'ack'])
    socket.send({ t: 'join', ch: 'lobby?room=2', j: 2 })
    await socket.take('joined', 2)
    expect([textsOf(socket), textsOf(reader)]).toEqual([
      ['by socket', 'by send'],
      ['by socket', 'by send'],
    ])
    socket.leave()
    reader.listener?.handleClosed()
    await drained
  })

  it('ends whoever is still there when the time is up, and is done then', async () => {
    const stage = start()
    const socket = await stage.connect('ann')
    const old = await stream(stage, 'bob')
    const drained = stage.hub.drain(2000)
    await pass(11_900)
    expect([socket.sink.closed, old.sink.closed]).toEqual([undefined, undefined])
    await pass(200)
    await drained
    expect(socket.sink.closed).toEqual({ code: 1001, reason: 'draining' })
    expect(byesOf(socket).at(-1)).toEqual({ t: 'bye', code: 'draining', retry: 0 })
    expect(old.sink.closed).toBeDefined()
  })

  it('ends polls with what they have, each in a share of its own of the spread', async () => {
    const stage = start()
    const { head } = await stage.broker.read(LOBBY, { limit: 0, bytes: 0 })
    const resume = { ...join, after: `${head.epoch}:0:0` }
    const polls: FakeExchange[] = []
    for (const user of ['ann', 'bob', 'cleo', 'dan'])
      polls.push(await stage.request('/poll', [hello(user, newSession(), 25_000), resume]).answered())
    await settle()
    const drained = stage.hub.drain(4000)
    const ended = (): number => polls.filter(({ sink }) => sink.closed !== undefined).length
    expect(ended()).toBe(0)
    for (const count of [1, 2, 3, 4]) {
      await pass(1000 + (count === 1 ? 50 : 0))
      expect(ended()).toBeGreaterThanOrEqual(count)
      expect(ended()).toBeLessThanOrEqual(count + 1)
    }
    await drained
    for (const { sink } of polls) expect(sink.lines.map(({ t }) => t)).toEqual(['welcome', 'joined'])
  })

  it('lets an EventSource go at its moment of the spread', async () => {
    const stage = start()
    const readers: FakeExchange[] = []
    for (let count = 0; count < 4; count++) {
      readers.push(await stage.request('/sse?channel=lobby/1', [], plain).answered())
    }
    const drained = stage.hub.drain(4000)
    await pass(1100)
    await stage.emit(LOBBY, 'message', { text: 'still here' })
    await settle()
    expect(readers[0]?.sink.closed).toBeDefined()
    expect(readers.slice(1).filter(({ sink }) => sink.closed !== undefined).length).toBeLessThan(2)
    expect(textsOf(readers[3] as FakeExchange)).toEqual(['still here'])
    await pass(3000)
    await drained
    expect(stage.connections).toBe(0)
  })

  it('lets nobody in', async () => {
    const stage = start()
    const socket = await stage.connect('ann')
    const drained = stage.hub.drain(5000)
    for (const [path, lines] of [
      ['/stream', [hello('ann')]],
      ['/poll', [hello('ann')]],
      ['/sse?channel=lobby/1', []],
    ] as const) {
      const late = await stage.request(path, lines, lines.length === 0 ? plain : {}).answered()
      expect([late.status, late.code]).toEqual([503, 'draining'])
      expect(late.body).toContain('"retry":1000')
    }
    const late = stage.open()
    late.send(hello('ann'))
    await until(() => late.sink.closed !== undefined)
    expect(late.sink.closed).toEqual({ code: 1001, reason: 'draining' })
    socket.leave()
    await drained
  })

  it('may be asked to twice, and closed before it is done', async () => {
    const stage = start()
    const socket = await stage.connect('ann')
    const drained = [stage.hub.drain(5000), stage.hub.drain(1000)]
    await settle()
    expect(byesOf(socket)).toHaveLength(1)
    await stage.close()
    await Promise.all(drained)
    expect(byesOf(socket).at(-1)).toEqual({ t: 'bye', code: 'draining', retry: 1000 })
    await stage.hub.drain(5000)
  })
})
