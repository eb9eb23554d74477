import type { JoinLine } from '@triwire/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Client, type ClientOptions, createClient } from '../src/index.ts'
import type { Api } from './api.ts'
import { FakeServer } from './fake-server.ts'

const LOBBY = 'lobby?room=1'

let clients: Client<Api>[] = []

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(0.999)
})
afterEach(async () => {
  for (const client of clients) client.close()
  clients = []
  await vi.advanceTimersByTimeAsync(2000)
  vi.useRealTimers()
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

/** A client that follows one channel, with what it heard and the states the channel showed. */
function start(options: Partial<ClientOptions> = {}, server = new FakeServer()) {
  const client = createClient<Api>({
    url: 'https://x.test/rt',
    fetch: server.fetch,
    webSocket: server.webSocket,
    ...options,
  })
  clients.push(client)
  const lobby = client.channels.lobby({ room: 1 })
  const heard: string[] = []
  const signals: boolean[] = []
  const statuses: string[] = []
  lobby.on({ message: ({ text }) => heard.push(text), waving: ({ on }) => signals.push(on) })
  const observer = lobby.observe({ initial: [] })
  observer.subscribe(() => statuses.push(observer.getSnapshot().status))
  return {
    server,
    client,
    lobby,
    heard,
    statuses,
    signals,
    get wire() {
      return client.connection.getSnapshot().wire
    },
    emit: (text: string) => server.emit(LOBBY, 'message', { text }),
    join: (frame: string | undefined) => JSON.parse(frame?.split('\n')[1] ?? '{}') as JoinLine,
  }
}

/** Lets what is on its way arrive, and a frame pass. */
const settle = (ms = 16): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

/** A page that can be shown, hidden and be told that it is online. */
function stubPage(): EventTarget {
  const page = new EventTarget()
  vi.stubGlobal('window', page)
  vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }))
  return page
}

describe('a race of wires', () => {
  it('is over in little more than a second where upgrades are swallowed, and publishes travel once', async () => {
    const server = new FakeServer()
    server.swallowedUpgrades = []
    const stage = start({}, server)
    const published = stage.lobby.publish('message', { text: 'a' })
    await settle(1050)
    expect(stage.wire).toBe('sse')
    await published
    await settle()
    expect(stage.heard).toEqual(['a'])
    expect(server.linesOf('pub')).toHaveLength(1)
    expect(server.sockets.map(({ closedWith }) => closedWith)).toEqual([1000])
  })

  it('costs a slow winner no further round trip: all racers carry the same joins', async () => {
    const server = new FakeServer()
    server.swallowedUpgrades = []
    server.failures.set('/stream', () => new Promise<Response>(() => {}) as unknown as Response)
    const stage = start({ wires: ['websocket', 'sse'] }, server)
    await settle(1500)
    expect(server.requests.map(({ path }) => path)).toEqual(['/stream'])
    server.swallowedUpgrades[0]?.()
    stage.emit('a')
    await settle()
    expect(stage.wire).toBe('websocket')
    expect(stage.heard).toEqual(['a'])
    expect(server.linesOf('join').map(({ j }) => j)).toEqual([1])
    expect(stage.join(server.requests[0]?.body).j).toBe(1)
  })

  it('has a slow winner told of a presence value that only the others were opened with', async () => {
    const server = new FakeServer()
    const slow: typeof fetch = (input, init) =>
      new Promise((resolve) => {
        if (String(input).endsWith('/stream')) setTimeout(() => resolve(server.fetch(input, init)), 1500)
      })
    const stage = start({ wires: ['sse', 'polling'], fetch: slow }, server)
    const presence = stage.client.channels.chat({ roomId: '1' }).observePresence()
    presence.subscribe(() => {})
    await settle(500)
    presence.update({ name: 'Me' })
    await settle(5000)
    expect(stage.wire).toBe('sse')
    expect(server.linesOf('pres').at(-1)).toMatchObject({ d: { name: 'Me' } })
  })

  it('asks for the token once, and gives nobody a head start before it is there', async () => {
    const auth = vi.fn(() => new Promise<string>((resolve) => setTimeout(resolve, 5000, 'token')))
    const stage = start({ auth })
    await settle(5050)
    expect(stage.wire).toBe('websocket')
    expect(auth).toHaveBeenCalledTimes(1)
    expect(stage.server.requests).toHaveLength(0)
  })

  it('begins where the last page of this origin has arrived', async () => {
    const items = new Map<string, string>()
    const localStorage = {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, text: string) => void items.set(key, text),
    }
    vi.stubGlobal('window', { localStorage })
    const server = new FakeServer()
    server.webSocketWorks = false
    start({}, server)
    await settle(100)
    expect(server.sockets).toHaveLength(1)
    const reloaded = start({}, server)
    await settle(100)
    expect(reloaded.wire).toBe('sse')
    expect(server.sockets).toHaveLength(1)
  })
})

describe('a change of wires', () => {
  it('in the middle of traffic shows in nothing: no stale state, nothing twice, nothing late', async () => {
    const stage = start({ wires: ['polling'] })
    await settle()
    stage.statuses.length = 0
    const published: Promise<unknown>[] = []
    for (let n = 0; n < 60; n++) {
      if (n === 10) stage.client.setWires(['sse'])
      if (n === 30) stage.client.setWires(['websocket'])
      stage.emit(`event ${n}`)
      published.push(stage.lobby.publish('message', { text: `publish ${n}` }))
      await settle(20)
    }
    await Promise.all(published)
    await settle(100)
    expect(stage.wire).toBe('websocket')
    expect(stage.statuses).not.toContain('stale')
    for (const kind of ['event', 'publish'])
      expect(stage.heard.filter((text) => text.startsWith(kind))).toEqual(
        Array.from({ length: 60 }, (_, n) => `${kind} ${n}`),
      )
  })

  it('goes up to WebSocket as soon as it is no longer blocked, without anyone noticing', async () => {
    const server = new FakeServer()
    server.webSocketWorks = false
    const stage = start({}, server)
    await settle(100)
    expect(stage.wire).toBe('sse')
    stage.statuses.length = 0
    server.webSocketWorks = true
    await settle(10_500)
    // On trial beside the stream: welcomed, and without channels.
    expect(server.sockets.at(-1)?.frames.map((frame) => JSON.parse(frame).t)).toEqual(['hello'])
    server.broadcast({ t: 'sig', ch: LOBBY, e: 'waving', d: { on: true } })
    await settle(2500)
    expect(stage.wire).toBe('websocket')
    expect(server.attachments.size).toBe(1)
    stage.emit('a')
    await settle()
    expect(stage.heard).toEqual(['a'])
    expect(stage.statuses).not.toContain('stale')
  })

  it('leaves to the new wire what is in no log, so that no signal comes twice', async () => {
    const stage = start({ wires: ['sse'] })
    await settle()
    stage.server.answers = false
    stage.client.setWires(['websocket'])
    await settle()
    stage.server.sockets[0]?.attachment.write({ t: 'welcome', v: 1, m: 'me', hb: 25_000, max: {} })
    await settle()
    // Both wires speak for the channel now; the new one has the joins.
    expect(stage.server.sockets[0]?.frames.at(-1)).toContain('"t":"join"')
    stage.server.broadcast({ t: 'sig', ch: LOBBY, e: 'waving', d: { on: true } })
    await settle()
    expect(stage.signals).toEqual([true])
  })

  it('to polling takes no longer where nothing happens', async () => {
    const stage = start({ wires: ['sse'] })
    await settle()
    stage.statuses.length = 0
    stage.client.setWires(['polling'])
    await settle(100)
    expect(stage.wire).toBe('polling')
    expect(stage.statuses).not.toContain('stale')
  })

  it('polls on without the channels that the new wire is about to have', async () => {
    const stage = start({ wires: ['polling'] })
    await settle(1500)
    const { server } = stage
    server.answers = false
    stage.client.setWires(['websocket', 'polling'])
    await settle()
    const [socket] = server.sockets
    socket?.attachment.write({ t: 'welcome', v: 1, m: 'me', hb: 25_000, max: {} })
    await settle(2500)
    const join = JSON.parse(socket?.frames.at(-1) ?? '{}') as JoinLine
    expect(join).toMatchObject({ t: 'join', ch: LOBBY })
    stage.emit('a')
    await settle()
    const polls = server.requests.filter(({ path }) => path === '/poll')
    expect(polls.at(-1)?.body.split('\n')).toHaveLength(1)
    socket?.attachment.write({ t: 'joined', ch: LOBBY, j: join.j, at: join.after ?? '', head: 1, how: 'resumed' })
    await settle()
    expect([stage.wire, stage.heard]).toEqual(['websocket', ['a']])
    expect(stage.statuses).not.toContain('stale')
  })

  it('goes back to the old wire where the new one takes the joins and never answers them', async () => {
    const stage = start({ wires: ['websocket', 'sse'] })
    stage.server.webSocketWorks = false
    await settle()
    stage.client.setWires(['sse'])
    await settle(100)
    expect(stage.wire).toBe('sse')
    stage.server.webSocketWorks = true
    stage.server.answers = false
    stage.client.setWires(['websocket', 'sse'])
    await settle()
    stage.server.sockets.at(-1)?.attachment.write({ t: 'welcome', v: 1, m: 'me', hb: 25_000, max: {} })
    await settle(2100)
    stage.server.answers = true
    await settle(10_000)
    stage.emit('a')
    await settle(100)
    expect(stage.wire).toBe('sse')
    expect(stage.heard).toEqual(['a'])
  })
})

describe('a goodbye that leaves time', () => {
  it.each(['websocket', 'sse', 'polling'] as const)(
    'is followed over %s by another attachment before the old one is let go',
    async (wire) => {
      const stage = start({ wires: [wire] })
      await settle()
      const [old] = [...stage.server.attachments]
      stage.statuses.length = 0
      old?.write({ t: 'bye', code: 'draining', retry: 500, in: 15_000 })
      await settle(400)
      stage.emit('a')
      await settle(200)
      stage.emit('b')
      await settle(100)
      expect(stage.wire).toBe(wire)
      expect(stage.heard).toEqual(['a', 'b'])
      expect(stage.statuses).not.toContain('stale')
      expect([...stage.server.attachments]).toHaveLength(1)
      expect(stage.server.attachments).not.toContain(old)
    },
  )
})

describe('a WebSocket that is dead without having been closed', () => {
  it('is found out by what is published over it, and that is written again elsewhere, once', async () => {
    const stage = start()
    await settle(10_000)
    const socket = stage.server.sockets[0]
    const swallowed: string[] = []
    if (socket) socket.send = (text) => void swallowed.push(text)
    const published = stage.lobby.publish('message', { text: 'a' })
    await settle(4000)
    await published
    expect(swallowed.join()).toContain('"t":"ping"')
    expect(stage.server.sockets).toHaveLength(2)
    expect(stage.heard).toEqual(['a'])
  })

  it('is not suspected while it speaks', async () => {
    const stage = start()
    await settle(4000)
    stage.emit('x')
    const pings = stage.server.linesOf('ping').length
    await stage.lobby.publish('message', { text: 'a' })
    expect(stage.server.linesOf('ping')).toHaveLength(pings)
  })
})

describe('a device that wakes up', () => {
  it('pings a quiet WebSocket, and is elsewhere in three seconds where no answer comes', async () => {
    const page = stubPage()
    const stage = start()
    await settle(14_000)
    stage.server.answers = false
    const pings = stage.server.linesOf('ping').length
    page.dispatchEvent(new Event('online'))
    expect(stage.server.linesOf('ping')).toHaveLength(pings + 1)
    stage.server.answers = true
    await settle(3000)
    await settle(600)
    expect(stage.server.sockets).toHaveLength(2)
    expect(stage.client.connection.getSnapshot().state).toBe('online')
  })

  it('attaches anew over a quiet stream, and over a poll that is to answer at once', async () => {
    const page = stubPage()
    for (const wire of ['sse', 'polling'] as const) {
      const stage = start({ wires: [wire] })
      await settle(14_000)
      const { length } = stage.server.requests
      page.dispatchEvent(new Event('pageshow'))
      await settle(5000)
      const request = stage.server.requests[length]
      expect(request?.path).toBe(wire === 'sse' ? '/stream' : '/poll')
      expect(request?.body.includes('"wait":0')).toBe(wire === 'polling')
      expect(stage.client.connection.getSnapshot().state).toBe('online')
    }
  })

  it('after hours of sleep races at once, by the clock on the wall', async () => {
    const page = stubPage()
    const stage = start()
    await settle(100)
    stage.server.append(LOBBY, 'message', { text: 'while asleep' })
    vi.setSystemTime(Date.now() + 3 * 3_600_000)
    page.dispatchEvent(new Event('visibilitychange'))
    await settle()
    expect(stage.server.sockets).toHaveLength(2)
    expect(stage.heard).toEqual(['while asleep'])
  })

  it('is noticed in a window that takes no signal of another realm, until the client is closed', async () => {
    const page = stubPage()
    const heard = new Set<string>()
    vi.spyOn(page, 'addEventListener').mockImplementation((type, _listener, options) => {
      if (typeof options === 'object' && options.signal) throw new TypeError('This is not of type AbortSignal.')
      heard.add(type)
    })
    vi.spyOn(page, 'removeEventListener').mockImplementation((type) => heard.delete(type))
    const stage = start()
    expect([...heard]).toEqual(['online', 'pageshow', 'visibilitychange'])
    stage.client.close()
    expect([...heard]).toEqual([])
  })
})

describe('a token that runs out', () => {
  it('is renewed on the same WebSocket', async () => {
    let tokens = 0
    const stage = start({ auth: () => `token ${++tokens}` })
    await settle()
    stage.server.broadcast({ t: 'expires', in: 10_000 })
    await settle()
    expect(stage.server.sockets).toHaveLength(1)
    expect(stage.server.linesOf('hello').map(({ k }) => k)).toEqual(['token 1', 'token 2'])
    expect(stage.statuses).not.toContain('stale')
  })

  it('that travels in a cookie is renewed by another WebSocket beside the old one', async () => {
    const stage = start()
    await settle()
    stage.statuses.length = 0
    stage.server.broadcast({ t: 'expires', in: 10_000 })
    await settle(100)
    expect(stage.server.sockets.map(({ closedWith }) => closedWith)).toEqual([1000, undefined])
    expect(stage.statuses).not.toContain('stale')
  })

  it('is renewed by another stream beside the old one', async () => {
    let tokens = 0
    const stage = start({ auth: () => `token ${++tokens}`, wires: ['sse'] })
    await settle()
    stage.statuses.length = 0
    stage.server.broadcast({ t: 'expires', in: 10_000 })
    await settle()
    const streams = stage.server.requests.filter(({ path }) => path === '/stream')
    expect(streams.map(({ body }) => JSON.parse(body.split('\n')[0] ?? '').k)).toEqual(['token 1', 'token 2'])
    stage.emit('a')
    await settle()
    expect(stage.heard).toEqual(['a'])
    expect(stage.statuses).not.toContain('stale')
  })

  it('is used until the new one is there', async () => {
    const tokens: ((token: string) => void)[] = []
    const stage = start({ auth: () => new Promise<string>((resolve) => tokens.push(resolve)), wires: ['sse'] })
    await settle()
    tokens[0]?.('token 1')
    await settle(2000)
    stage.server.broadcast({ t: 'expires', in: 10_000 })
    await settle()
    expect(tokens).toHaveLength(2)
    void stage.lobby.publish('message', { text: 'meanwhile' })
    await settle()
    const sent = stage.server.requests.filter(({ path }) => path === '/send').at(-1)
    expect(sent?.body).toContain('meanwhile')
    expect(sent?.body).toContain('"k":"token 1"')
  })

  it('ends a poll, and what waits for an answer is written again with the next one', async () => {
    let tokens = 0
    const stage = start({ auth: () => `token ${++tokens}`, wires: ['polling'] })
    await settle(1500)
    stage.server.answers = false
    const published = stage.lobby.publish('message', { text: 'a' })
    await settle()
    stage.server.answers = true
    stage.server.broadcast({ t: 'bye', code: 'unauthorized' })
    await settle(100)
    await published
    await settle(100)
    expect(stage.heard).toEqual(['a'])
  })

  it('stays where it is when no new one can be had: the server ends the wire in time', async () => {
    let works = true
    const auth = (): string => {
      if (!works) throw new Error('signed out')
      return 'token'
    }
    const stage = start({ auth })
    await settle()
    works = false
    stage.server.broadcast({ t: 'expires', in: 10_000 })
    await settle(1000)
    expect(stage.client.connection.getSnapshot().state).toBe('online')
  })
})

describe('a mark', () => {
  it.each([
    ['websocket', [2, 3]],
    // Each line of this stream comes by itself.
    ['sse', [1, 2, 3]],
  ] as const)('is answered over %s, of those that come together the last', async (wire, numbers) => {
    const { server } = start({ wires: [wire] })
    await settle()
    const [attachment] = [...server.attachments]
    attachment?.write({ t: 'mark', n: 1 }, { t: 'mark', n: 2 })
    await settle()
    attachment?.write({ t: 'mark', n: 3 })
    await settle()
    expect(server.linesOf('seen').map(({ n }) => n)).toEqual(numbers)
  })
})
