/** One open wire from the server's side, over the memory broker, with a connection as slow as a test wants it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { memory } from '../src/memory-broker.ts'
import { type FakeSocket, HubStage, hello, type Line, newSession, settle, until } from './hub-stage.ts'

const LOBBY = 'lobby?room=1'
const CHAT = 'chat?roomId=1'

/** After which a refusal of there having been too much is told. */
const LATE_MS = 1100

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

async function emit(stage: HubStage, from: number, to: number, size = 0): Promise<void> {
  for (let n = from; n <= to; n++) await stage.emit(LOBBY, 'message', { text: `${n}${' '.repeat(size)}` })
}

const numbers = (lines: readonly Line[]): number[] =>
  lines.filter(({ t }) => t === 'ev').map(({ d }) => Number.parseInt((d as { text: string }).text, 10))

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

async function join(socket: FakeSocket, ch = LOBBY, options: object = {}): Promise<void> {
  const count = socket.linesOf('joined').length
  socket.send({ t: 'join', ch, j: count + 1, ...options })
  await socket.take('joined', count + 1)
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  await settle()
}

describe('a socket', () => {
  it('is greeted first, with its member and what it must keep to', async () => {
    const socket = await start().connect()
    expect(socket.lines[0]).toMatchObject({
      t: 'welcome',
      v: 1,
      m: expect.stringMatching(/^[\w-]{16}$/),
      hb: 25_000,
      max: { channels: 128, rate: 50 },
    })
  })

  it.each([
    ['a line that is no hello', [{ t: 'ping', n: 1 }], 'hello_expected'],
    ['another version', [{ t: 'hello', v: 2, s: newSession(), k: 'ann' }], 'bad_version'],
    ['no JSON', ['{"t":"hello"'], 'bad_line'],
    ['a byte order mark', [`\ufeff${JSON.stringify(hello('ann'))}`], 'bad_line'],
    ['a session id that is too short', [{ t: 'hello', v: 1, s: 'x', k: 'ann' }], 'bad_line'],
    ['no token', [hello(undefined)], 'unauthorized'],
  ])('that begins with %s is told why and closed, and no state is kept', async (_what, lines, code) => {
    const stage = start()
    const socket = stage.open()
    socket.send(...lines)
    await until(() => socket.sink.closed !== undefined)
    expect(socket.lines).toEqual([expect.objectContaining({ t: 'err', code })])
    expect(socket.sink.closed?.reason).toBe(code)
    socket.send(hello('ann'))
    await settle()
    expect(socket.lines).toHaveLength(1)
    expect(stage.connections).toBe(0)
  })

  it('that never says hello is closed after ten seconds', async () => {
    const socket = start().open()
    await pass(9_000)
    expect(socket.sink.closed).toBeUndefined()
    await pass(1_100)
    expect(socket.sink.closed).toMatchObject({ reason: 'auth_timeout' })
  })

  it('that writes much before the welcome is closed', async () => {
    const stage = start({ auth: () => new Promise(() => {}) })
    const socket = stage.open()
    socket.send(hello('ann'))
    // A frame of 26 bytes counts for 90: some 2,900 of them make 256 KiB.
    for (let count = 0; count < 2500; count++) socket.send({ t: 'ping', n: count })
    expect(socket.sink.closed).toBeUndefined()
    for (let count = 0; count < 2500; count++) socket.send({ t: 'ping', n: count })
    await pass(LATE_MS)
    expect(socket.sink.closed).toMatchObject({ reason: 'rate_limited' })
    await pass(10_100)
  })

  it('has what it wrote right behind its hello handled after the welcome, in order', async () => {
    const stage = start()
    const socket = stage.open()
    socket.send(
      hello('ann'),
      { t: 'join', ch: LOBBY, j: 1 },
      { t: 'pub', ch: LOBBY, n: 1, e: 'message', d: { text: '1' } },
    )
    socket.send({ t: 'pub', ch: LOBBY, n: 2, e: 'message', d: { text: '2' } })
    await socket.take('ack', 2)
    await socket.take('ev', 2)
    expect(numbers(socket.lines)).toEqual([1, 2])
    expect(socket.lines[0]?.t).toBe('welcome')
  })

  it('is told of a line that cannot be read, and goes on', async () => {
    const socket = await start().connect()
    socket.send('nonsense', { t: 'ping', n: 1 }, { t: 'pub', ch: LOBBY })
    await socket.take('pong')
    expect(socket.linesOf('err').map(({ code }) => code)).toEqual(['bad_line', 'bad_line'])
  })

  it('is closed over a binary frame and over a batch that is too large', async () => {
    const stage = start()
    const binary = await stage.connect()
    binary.socket.handleBinary()
    const large = await stage.connect()
    large.send('x'.repeat(300_000))
    expect([binary.sink.closed?.reason, large.sink.closed?.reason]).toEqual([
      'unsupported_encoding',
      'body_too_large',
    ])
    expect(stage.connections).toBe(0)
  })
})

describe('a slow reader', () => {
  it('costs no memory beyond its buffer, and catches up in order once it drains', async () => {
    const stage = start({ limits: { replayEvents: 20, replayBytes: 16_384 } })
    const slow = await stage.connect('slow')
    const fast = await stage.connect('fast')
    await join(slow)
    await join(fast)
    slow.sink.stalled = true
    await emit(stage, 1, 1000, 1000)
    await settle()
    expect(numbers(fast.lines)).toEqual(range(1, 1000))
    expect(slow.sink.peakBytes).toBeLessThan(2 * 65_536 + 16_384)
    expect(numbers(slow.lines).length).toBeLessThan(200)

    slow.sink.drain(slow.socket)
    await until(() => numbers(slow.lines).length === 1000)
    expect(numbers(slow.lines)).toEqual(range(1, 1000))
    await emit(stage, 1001, 1002)
    await settle()
    expect(numbers(slow.lines)).toEqual(range(1, 1002))
  })

  it.each(['a socket', 'a stream'])(
    'is none whose host takes all of a burst at once, however large: %s misses nothing that the log forgets',
    async (kind) => {
      const stage = start()
      const opening = [hello('ann'), { t: 'join', ch: CHAT, j: 1 }]
      const response = kind === 'a stream' ? stage.request('/stream', opening) : undefined
      const socket = response === undefined ? stage.open() : undefined
      socket?.send(...opening)
      const getLines = (): Line[] => (socket ?? response)?.sink.lines ?? []
      await until(() => getLines().some(({ t }) => t === 'joined'))

      // All in one turn, twenty times what may wait, of a log that keeps the last hundred.
      const text = 'x'.repeat(2000)
      await Promise.all(range(1, 600).map((n) => stage.emit(CHAT, 'message', { id: `${n}`, text })))
      await settle()
      expect(getLines().filter(({ t }) => t === 'gap')).toEqual([])
      const ids = getLines().flatMap(({ t, d }) => (t === 'ev' ? [Number((d as { id: string }).id)] : []))
      expect(ids).toEqual(range(1, 600))
      socket?.leave()
      response?.listener?.handleClosed()
    },
  )

  it('that drains and stalls again and again still gets each event once, in order', async () => {
    const stage = start({ limits: { replayEvents: 10, replayBytes: 8192, outboundBytes: 4096 } })
    const slow = await stage.connect('slow')
    await join(slow)
    for (let round = 0; round < 20; round++) {
      slow.sink.stalled = true
      await emit(stage, round * 50 + 1, round * 50 + 50, 200)
      slow.sink.drain(slow.socket)
      slow.sink.stalled = round % 2 === 0
      await settle()
    }
    slow.sink.drain(slow.socket)
    await until(() => numbers(slow.lines).length === 1000)
    expect(numbers(slow.lines)).toEqual(range(1, 1000))
    expect(slow.sink.peakBytes).toBeLessThan(4 * 8192)
  })

  it('that joins behind a long log reads it page by page, as fast as it drains', async () => {
    const stage = start({ limits: { replayEvents: 50, replayBytes: 65_536 } })
    await emit(stage, 1, 1000, 1000)
    const slow = await stage.connect('slow')
    slow.sink.stalled = true
    slow.send({ t: 'join', ch: LOBBY, j: 1, tail: 1000 })
    await settle()
    expect(slow.sink.peakBytes).toBeLessThan(3 * 65_536)
    const before = numbers(slow.lines).length
    slow.sink.drain(slow.socket)
    await until(() => numbers(slow.lines).length === 1000)
    expect(before).toBeLessThan(1000)
    expect(numbers(slow.lines)).toEqual(range(1, 1000))
  })

  it('gets a gap where its log has been trimmed meanwhile, and then what is left', async () => {
    const stage = start()
    const slow = await stage.connect('slow')
    await join(slow, 'alerts')
    slow.sink.stalled = true
    const channel = 'alerts'
    for (let n = 1; n <= 500; n++) await stage.emit(channel, 'alert', { text: `${n}${' '.repeat(1000)}` })
    slow.sink.drain(slow.socket)
    await until(() => numbers(slow.lines).at(-1) === 500)
    const seen = numbers(slow.lines)
    const gaps = slow.linesOf('gap')
    expect(gaps).toHaveLength(1)
    expect(gaps[0]).toMatchObject({ reason: 'trimmed' })
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b))
    expect(seen.slice(-100)).toEqual(range(401, 500))
  })

  it('that takes nothing at all between two heartbeats is let go, however much it goes on to say', async () => {
    const stage = start()
    const slow = await stage.connect('slow')
    await join(slow)
    const stream = await stage.request('/stream', [hello('ann'), { t: 'join', ch: LOBBY, j: 1 }]).answered()
    await settle()
    slow.sink.stalled = true
    stream.sink.stalled = true
    await emit(stage, 1, 200, 1000)
    for (let second = 0; second < 60; second++) {
      slow.send({ t: 'ping', n: second })
      slow.socket.handleAlive()
      await pass(1000)
    }
    expect([slow.sink.terminated, stream.sink.terminated]).toEqual([true, true])
    expect(stage.connections).toBe(0)
  })

  it('that takes a little between two heartbeats is waited for', async () => {
    const stage = start()
    const slow = await stage.connect('slow')
    await join(slow)
    slow.sink.stalled = true
    await emit(stage, 1, 200, 1000)
    for (let second = 0; second < 120; second++) {
      slow.sink.take(100)
      slow.socket.handleAlive()
      await pass(1000)
    }
    expect(slow.sink.terminated).toBe(false)
  })

  it.each(['a socket', 'a stream'])('as %s of fifty channels costs no more than one of one', async (what) => {
    const stage = start()
    const rooms = range(1, 50).map((room) => `lobby?room=${room}`)
    for (const room of rooms)
      for (let n = 1; n <= 30; n++) await stage.emit(room, 'message', { text: `${n}${' '.repeat(4000)}` })
    const joins = rooms.map((ch, index) => ({ t: 'join', ch, j: index + 1, tail: 30 }))
    const peer = what === 'a socket' ? stage.open() : stage.request('/stream', [hello('ann'), ...joins])
    const { sink } = peer
    sink.stalled = true
    if ('socket' in peer) peer.send(hello('ann'), ...joins)
    const drain = (): void => {
      if ('socket' in peer) sink.drain(peer.socket)
      else if (peer.listener !== undefined) sink.drain(peer.listener)
      sink.stalled = true
    }
    const count = (): number => sink.lines.filter(({ t }) => t === 'ev').length
    await until(() => count() > 0)
    await settle()
    for (let round = 0; count() < 1500 && round < 500; round++) {
      drain()
      await settle()
    }
    expect(count()).toBe(1500)
    // The limit, one line, and what is no event: the answers to the joins.
    expect(sink.peakBytes).toBeLessThan(65_536 + 5000 + 50 * 200)
  })

  it('gets of large signals no more than may wait for it', async () => {
    const stage = start()
    const slow = await stage.connect('slow')
    await join(slow, CHAT)
    await join(slow)
    slow.sink.stalled = true
    await emit(stage, 1, 200, 1000)
    await settle()
    const before = slow.sink.written.join('').length
    for (let key = 0; key < 200; key++)
      await stage.signal(CHAT, 'typing', { on: true, key: 'x' }, { key: `${key}${'k'.repeat(60)}`, member: 'm' })
    for (let n = 0; n < 100; n++)
      await stage.broker.signal(CHAT, {
        event: 'typing',
        key: `large${n}`,
        member: 'm',
        data: JSON.stringify('x'.repeat(10_000)),
      })
    await settle()
    expect(slow.sink.written.join('').length).toBe(before)
    slow.sink.drain(slow.socket)
    await settle()
    const signals = slow.linesOf('sig')
    expect(signals.length).toBeGreaterThan(3)
    expect(JSON.stringify(signals).length).toBeLessThan(80_000)
    expect(signals.at(-1)).toMatchObject({ k: 'large99' })
  })

  it('gets of signals the newest per sender and key only', async () => {
    const stage = start({ limits: { outboundBytes: 1000 } })
    const slow = await stage.connect('slow')
    await join(slow, CHAT)
    await join(slow)
    slow.sink.stalled = true
    await emit(stage, 1, 5, 1000)
    await settle()
    const channel = CHAT
    for (let n = 0; n < 1000; n++)
      for (const member of ['ann', 'bob'])
        await stage.signal(channel, 'typing', { on: n === 999 }, { key: 'k', member })
    await settle()
    expect(slow.linesOf('sig')).toEqual([])
    slow.sink.drain(slow.socket)
    await slow.take('sig', 2)
    expect(slow.linesOf('sig').map(({ m, d }) => [m, (d as { on: boolean }).on])).toEqual([
      ['ann', true],
      ['bob', true],
    ])
  })

  it('keeps a bounded number of signals, however many keys there are', async () => {
    const stage = start({ limits: { outboundBytes: 1000 } })
    const slow = await stage.connect('slow')
    await join(slow, CHAT)
    await join(slow)
    slow.sink.stalled = true
    await emit(stage, 1, 5, 1000)
    await settle()
    const channel = CHAT
    for (let n = 0; n < 2000; n++) await stage.signal(channel, 'typing', { on: true }, { key: `k${n}` })
    slow.sink.drain(slow.socket)
    await until(() => slow.linesOf('sig').some(({ k }) => k === 'k1999'))
    expect(slow.linesOf('sig').length).toBeLessThanOrEqual(256)
  })

  it('gets the presence set once instead of every change of it', async () => {
    const stage = start({ limits: { outboundBytes: 1000 } })
    const slow = await stage.connect('slow')
    await join(slow, CHAT, { pres: '' })
    await slow.take('pres')
    await join(slow)
    slow.sink.stalled = true
    await emit(stage, 1, 5, 1000)
    await settle()
    const others = await Promise.all(range(1, 5).map((n) => stage.connect(`user${n}`)))
    for (const [index, other] of others.entries())
      for (let n = 1; n <= 20; n++) other.send({ t: 'pres', ch: CHAT, n, d: { name: `${index}.${n}` } })
    await settle()
    expect(slow.linesOf('pres')).toHaveLength(1)
    slow.sink.drain(slow.socket)
    const [, set] = await slow.take('pres', 2)
    expect(set).toMatchObject({ op: 'all' })
    const shown = (set?.d ?? []) as { d: { name: string } }[]
    expect(shown.map(({ d }) => d.name).sort()).toEqual(range(0, 4).map((index) => `${index}.20`))
    await settle()
    expect(slow.linesOf('pres')).toHaveLength(2)
  })
})

describe('channels of a connection', () => {
  it('are bounded, also when many are asked for in one breath', async () => {
    const stage = start({ limits: { channels: 5 } })
    const socket = stage.open()
    socket.send(hello('ann'), ...range(1, 50).map((n) => ({ t: 'join', ch: `lobby?room=${n}`, j: n })))
    await until(() => socket.linesOf('joined').length + socket.linesOf('end').length === 50)
    expect(socket.linesOf('joined')).toHaveLength(5)
    expect(socket.linesOf('end').map(({ code }) => code)).toEqual(Array(45).fill('too_many_channels'))
  })

  it('must not change all the time', async () => {
    const socket = await start({ limits: { rate: 10_000, burst: 10_000 } }).connect()
    for (let n = 1; n <= 400; n++) socket.send({ t: 'join', ch: LOBBY, j: n }, { t: 'leave', ch: LOBBY })
    await until(() => socket.linesOf('err').length > 100)
    expect(socket.linesOf('err')[0]).toMatchObject({ code: 'rate_limited', of: 'join', retry: expect.any(Number) })
  })

  it.each([
    ['an address that is none', 'no such?', 'bad_channel'],
    ['a path into another channel', 'lobby?room=..%2Fx', 'joined'],
    ['an unencoded value', 'lobby?room=a/b', 'bad_channel'],
    ['a channel there is not', 'nowhere', 'unknown_channel'],
    ['a name of Object', 'constructor', 'unknown_channel'],
    ['a missing parameter', 'lobby', 'bad_channel'],
  ])('end at once for %s', async (_what, ch, code) => {
    const socket = await start().connect()
    socket.send({ t: 'join', ch, j: 1 })
    await until(() => socket.lines.length > 1)
    const [, line] = socket.lines
    expect(line?.t === 'end' ? line.code : line?.t).toBe(code)
  })

  it.each(['nonsense', 'e:01:x', 'e:-1:x', 'e:1e3:x', 'e:18446744073709551616:x', 'e:NaN:x'])(
    'end with bad_cursor for %j',
    async (after) => {
      const socket = await start().connect()
      socket.send({ t: 'join', ch: LOBBY, j: 1, after })
      expect((await socket.take('end'))[0]).toMatchObject({ code: 'bad_cursor' })
    },
  )

  it.each(['another:3:x', 'EPOCH:999:x', 'EPOCH:2:forged'])(
    'have a gap instead of a replay for the cursor %s',
    async (template) => {
      const stage = start()
      await emit(stage, 1, 5)
      const { head } = await stage.broker.read(LOBBY, { limit: 0, bytes: 0 })
      const socket = await stage.connect()
      socket.send({ t: 'join', ch: LOBBY, j: 1, after: template.replace('EPOCH', head.epoch) })
      await socket.take('joined')
      expect(socket.linesOf('gap')).toHaveLength(1)
      expect(socket.lines.findIndex(({ t }) => t === 'gap')).toBeLessThan(
        socket.lines.findIndex(({ t }) => t === 'joined'),
      )
    },
  )

  it('are asked about on every join, and refused ones are not heard of', async () => {
    const asked: unknown[] = []
    const stage = start({
      implementations: {
        lobby: {
          authorize: ({ user, params, action }) => {
            asked.push([(user as { id: string }).id, params.room, action])
            return params.room !== 'secret'
          },
        },
      },
    })
    const socket = await stage.connect()
    socket.send({ t: 'join', ch: 'lobby?room=secret', j: 1 })
    expect((await socket.take('end'))[0]).toMatchObject({ ch: 'lobby?room=secret', code: 'forbidden' })
    await stage.emit('lobby?room=secret', 'message', { text: '1' })
    await settle()
    expect(socket.linesOf('ev')).toEqual([])
    expect(asked).toEqual([['ann', 'secret', 'join']])
  })

  it.each([
    ['throws', () => Promise.reject(new Error('db'))],
    ['returns something that is not true', () => 'yes' as never],
  ])('are not joined where authorize %s', async (_how, authorize) => {
    const socket = await start({ implementations: { lobby: { authorize } } }).connect()
    socket.send({ t: 'join', ch: LOBBY, j: 1 })
    await until(() => socket.lines.length > 1)
    expect(socket.linesOf('joined')).toEqual([])
  })

  it('begin with a snapshot, its position and what it may contain already', async () => {
    const stage = start({
      implementations: {
        chat: {
          commands: {},
          snapshot: async ({ params }) => {
            await stage.emit(CHAT, 'message', { id: '2', text: 'meanwhile' })
            return { messages: [`of ${params.roomId}`] }
          },
        },
      },
    })
    await stage.emit(CHAT, 'message', { id: '1', text: 'before' })
    const socket = await stage.connect()
    socket.send({ t: 'join', ch: CHAT, j: 1, snap: true })
    await socket.take('ev')
    const [snapshot] = socket.linesOf('snap')
    expect(snapshot).toMatchObject({ d: { messages: ['of 1'] }, to: 2 })
    expect(snapshot?.at).toMatch(/:1:/)
    expect(socket.linesOf('ev').map(({ d }) => (d as { id: string }).id)).toEqual(['2'])
  })

  it('begin with what the log has where that is all there is, without any overlap', async () => {
    const stage = start({
      implementations: {
        chat: {
          commands: {},
          snapshot: async ({ last, at }) => {
            const { events, cursor } = await last(2)
            await stage.emit(CHAT, 'message', { id: '4', text: 'meanwhile' })
            return at(cursor, {
              messages: events.map(({ event, data }) => `${event} ${(data as { id: string }).id}`),
            })
          },
        },
      },
    })
    for (const id of ['1', '2', '3']) await stage.emit(CHAT, 'message', { id, text: '' })
    const socket = await stage.connect()
    socket.send({ t: 'join', ch: CHAT, j: 1, snap: true })
    await socket.take('ev')
    const [snapshot] = socket.linesOf('snap')
    expect(snapshot).toMatchObject({ d: { messages: ['message 2', 'message 3'] } })
    expect(snapshot?.at).toMatch(/:3:/)
    expect(snapshot).not.toHaveProperty('to')
    expect(socket.linesOf('ev').map(({ d }) => (d as { id: string }).id)).toEqual(['4'])
  })

  it('are tried again where the snapshot fails, which stays in the log', async () => {
    const stage = start({
      implementations: { chat: { commands: {}, snapshot: () => Promise.reject(new Error('secret path')) } },
    })
    const socket = await stage.connect()
    socket.send({ t: 'join', ch: CHAT, j: 1, snap: true })
    expect((await socket.take('err'))[0]).toMatchObject({ code: 'unavailable', of: 'join', ch: CHAT })
    expect(JSON.stringify(socket.lines)).not.toContain('secret')
    expect(stage.log.entries.length).toBeGreaterThan(0)
  })

  it('open and close their hooks with the first and, a while after, the last reader', async () => {
    const calls: string[] = []
    const stage = start({
      implementations: {
        lobby: { onOccupied: () => calls.push('occupied'), onVacated: () => calls.push('vacated') },
      },
    })
    const sockets = [await stage.connect('ann'), await stage.connect('bob')]
    for (const socket of sockets) await join(socket)
    for (const socket of sockets) socket.leave()
    await pass(20_000)
    expect(calls).toEqual(['occupied'])
    await pass(15_000)
    expect(calls).toEqual(['occupied', 'vacated'])
  })
})

describe('a poll', () => {
  const body = (session: string, wait: number, after?: unknown) => [
    hello('ann', session, wait),
    { t: 'join', ch: LOBBY, j: 1, after },
  ]

  async function cursorOf(stage: HubStage): Promise<string> {
    const { head } = await stage.broker.read(LOBBY, { limit: 0, bytes: 0 })
    return `${head.epoch}:${head.offset}:${head.tag}`
  }

  it('answers at once where it may not wait', async () => {
    const poll = await start().request('/poll', body(newSession(), 0)).ended()
    expect(poll.sink.lines.map(({ t }) => t)).toEqual(['welcome', 'joined'])
  })

  it('is held while there is nothing to say, and ends with the first batch that says something', async () => {
    const stage = start()
    await emit(stage, 1, 1)
    const poll = await stage.request('/poll', body(newSession(), 25_000, await cursorOf(stage))).answered()
    await pass(20_000)
    expect(poll.sink.closed).toBeUndefined()
    expect(poll.sink.written).toEqual([])
    void emit(stage, 2, 4)
    await poll.ended()
    expect(numbers(poll.sink.lines)).toEqual([2, 3, 4])
    expect(poll.sink.written).toHaveLength(1)
  })

  it('ends without news after the hold', async () => {
    const stage = start()
    await emit(stage, 1, 1)
    const poll = await stage.request('/poll', body(newSession(), 25_000, await cursorOf(stage))).answered()
    await pass(25_100)
    expect(poll.sink.closed).toBeDefined()
    expect(poll.sink.lines.map(({ t }) => t)).toEqual(['welcome', 'joined'])
    expect(stage.connections).toBe(0)
  })

  it('gives the same answer again when its response was lost', async () => {
    const stage = start()
    await emit(stage, 1, 1)
    const cursor = await cursorOf(stage)
    await emit(stage, 2, 3)
    const session = newSession()
    const answers: number[][] = []
    for (let count = 0; count < 2; count++)
      answers.push(numbers((await stage.request('/poll', body(session, 0, cursor)).ended()).sink.lines))
    expect(answers).toEqual([
      [2, 3],
      [2, 3],
    ])
  })

  it('ends the one before it: a session has one outstanding', async () => {
    const stage = start()
    await emit(stage, 1, 1)
    const session = newSession()
    const cursor = await cursorOf(stage)
    const first = await stage.request('/poll', body(session, 25_000, cursor)).answered()
    await settle()
    const second = await stage.request('/poll', body(session, 25_000, cursor)).answered()
    await first.ended()
    expect(second.sink.closed).toBeUndefined()
    expect(stage.connections).toBe(1)
  })

  it('answers with pages, never with all of a long log', async () => {
    const stage = start({ limits: { replayBytes: 100_000 } })
    await emit(stage, 1, 500, 1000)
    const poll = await stage
      .request('/poll', [hello('ann', newSession(), 0), { t: 'join', ch: LOBBY, j: 1, tail: 500 }])
      .ended()
    expect(numbers(poll.sink.lines)).toEqual(range(1, numbers(poll.sink.lines).length))
    expect(poll.sink.written.join('').length).toBeGreaterThan(90_000)
    expect(poll.sink.written.join('').length).toBeLessThan(102_000)
  })
})

describe('a send', () => {
  it('ends when every line has its answer', async () => {
    let finish = (_: unknown): void => {}
    const stage = start({
      implementations: {
        chat: {
          snapshot: () => ({ messages: [] }),
          commands: {
            send: () =>
              new Promise((resolve) => {
                finish = resolve
              }),
          },
        },
      },
    })
    const send = await stage
      .request('/send', [
        hello('ann'),
        { t: 'pub', ch: LOBBY, n: 1, e: 'message', d: { text: '1' } },
        { t: 'cmd', ch: CHAT, id: '1', c: 'send', d: { text: 'x' } },
        { t: 'ping', n: 9 },
      ])
      .answered()
    await settle()
    expect(send.sink.closed).toBeUndefined()
    finish({ id: '7' })
    await send.ended()
    expect(send.sink.lines.map(({ t }) => t).sort()).toEqual(['ack', 'pong', 'res', 'welcome'])
    expect(send.sink.written).toHaveLength(1)
  })

  it('does not take joins', async () => {
    const send = await start()
      .request('/send', [hello('ann'), { t: 'join', ch: LOBBY, j: 1 }])
      .ended()
    expect(send.sink.lines[1]).toMatchObject({ t: 'err', code: 'bad_line', of: 'join' })
  })

  it('may be repeated: the same lines get the same answer and happen once', async () => {
    const stage = start()
    const body = [hello('ann', newSession()), { t: 'pub', ch: LOBBY, n: 1, e: 'message', d: { text: '1' } }]
    const answers = [await stage.request('/send', body).ended(), await stage.request('/send', body).ended()]
    expect(answers[0]?.sink.lines[1]).toEqual(answers[1]?.sink.lines[1])
    const { head } = await stage.broker.read(LOBBY, { limit: 0, bytes: 0 })
    expect(head.offset).toBe(1)
  })
})

describe('plain HTTP clients', () => {
  it('read one channel as server-sent events with ids', async () => {
    const stage = start()
    await emit(stage, 1, 3)
    const stream = await stage
      .request('/sse?channel=lobby/1&tail=2', '', { headers: { authorization: 'Bearer ann' } })
      .answered()
    await settle()
    expect(numbers(stream.sink.lines)).toEqual([2, 3])
    expect(stream.sink.written.join('')).toMatch(/^id: /m)
    stream.listener?.handleClosed()
    expect(stage.connections).toBe(0)
  })

  it.each(['wait=abc', 'wait=-1', 'wait=1e3', 'tail=x', 'tail=99999999'])(
    'are refused %s, and counted as a connection no longer',
    async (query) => {
      const stage = start()
      for (let count = 0; count < 40; count++) {
        const poll = await stage
          .request(`/log/lobby/1?${query}`, '', { headers: { authorization: 'Bearer ann' } })
          .answered()
        expect(poll.code).toBe('bad_line')
      }
      expect(stage.connections).toBe(0)
    },
  )

  it('are refused with a status where the channel refuses them', async () => {
    const stage = start({ implementations: { lobby: { authorize: () => false } } })
    const poll = await stage.request('/log/lobby/1', '', { headers: { authorization: 'Bearer ann' } }).answered()
    expect([poll.status, poll.code]).toEqual([403, 'forbidden'])
    expect(stage.connections).toBe(0)
  })
})

describe('connections', () => {
  it('of one user are bounded, over all wires, and count no longer once they are gone', async () => {
    const stage = start({ limits: { connectionsPerUser: 2 } })
    const first = await stage.connect('ann')
    await stage.request('/stream', [hello('ann')]).answered()
    const third = stage.open()
    third.send(hello('ann'))
    const poll = stage.request('/poll', [hello('ann')])
    await settle()
    // Whoever asks again as soon as it is answered asks once a second.
    expect([third.sink.closed, poll.status]).toEqual([undefined, undefined])
    await pass(LATE_MS)
    expect(third.lines[0]).toMatchObject({ code: 'too_many_connections', retry: expect.any(Number) })
    expect([poll.status, poll.code]).toEqual([429, 'too_many_connections'])
    await stage.connect('bob')
    first.leave()
    expect((await stage.connect('ann')).linesOf('welcome')).toHaveLength(1)
  })

  it('from one address are bounded, however it is written', async () => {
    const stage = start({ limits: { connectionsPerAddress: 2 } })
    await stage.connect('ann', { remoteAddress: '203.0.113.9' })
    await stage.connect('bob', { remoteAddress: '::ffff:203.0.113.9' })
    const third = stage.open('::FFFF:203.0.113.9')
    third.send(hello('cid'))
    await pass(LATE_MS)
    expect(third.sink.closed?.reason).toBe('too_many_connections')
    await stage.connect('dan', { remoteAddress: '203.0.113.10' })
  })

  it('leave nothing after 1,000 of them', async () => {
    const broker = memory()
    const stage = start({ broker })
    for (let count = 0; count < 1000; count++) {
      const socket = stage.open('203.0.113.9')
      socket.send(hello(`user${count % 100}`), { t: 'join', ch: LOBBY, j: 1 })
      if (count % 2 === 0) await socket.take('joined')
      socket.leave()
    }
    await settle()
    expect(stage.connections).toBe(0)
    await pass(31_000)
    // The one that is left follows the notices of other nodes.
    expect(broker.stats().subscriptions).toBe(1)
  })

  it('that are quiet hear a heartbeat and are asked for a sign of life', async () => {
    const socket = await start().connect()
    await pass(25_100)
    expect(socket.linesOf('hb')).toHaveLength(1)
    expect(socket.sink.probes).toBe(1)
    socket.socket.handleAlive()
    await pass(25_100)
    expect(socket.sink.terminated).toBe(false)
    expect(socket.linesOf('hb')).toHaveLength(2)
  })

  it('that give no sign of life within ten seconds are dropped', async () => {
    const stage = start()
    const socket = await stage.connect()
    await join(socket)
    await pass(25_100 + 10_100)
    expect(socket.sink.terminated).toBe(true)
    expect(stage.connections).toBe(0)
  })

  it('are said goodbye to when the server goes, and new ones are refused', async () => {
    const stage = start()
    const socket = await stage.connect()
    const stream = await stage.request('/stream', [hello('ann')]).answered()
    const poll = await stage.request('/poll', [hello('bob', newSession(), 25_000)]).answered()
    await settle()
    await stage.close()
    for (const sink of [socket.sink, stream.sink, poll.sink]) {
      expect(sink.written.join('')).toContain('"t":"bye","code":"draining"')
      expect(sink.closed).toBeDefined()
    }
    expect(stage.connections).toBe(0)
    const late = await stage.request('/stream', [hello('ann')]).answered()
    expect([late.status, late.code]).toEqual([503, 'draining'])
  })
})

describe('lines of a session', () => {
  it('beyond its rate are refused, and cost its neighbours in the same channel nothing', async () => {
    const stage = start()
    const [flood, calm] = [await stage.connect('ann'), await stage.connect('bob')]
    await join(calm)
    const publish = (n: number, lo: number): object => ({
      t: 'pub',
      ch: LOBBY,
      n,
      lo,
      e: 'message',
      d: { text: `${n}` },
    })
    for (let n = 1; n <= 20; n++) {
      flood.send(...range(1, 100).map((k) => publish((n - 1) * 100 + k, 1)))
      calm.send(publish(n, n))
    }
    await calm.take('ack', 20)
    await settle()
    expect(calm.linesOf('ack').map((line) => line.n)).toEqual(range(1, 20))
    expect(calm.linesOf('err')).toEqual([])
    // What the flood was allowed is in the log, and all of that has come.
    const allowed = flood.linesOf('ack').length
    expect(allowed).toBeLessThan(200)
    expect(flood.linesOf('err').every(({ code }) => code === 'rate_limited' || code === 'sequence_gap')).toBe(true)
    expect(calm.linesOf('ev')).toHaveLength(20 + allowed)
  })

  it('are metered over all of its connections, and refused with how long to wait', async () => {
    const stage = start({ limits: { rate: 10, burst: 20 } })
    const session = newSession()
    const sockets = [await stage.connect('ann', { session }), await stage.connect('ann', { session })]
    for (const [index, socket] of sockets.entries())
      for (let n = 1; n <= 20; n++) socket.send({ t: 'cmd', ch: CHAT, id: `${index}-${n}`, c: 'nothing', d: null })
    await settle()
    const refused = sockets.flatMap((socket) => socket.linesOf('err').filter(({ code }) => code === 'rate_limited'))
    expect(refused.length).toBeGreaterThan(10)
    expect(refused[0]).toMatchObject({ of: 'cmd', retry: expect.any(Number), id: expect.any(String) })
    const other = await stage.connect('bob')
    other.send({ t: 'pub', ch: LOBBY, n: 1, e: 'message', d: { text: '1' } })
    await other.take('ack')
  })
})

describe('presence', () => {
  async function names(stage: HubStage): Promise<unknown[]> {
    const { members } = await stage.broker.members(CHAT)
    return members.map(({ data }) => (JSON.parse(data) as { name: string }).name)
  }

  it('shows who says so, and whoever watches hears of it', async () => {
    const stage = start()
    const watcher = await stage.connect('bob')
    await join(watcher, CHAT, { pres: '' })
    const socket = await stage.connect('ann')
    socket.send({ t: 'pres', ch: CHAT, n: 1, d: { name: 'Ann', role: 'admin' } })
    await watcher.take('pres', 2)
    const member = socket.lines[0]?.m
    expect(watcher.linesOf('pres').map(({ op, m }) => [op, m])).toEqual([
      ['all', undefined],
      ['join', member],
    ])
    // The schema decides what is shown; who it is, the server alone.
    expect(watcher.linesOf('pres')[1]?.d).toEqual({ name: 'Ann' })
  })

  it('comes a second later where the store could not tell it at once', async () => {
    const stage = start()
    vi.spyOn(stage.broker, 'members').mockRejectedValueOnce(new Error('no answer'))
    const socket = await stage.connect('bob')
    await join(socket, CHAT, { pres: '' })
    await settle()
    expect(socket.linesOf('pres')).toEqual([])
    await pass(1100)
    expect(socket.linesOf('pres')).toMatchObject([{ op: 'all', d: [] }])
  })

  it('outlives its connection for the grace only', async () => {
    const stage = start()
    const socket = await stage.connect()
    socket.send({ t: 'pres', ch: CHAT, n: 1, d: { name: 'Ann' } })
    await settle()
    expect(await names(stage)).toEqual(['Ann'])
    socket.leave()
    await pass(9_000)
    expect(await names(stage)).toEqual(['Ann'])
    await pass(2_000)
    expect(await names(stage)).toEqual([])
  })

  it('is renewed for as long as the connection lives, and ends with its node', async () => {
    const stage = start()
    const socket = await stage.connect()
    socket.send({ t: 'pres', ch: CHAT, n: 1, d: { name: 'Ann' } })
    await settle()
    for (let round = 0; round < 10; round++) {
      await pass(9_000)
      socket.socket.handleAlive()
    }
    expect(await names(stage)).toEqual(['Ann'])
    stage.die()
    await pass(31_000)
    expect(await names(stage)).toEqual([])
  })

  it('comes back by itself where its process stood still for longer than the lease', async () => {
    const stage = start()
    const socket = await stage.connect()
    socket.send({ t: 'pres', ch: CHAT, n: 1, d: { name: 'Ann' } })
    await settle()
    vi.setSystemTime(Date.now() + 40_000)
    expect(await names(stage)).toEqual([])
    await pass(11_000)
    expect(await names(stage)).toEqual(['Ann'])
  })

  it('ends at once where the member says so', async () => {
    const stage = start()
    const socket = await stage.connect()
    socket.send({ t: 'pres', ch: CHAT, n: 1, d: { name: 'Ann' } })
    await settle()
    socket.send({ t: 'pres', ch: CHAT, n: 2 })
    await settle()
    expect(await names(stage)).toEqual([])
  })

  it.each([
    ['a value that is too large', { name: 'x'.repeat(2000) }, 'bad_payload'],
    ['a value that does not fit', { nick: 'Ann' }, 'bad_payload'],
  ])('refuses %s', async (_what, d, code) => {
    const socket = await start().connect()
    socket.send({ t: 'pres', ch: CHAT, n: 1, d })
    expect((await socket.take('err'))[0]).toMatchObject({ code, of: 'pres', ch: CHAT })
  })

  it('has a bounded number of members', async () => {
    const stage = start({ limits: { presenceMembers: 2 } })
    const sockets = [await stage.connect('ann'), await stage.connect('bob'), await stage.connect('cid')]
    for (const socket of sockets) {
      socket.send({ t: 'pres', ch: CHAT, n: 1, d: { name: 'x' } })
      await settle()
    }
    expect(sockets[2]?.linesOf('err')[0]).toMatchObject({ code: 'too_many_members' })
    expect(await names(stage)).toHaveLength(2)
  })
})

describe('signals', () => {
  it('reach everybody but their sender, and no log', async () => {
    const stage = start()
    const ann = await stage.connect('ann')
    const bob = await stage.connect('bob')
    await join(ann, CHAT)
    await join(bob, CHAT)
    ann.send({ t: 'sig', ch: CHAT, e: 'typing', k: 'x', d: { on: true } })
    expect((await bob.take('sig'))[0]).toEqual({
      t: 'sig',
      ch: CHAT,
      e: 'typing',
      k: 'x',
      m: ann.lines[0]?.m,
      d: { on: true },
    })
    expect(ann.linesOf('sig')).toEqual([])
    expect((await stage.broker.read(CHAT, { limit: 0, bytes: 0 })).head.offset).toBe(0)
  })

  it.each([
    ['one there is not', 'nothing', {}, 'unknown_event'],
    ['a name of Object', 'constructor', {}, 'unknown_event'],
    ['an event', 'message', {}, 'unknown_event'],
    ['a payload that does not fit', 'typing', { on: 'yes' }, 'bad_payload'],
  ])('refuse %s', async (_what, e, d, code) => {
    const socket = await start().connect()
    socket.send({ t: 'sig', ch: CHAT, e, d })
    expect((await socket.take('err'))[0]).toMatchObject({ code, of: 'sig' })
  })
})
