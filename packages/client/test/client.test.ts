import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Client, type ClientOptions, createClient, defaultClient } from '../src/index.ts'
import type { Api } from './api.ts'
import { type FakeAttachment, FakeServer } from './fake-server.ts'

const URL = 'https://x.test/rt'
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

function start(options: Partial<ClientOptions> = {}) {
  const server = new FakeServer()
  const client = createClient<Api>({ url: URL, fetch: server.fetch, webSocket: server.webSocket, ...options })
  clients.push(client)
  return { server, client, rt: client.channels, lobby: client.channels.lobby({ room: 1 }) }
}

/** Lets what is on its way arrive, and a frame pass. */
const settle = (ms = 16): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

const stateOf = (client: Client<Api>): string => client.connection.getSnapshot().state

describe('a client', () => {
  it('opens nothing before something is asked of it', async () => {
    const { server, lobby } = start()
    lobby.observe({ initial: [] })
    await settle(10_000)
    expect(server.sockets).toHaveLength(0)
    expect(server.requests).toHaveLength(0)
  })

  it('hands out one handle per address, whatever the type of the parameters', () => {
    const { rt, lobby } = start()
    expect(rt.lobby({ room: '1' })).toBe(lobby)
    expect(rt.lobby({ room: 2 })).not.toBe(lobby)
    expect(lobby.address).toBe(LOBBY)
    expect(rt.chat).toBe(rt.chat)
  })

  it('has references that no promise, framework or inspector takes for something else', async () => {
    const { rt, lobby, client } = start()
    expect(await rt).toBe(rt)
    expect(await lobby.commands).toBe(lobby.commands)
    expect(Reflect.get(rt, Symbol.toStringTag)).toBeUndefined()
    expect(Reflect.get(lobby.commands, 'toJSON')).toBeUndefined()
    expect(Reflect.get(lobby.commands, '$$typeof')).toBeUndefined()
    expect(await client).toBe(client)
  })

  it('closes with what to do where its URL is relative to nothing, rather than trying for ever', async () => {
    const { server, client, lobby } = start({ url: '/rt' })
    await expect(lobby.publish('message', { text: 'x' })).rejects.toMatchObject({ code: 'bad_url' })
    await settle()
    expect(stateOf(client)).toBe('closed')
    expect(server.sockets).toHaveLength(0)
  })

  it.each([{ room: '' }, { room: Number.NaN }, { room: {} }])('refuses the parameters %j at once', (params) => {
    const { rt } = start()
    expect(() => rt.lobby(params as { room: string })).toThrow(
      expect.objectContaining({ code: 'bad_channel' }) as Error,
    )
  })

  it('joins what is asked for in one tick in one batch, behind a hello of 22 characters', async () => {
    const { server, rt } = start()
    rt.lobby({ room: 1 }).on({})
    rt.lobby({ room: 2 }).on({})
    rt.alerts().on({})
    await settle()
    const [opening = ''] = server.sockets[0]?.frames ?? []
    const lines = opening.split('\n').map((line) => JSON.parse(line))
    expect(lines[0]).toMatchObject({ t: 'hello', v: 1, s: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/) })
    expect(lines.slice(1).map(({ ch }) => ch)).toEqual([LOBBY, 'lobby?room=2', 'alerts'])
    expect(server.sockets).toHaveLength(1)
  })

  it('calls handlers until it is told to stop, and not once more', async () => {
    const { server, lobby } = start()
    const heard: string[] = []
    const off = lobby.on({ message: ({ text }) => heard.push(text) })
    await settle()
    server.emit(LOBBY, 'message', { text: 'a' })
    off()
    server.emit(LOBBY, 'message', { text: 'b' })
    await settle()
    expect(heard).toEqual(['a'])
  })

  it('lets the wire go when nobody needs it any more, and leaves no timer', async () => {
    const { server, client, lobby } = start()
    const off = lobby.on({})
    await settle()
    expect(server.attachments.size).toBe(1)
    off()
    await settle(1100)
    expect(server.attachments.size).toBe(0)
    expect(server.sockets[0]?.closedWith).toBe(1000)
    expect(stateOf(client)).toBe('idle')
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each(['websocket', 'sse', 'polling'] as const)(
    'that nobody needs any more before it was answered releases every timer and its %s attempt',
    async (wire) => {
      const { server, lobby } = start({ wires: [wire] })
      server.answers = false
      const off = lobby.on({})
      await settle(300)
      expect(server.sockets.length + server.requests.length).toBe(1)
      off()
      await settle(1100)
      expect(vi.getTimerCount()).toBe(0)
      expect(server.sockets.every(({ closedWith }) => closedWith === 1000)).toBe(true)
      expect(server.requests.every(({ signal }) => signal.aborted)).toBe(true)
    },
  )

  it('shows who is closed for good to nobody: the default client is the first open one', () => {
    expect(defaultClient()).toBeUndefined()
    const first = start().client
    const second = start().client
    expect(defaultClient()?.connection).toBe(first.connection)
    first.close()
    expect(defaultClient()?.connection).toBe(second.connection)
    second.close()
    expect(defaultClient()).toBeUndefined()
  })

  it('is not the default client any more once it is closed, though the server had closed it before', async () => {
    const { server, client, lobby } = start()
    lobby.on({})
    await settle()
    server.broadcast({ t: 'bye', code: 'forbidden' })
    server.sockets[0]?.break(4403)
    await settle()
    expect(stateOf(client)).toBe('closed')
    client.close()
    expect(defaultClient()).toBeUndefined()
  })
})

describe('what a client sends', () => {
  it('resolves a publish once it is acknowledged', async () => {
    const { server, lobby } = start()
    const published = lobby.publish('message', { text: 'hi' })
    await settle()
    await expect(published).resolves.toBeUndefined()
    expect(server.linesOf('pub')).toMatchObject([{ ch: LOBBY, n: 1, e: 'message', d: { text: 'hi' } }])
  })

  it('resolves a command with its reply and rejects it with its refusal', async () => {
    const { server, rt } = start()
    server.commands.send = ({ text }: { text: string }) => ({ id: text, at: 'now' })
    const sent = rt.chat({ roomId: 1 }).commands.send({ text: 'x' })
    const refused = rt.chat({ roomId: 1 }).commands.clear(null)
    refused.catch(() => {})
    await settle()
    expect(await sent).toEqual({ id: 'x', at: 'now' })
    await expect(refused).rejects.toMatchObject({ code: 'unknown_command' })
  })

  it('counts what is pending in every observer of the channel', async () => {
    const { server, lobby } = start()
    const observer = lobby.observe({ initial: [] })
    observer.subscribe(() => {})
    await settle()
    server.answers = false
    const published = lobby.publish('message', { text: 'hi' })
    published.catch(() => {})
    await settle()
    expect(observer.getSnapshot().pending).toBe(1)
    server.answers = true
    server.broadcast({ t: 'ack', ch: LOBBY, n: 1 })
    await settle()
    expect(observer.getSnapshot().pending).toBe(0)
    await published
  })

  it('keeps the order of publishes and writes them once, over any number of broken wires', async () => {
    const { server, lobby } = start()
    lobby.on({})
    const published: Promise<void>[] = []
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < 3; index++)
        published.push(lobby.publish('message', { text: `${round}.${index}` }))
      await settle()
      server.answers = round % 2 === 0
      server.sockets.at(-1)?.break()
      await settle(30_000)
      server.answers = true
      server.sockets.at(-1)?.break()
      await settle(30_000)
    }
    await Promise.all(published)
    const texts: string[] = []
    for await (const { data } of lobby.events({ after: 'e1:0:0' })) {
      texts.push((data as { text: string }).text)
      if (texts.length === 15) break
    }
    expect(texts).toEqual([0, 1, 2, 3, 4].flatMap((round) => [0, 1, 2].map((index) => `${round}.${index}`)))
  })

  it('fails at once with a payload that has no JSON form or is too large for any server', async () => {
    const { lobby } = start()
    await expect(lobby.publish('message', undefined as never)).rejects.toBeDefined()
    await expect(lobby.publish('message', { text: 'x'.repeat(70_000) })).rejects.toMatchObject({
      code: 'line_too_large',
    })
  })

  it('fails with `queue_full` beyond a thousand unanswered messages and goes on with the others', async () => {
    const { server, lobby } = start()
    server.answers = false
    const outcomes = Array.from({ length: 1001 }, () =>
      lobby.publish('message', { text: 'x' }).then(
        () => 'ok',
        (error: { code: string }) => error.code,
      ),
    )
    expect(await outcomes[1000]).toBe('queue_full')
  })

  it('fails with `deadline` after four minutes without an answer', async () => {
    const { server, lobby } = start()
    server.answers = false
    const outcome = lobby.publish('message', { text: 'x' }).catch((error: { code: string }) => error.code)
    await settle(241_000)
    expect(await outcome).toBe('deadline')
  })

  it('waits for a wire without turning in circles', async () => {
    const { server, lobby } = start()
    server.answers = false
    lobby.publish('message', { text: 'x' }).catch(() => {})
    const timers = vi.spyOn(globalThis, 'setTimeout')
    await settle(60_000)
    // A few for each attempt and each wait; the attempts themselves are bounded by the back-off.
    expect(server.sockets.length + server.requests.length).toBeLessThan(20)
    expect(timers.mock.calls.length).toBeLessThan(200)
  })
})

describe('a client whose wire breaks', () => {
  it('resumes from where it stands: nothing twice, nothing missing, replayed marked', async () => {
    const { server, client, lobby } = start()
    const heard: [string, boolean][] = []
    lobby.on({ message: ({ text }, { replayed }) => heard.push([text, replayed]) })
    await settle()
    server.emit(LOBBY, 'message', { text: 'a' })
    server.sockets[0]?.break()
    server.append(LOBBY, 'message', { text: 'b' })
    await settle(600)
    expect(stateOf(client)).toBe('online')
    server.emit(LOBBY, 'message', { text: 'c' })
    expect(heard).toEqual([
      ['a', false],
      ['b', true],
      ['c', false],
    ])
  })

  it('falls back from WebSocket to SSE to polling', async () => {
    const { server, client, lobby } = start()
    server.webSocketWorks = false
    server.failures.set('/stream', () => new Response('Bad gateway', { status: 502 }))
    const heard: string[] = []
    lobby.on({ message: ({ text }) => heard.push(text) })
    await settle(100)
    expect(client.connection.getSnapshot()).toMatchObject({ state: 'online', wire: 'polling' })
    server.emit(LOBBY, 'message', { text: 'a' })
    await settle()
    server.emit(LOBBY, 'message', { text: 'b' })
    await settle()
    expect(heard).toEqual(['a', 'b'])
  })

  it('falls back when a wire opens and then says nothing', async () => {
    const { server, client, lobby } = start({ wires: ['websocket', 'sse'] })
    server.answers = false
    lobby.on({})
    await settle(900)
    expect(server.requests).toHaveLength(0)
    server.answers = true
    await settle(200)
    expect(client.connection.getSnapshot()).toMatchObject({ state: 'online', wire: 'sse' })
    expect(server.sockets[0]?.closedWith).toBe(1000)
  })

  it('leaves WebSocket out where the host has none', async () => {
    vi.stubGlobal('WebSocket', undefined)
    const server = new FakeServer()
    const client = createClient<Api>({ url: URL, fetch: server.fetch })
    clients.push(client)
    client.channels.alerts().on({})
    await settle()
    expect(client.connection.getSnapshot().wire).toBe('sse')
  })

  it('says so where no allowed wire exists', async () => {
    vi.stubGlobal('WebSocket', undefined)
    const server = new FakeServer()
    const client = createClient<Api>({ url: URL, fetch: server.fetch, wires: ['websocket'] })
    clients.push(client)
    await expect(client.channels.lobby({ room: 1 }).publish('message', { text: 'x' })).rejects.toMatchObject({
      code: 'no_wire',
    })
  })

  it.each(['websocket', 'sse'] as const)('notices silence on %s and attaches anew', async (wire) => {
    const { server, client, lobby } = start({ wires: [wire] })
    lobby.on({})
    await settle()
    expect(stateOf(client)).toBe('online')
    const [first] = server.attachments as Set<FakeAttachment>
    server.answers = false
    await settle(45_000)
    server.answers = true
    await settle(20_000)
    expect(stateOf(client)).toBe('online')
    expect([...server.attachments]).not.toContain(first)
    expect(server.attachments.size).toBe(1)
  })

  it('measures the round trip', async () => {
    const { client, lobby } = start()
    lobby.on({})
    await settle()
    expect(client.connection.getSnapshot().rtt).toBe(0)
  })

  it.each(['websocket', 'sse', 'polling'] as const)(
    'takes joins, leaves, publishes and commands over %s',
    async (wire) => {
      const { server, client, rt, lobby } = start({ wires: [wire] })
      server.commands.send = () => ({ id: '1', at: 'now' })
      const heard: string[] = []
      const offFirst = lobby.on({ message: ({ text }) => heard.push(`1 ${text}`) })
      await settle()
      rt.lobby({ room: 2 }).on({ message: ({ text }) => heard.push(`2 ${text}`) })
      await settle()
      server.emit(LOBBY, 'message', { text: 'a' })
      server.emit('lobby?room=2', 'message', { text: 'b' })
      await settle()
      offFirst()
      await settle(1100)
      const published = rt.lobby({ room: 2 }).publish('message', { text: 'c' })
      const sent = rt.chat({ roomId: 1 }).commands.send({ text: 'x' })
      await settle(100)
      await published
      expect(await sent).toEqual({ id: '1', at: 'now' })
      server.emit(LOBBY, 'message', { text: 'unheard' })
      await settle(100)
      expect(heard).toEqual(['1 a', '2 b', '2 c'])
      expect(client.connection.getSnapshot().wire).toBe(wire)
    },
  )

  it('moves to another wire when it is told to, without a gap', async () => {
    const { server, client, lobby } = start()
    const heard: string[] = []
    lobby.on({ message: ({ text }) => heard.push(text) })
    await settle()
    server.emit(LOBBY, 'message', { text: 'a' })
    client.setWires(['polling'])
    server.append(LOBBY, 'message', { text: 'b' })
    await settle()
    expect(client.connection.getSnapshot().wire).toBe('polling')
    server.emit(LOBBY, 'message', { text: 'c' })
    await settle()
    client.setWires(undefined)
    await settle(3000)
    expect(client.connection.getSnapshot().wire).toBe('websocket')
    server.emit(LOBBY, 'message', { text: 'd' })
    await settle()
    expect(heard).toEqual(['a', 'b', 'c', 'd'])
  })

  it('comes back at once when the page is shown again', async () => {
    const page = new EventTarget()
    vi.stubGlobal('window', page)
    vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }))
    const { server, lobby } = start({ backoff: { baseMs: 20_000 } })
    lobby.on({})
    await settle()
    server.sockets[0]?.break()
    await settle(1000)
    expect(server.sockets).toHaveLength(1)
    page.dispatchEvent(new Event('online'))
    await settle()
    expect(server.sockets).toHaveLength(2)
  })
})

describe('the token of a client', () => {
  it('travels in hello and nowhere else', async () => {
    const { server, lobby } = start({ auth: () => 'secret', wires: ['sse'] })
    lobby.on({})
    await lobby.publish('message', { text: 'x' }).catch(() => {})
    expect(server.linesOf('hello').map(({ k }) => k)).toEqual(expect.arrayContaining(['secret']))
    expect(server.requests.every(({ path }) => !path.includes('secret'))).toBe(true)
  })

  it('is asked for once, and again when the server no longer accepts it', async () => {
    let tokens = 0
    const auth = vi.fn(async () => `token ${++tokens}`)
    const { server, client, lobby } = start({ auth })
    lobby.on({})
    await settle()
    server.sockets[0]?.break()
    await settle(1000)
    expect(auth).toHaveBeenCalledTimes(1)
    server.broadcast({ t: 'bye', code: 'unauthorized' })
    server.sockets.at(-1)?.break(4401)
    await settle(100)
    expect(auth).toHaveBeenCalledTimes(2)
    expect(server.linesOf('hello').map(({ k }) => k)).toEqual(['token 1', 'token 1', 'token 2'])
    expect(stateOf(client)).toBe('online')
  })

  it('that is refused again and again closes the client, and says why to whoever asks', async () => {
    const { server, client, lobby } = start({ auth: () => 'bad', wires: ['polling'] })
    server.failures.set(
      '/poll',
      () => new Response('{"t":"err","code":"unauthorized","msg":"Sign in again."}', { status: 401 }),
    )
    const published = lobby.publish('message', { text: 'x' })
    published.catch(() => {})
    const observer = lobby.observe({ initial: [] })
    observer.subscribe(() => {})
    await settle(100)
    expect(server.requests).toHaveLength(3)
    expect(client.connection.getSnapshot()).toMatchObject({ state: 'closed', error: { code: 'unauthorized' } })
    await expect(published).rejects.toMatchObject({ code: 'unauthorized', message: 'Sign in again.' })
    expect(observer.getSnapshot()).toMatchObject({ status: 'denied', error: { code: 'unauthorized' } })
    await settle(600_000)
    expect(server.requests).toHaveLength(3)
  })

  it('that cannot be got is tried for again', async () => {
    let works = false
    const auth = vi.fn(async () => {
      if (!works) throw new Error('the token endpoint is down')
      return 'token'
    })
    const { client, lobby } = start({ auth })
    lobby.on({})
    await settle(2000)
    expect(stateOf(client)).not.toBe('online')
    works = true
    await settle(30_000)
    expect(stateOf(client)).toBe('online')
  })
})

describe('a closed client', () => {
  it('rejects what is pending with `closed`, ends channels and says goodbye where it was present', async () => {
    const { server, client, rt, lobby } = start()
    const observer = lobby.observe({ initial: [] })
    observer.subscribe(() => {})
    rt.chat({ roomId: 1 })
      .observePresence({ set: { name: 'Me' } })
      .subscribe(() => {})
    await settle()
    server.answers = false
    const published = lobby.publish('message', { text: 'x' })
    const sent = rt.chat({ roomId: 1 }).commands.clear(null)
    for (const promise of [published, sent]) promise.catch(() => {})
    await settle()
    client.close()
    await expect(published).rejects.toMatchObject({ code: 'closed' })
    await expect(sent).rejects.toMatchObject({ code: 'closed' })
    await settle()
    expect(observer.getSnapshot()).toMatchObject({ error: { code: 'closed' }, pending: 0 })
    expect(stateOf(client)).toBe('closed')
    expect(server.linesOf('pres').at(-1)).not.toHaveProperty('d')
    expect(server.sockets[0]?.closedWith).toBe(1000)
  })

  it.each(['websocket', 'sse', 'polling'] as const)(
    'says goodbye over %s, and so does one that nobody asks for anything any more, which then lets go of its wire',
    async (wire) => {
      const { server, client, rt } = start({ wires: [wire] })
      const presence = rt.chat({ roomId: 1 }).observePresence({ set: { name: 'Me' } })
      const goodbyes = (): number => server.linesOf('pres').filter(({ d }) => d === undefined).length
      const leave = presence.subscribe(() => {})
      await settle(2000)
      expect([goodbyes(), server.attachments.size, stateOf(client)]).toEqual([0, 1, 'online'])
      leave()
      await settle(1016)
      expect([goodbyes(), server.attachments.size, stateOf(client)]).toEqual([1, 0, 'idle'])
      presence.subscribe(() => {})
      await settle(2000)
      expect([goodbyes(), server.attachments.size, stateOf(client)]).toEqual([1, 1, 'online'])
      client.close()
      await settle()
      expect([goodbyes(), server.attachments.size, stateOf(client)]).toEqual([2, 0, 'closed'])
    },
  )

  it('does not connect for a goodbye: where there is no wire, the server has noticed', async () => {
    const { server, client, rt } = start({ wires: ['websocket'] })
    const leave = rt
      .chat({ roomId: 1 })
      .observePresence({ set: { name: 'Me' } })
      .subscribe(() => {})
    await settle()
    server.webSocketWorks = false
    server.sockets[0]?.break()
    leave()
    await settle(1016)
    const { length } = server.sockets
    server.webSocketWorks = true
    await settle(60_000)
    expect([server.sockets.length, stateOf(client)]).toEqual([length, 'idle'])
  })

  it('rejects what is asked of it afterwards and opens nothing', async () => {
    const { server, client, lobby } = start()
    client.close()
    client.close()
    await expect(lobby.publish('message', { text: 'x' })).rejects.toMatchObject({ code: 'closed' })
    lobby.on({})
    lobby.signal
    client.setWires(['polling'])
    await settle(60_000)
    expect(server.sockets).toHaveLength(0)
    expect(server.requests).toHaveLength(0)
  })

  it('calls no handler any more, not even for what came in the same batch', async () => {
    const { server, client, lobby } = start()
    const heard: string[] = []
    lobby.on({
      message: ({ text }) => {
        heard.push(text)
        client.close()
      },
    })
    await settle()
    const [attachment] = server.attachments
    attachment?.write(
      { t: 'ev', ch: LOBBY, at: 'e1:1:t1', e: 'message', d: { text: 'a' } },
      { t: 'ev', ch: LOBBY, at: 'e1:2:t2', e: 'message', d: { text: 'b' } },
    )
    await settle()
    expect(heard).toEqual(['a'])
  })

  it.each(['websocket', 'sse', 'polling'] as const)('leaves neither timer nor request over %s', async (wire) => {
    const { server, client, lobby } = start({ wires: [wire] })
    lobby.on({})
    await settle()
    void lobby.publish('message', { text: 'x' }).catch(() => {})
    client.close()
    await settle(1100)
    expect(vi.getTimerCount()).toBe(0)
    expect(server.attachments.size).toBe(0)
  })
})
