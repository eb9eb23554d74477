/** The end of a token on each wire: announced, replaced, and kept to. */
import { TriwireError } from '@triwire/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { HubStage, hello, type Line, newSession, type StageOptions, settle, until } from './hub-stage.ts'

const LOBBY = 'lobby?room=1'

let stages: HubStage[] = []

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }))
afterEach(async () => {
  for (const stage of stages) await stage.close()
  stages = []
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

/** A server where the token `ann:60` is the user `ann`, for 60 seconds from when it is first seen. */
function start(auth?: (id: string) => unknown, implementations: StageOptions['implementations'] = {}): HubStage {
  const ends = new Map<string, number>()
  const stage = new HubStage({
    implementations,
    auth: async ({ token = '', expireAt }) => {
      const [id = '', seconds] = token.split(':')
      if (seconds !== undefined) {
        ends.set(token, ends.get(token) ?? Date.now() + Number(seconds) * 1000)
        expireAt(ends.get(token) as number)
      }
      return auth === undefined ? { id } : await auth(token)
    },
  })
  stages.push(stage)
  return stage
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  await settle()
}

const withoutHeartbeats = (lines: readonly Line[]): Line[] => lines.filter(({ t }) => t !== 'hb')
const join = { t: 'join', ch: LOBBY, j: 1 }
const say = (stage: HubStage, text: string): Promise<void> => stage.emit(LOBBY, 'message', { text })

describe('a token that runs out', () => {
  it.each([
    [60, 50, 10_000],
    [8, 4, 4000],
  ])('after %i s is announced after %i s, once', async (seconds, announcedAt, leftMs) => {
    const stage = start()
    const socket = await stage.connect(`ann:${seconds}`)
    const stream = await stage.request('/stream', [hello(`bob:${seconds}`)]).answered()
    await settle()
    for (const peer of [socket, stream.sink]) expect(peer.lines.filter(({ t }) => t === 'expires')).toEqual([])
    for (let left = announcedAt; left > 0; left -= 5) {
      await pass(Math.min(left, 5) * 1000)
      socket.socket.handleAlive()
    }
    await pass(100)
    for (const peer of [socket, stream.sink]) {
      const [line, ...more] = peer.lines.filter(({ t }) => t === 'expires')
      expect(line?.in).toBeGreaterThan(leftMs - 100)
      expect(line?.in).toBeLessThanOrEqual(leftMs)
      expect(more).toEqual([])
    }
    await pass(leftMs)
    for (const peer of [socket, stream.sink]) {
      expect(withoutHeartbeats(peer.lines).at(-1)).toEqual({ t: 'bye', code: 'unauthorized' })
      expect(withoutHeartbeats(peer.lines).filter(({ t }) => t === 'expires')).toHaveLength(1)
    }
  })

  it.each(['/stream', '/poll', '/sse?channel=lobby/1'])(
    'ends %s, and nothing is delivered from that moment on, however late the timer is',
    async (path) => {
      const stage = start()
      const { head } = await stage.broker.read(LOBBY, { limit: 0, bytes: 0 })
      const resume = { ...join, after: `${head.epoch}:0:0` }
      const isPlain = path.startsWith('/sse')
      const headers = isPlain ? { authorization: 'Bearer ann:1' } : {}
      const exchange = await stage
        .request(path, isPlain ? [] : [hello('ann:1', newSession(), 20_000), resume], { headers })
        .answered()
      await settle()
      // The clock has moved on, and no timer has had its turn yet.
      vi.setSystemTime(Date.now() + 1000)
      await say(stage, 'too late')
      await settle()
      await pass(1100)
      const text = exchange.sink.written.join('')
      expect(text).toContain('{"t":"bye","code":"unauthorized"}')
      expect(text).not.toContain('too late')
      expect(stage.connections).toBe(0)
    },
  )

  it('takes what is sent before its end, and nothing afterwards', async () => {
    const stage = start()
    const socket = await stage.connect('ann:1')
    const publish = (n: number) => ({ t: 'pub', ch: LOBBY, n, e: 'message', d: { text: `${n}` } })
    socket.send(publish(1))
    await socket.take('ack')
    vi.setSystemTime(Date.now() + 1000)
    socket.send(publish(2))
    await pass(1100)
    expect((await stage.broker.read(LOBBY, { limit: 0, bytes: 0 })).head.offset).toBe(1)
  })

  it('does not end a request that came in time: it is answered, however long its handler takes', async () => {
    let finish: ((reply: unknown) => void) | undefined
    const send = (): Promise<unknown> =>
      new Promise((resolve) => {
        finish = resolve
      })
    const stage = start(undefined, { chat: { commands: { send }, snapshot: () => ({ messages: [] }) } })
    const call = { t: 'cmd', ch: 'chat?roomId=1', id: 'a', c: 'send', d: { text: 'x' } }
    const request = stage.request('/send', [hello('ann:1'), call])
    await until(() => finish !== undefined)
    await pass(1100)
    finish?.({ id: 'm1' })
    expect((await request.ended()).sink.lines.at(-1)).toEqual({ t: 'res', id: 'a', d: { id: 'm1' } })
  })

  it('lets nobody in again', async () => {
    const stage = start()
    await stage.request('/poll', [hello('ann:1', newSession(), 0), join]).ended()
    await pass(1000)
    for (const path of ['/stream', '/poll', '/send']) {
      const exchange = await stage.request(path, [hello('ann:1')]).answered()
      expect([exchange.status, exchange.code]).toEqual([401, 'unauthorized'])
    }
    const socket = stage.open()
    socket.send(hello('ann:1'))
    await until(() => socket.sink.closed !== undefined)
    expect(socket.sink.closed?.reason).toBe('unauthorized')
  })
})

describe('a second hello', () => {
  it('keeps the socket open beyond the first token, and misses nothing', async () => {
    const stage = start()
    const session = newSession()
    const socket = await stage.connect('ann:20', { session })
    socket.send(join)
    await socket.take('joined')
    await pass(10_100)
    expect(socket.linesOf('expires')).toHaveLength(1)
    socket.send({ ...hello('ann:40', session), k: 'ann:40' })
    const [first, second] = await socket.take('welcome', 2)
    expect(second).toEqual(first)
    await pass(10_000)
    await say(stage, 'behind the first token')
    await socket.take('ev')
    await pass(7000)
    socket.socket.handleAlive()
    await pass(13_200)
    expect(socket.linesOf('expires')).toHaveLength(2)
    await pass(10_100)
    expect(socket.sink.closed).toMatchObject({ code: 4401, reason: 'unauthorized' })
    expect(stage.connections).toBe(0)
  })

  it('brings the user that everything is decided by from then on', async () => {
    const seen: unknown[] = []
    const stage = new HubStage({
      auth: ({ token = '' }) => ({ id: 'ann', role: token }),
      implementations: {
        lobby: {
          authorize: ({ user }) => {
            seen.push((user as { role: string }).role)
            return true
          },
        },
      },
    })
    stages.push(stage)
    const session = newSession()
    const socket = await stage.connect('guest', { session })
    socket.send(hello('admin', session))
    await socket.take('welcome', 2)
    socket.send({ t: 'pub', ch: LOBBY, n: 1, e: 'message', d: { text: '1' } })
    await socket.take('ack')
    expect(seen).toEqual(['admin'])
  })

  it.each([
    ['of another user', (session: string) => hello('bob', session)],
    ['of another session', () => hello('ann')],
    ['without a token', (session: string) => hello(undefined, session)],
  ])('%s ends the connection, and nothing is delivered afterwards', async (_what, second) => {
    const stage = start((token) => (token === '' ? null : { id: token }))
    const session = newSession()
    const socket = await stage.connect('ann', { session })
    socket.send(join)
    await socket.take('joined')
    socket.send(second(session))
    await until(() => socket.sink.closed !== undefined)
    expect(socket.lines.at(-1)).toEqual({ t: 'bye', code: 'unauthorized' })
    await say(stage, 'late')
    await settle()
    expect(socket.linesOf('ev')).toEqual([])
    expect(stage.connections).toBe(0)
  })

  it('of another version ends the connection with that code', async () => {
    const socket = await start().connect('ann')
    socket.send({ ...hello('ann'), v: 2 })
    await until(() => socket.sink.closed !== undefined)
    expect(socket.sink.closed?.reason).toBe('bad_version')
  })

  it('that cannot be decided about now may be tried again while the first token lasts', async () => {
    let isDown = false
    const stage = start((token) => {
      if (isDown) throw new TriwireError('unavailable', 'Down.', { retryMs: 700 })
      return { id: token.split(':')[0] }
    })
    const session = newSession()
    const socket = await stage.connect('ann', { session })
    isDown = true
    socket.send(hello('ann:9', session))
    expect((await socket.take('err'))[0]).toMatchObject({ of: 'hello', code: 'unavailable', retry: 700 })
    isDown = false
    socket.send(hello('ann:8', session))
    await socket.take('welcome', 2)
    expect(socket.sink.closed).toBeUndefined()
  })

  it('counts the last of several, in whatever order they are decided', async () => {
    const decide: (() => void)[] = []
    const stage = start(async (token) => {
      if (token !== 'ann') await new Promise<void>((resolve) => decide.push(resolve))
      return { id: 'ann' }
    })
    const session = newSession()
    const socket = await stage.connect('ann', { session })
    socket.send(hello('ann:5', session))
    socket.send(hello('ann:60', session))
    await until(() => decide.length === 2)
    decide[1]?.()
    await socket.take('welcome', 2)
    decide[0]?.()
    await settle()
    await pass(6000)
    expect(socket.sink.closed).toBeUndefined()
  })

  it('costs one of the rate, and is refused beyond it', async () => {
    const stage = new HubStage({ limits: { rate: 1, burst: 2 } })
    stages.push(stage)
    const session = newSession()
    const socket = await stage.connect('ann', { session })
    for (let count = 0; count < 5; count++) socket.send(hello('ann', session))
    expect((await socket.take('err'))[0]).toMatchObject({ of: 'hello', code: 'rate_limited' })
    expect(socket.sink.closed).toBeUndefined()
  })

  it('in the body of a request is refused', async () => {
    const exchange = start().request('/send', [hello('ann'), hello('ann')])
    await exchange.ended()
    expect(exchange.sink.lines.at(-1)).toMatchObject({ t: 'err', code: 'bad_line', of: 'hello' })
  })
})
