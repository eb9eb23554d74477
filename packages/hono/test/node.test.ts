/** Triwire under Hono on a real server of Node, over the loopback. */
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request as nodeRequest, type Server } from 'node:http'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { serve } from '@hono/node-server'
import { createRealtime, type RealtimeOptions } from '@triwire/server'
import { Hono } from 'hono'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { beforeRouter, triwire, webSocket } from '../src/index.ts'
import { api } from './api.ts'

type Auth = (request: { token: string | undefined }) => unknown

const closing: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  vi.restoreAllMocks()
})

interface StartOptions extends Partial<RealtimeOptions<Auth>> {
  readonly base?: string
  /** Wraps the routes in apps of its own. */
  readonly mount?: (routes: Hono) => Hono
  readonly webSockets?: boolean
}

async function start({ base = '/rt', mount, webSockets = true, ...options }: StartOptions = {}) {
  const logged: string[] = []
  const logger = {
    warn: (_: object, message: string) => void logged.push(message),
    error: (_: object, message: string) => void logged.push(message),
  }
  const auth = vi.fn<Auth>(options.auth ?? (({ token }) => (token === undefined ? null : { id: token })))
  const realtime = createRealtime(api, { logger, ...options, auth })
  const routes = triwire(realtime)
  const app = mount?.(routes) ?? new Hono().route(base, routes)
  const server = serve({
    fetch: app.fetch,
    port: 0,
    hostname: '127.0.0.1',
    ...(webSockets ? webSocket(realtime) : {}),
  }) as Server
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  closing.push(async () => {
    await realtime.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { realtime, server, port, auth, logged, base: base === '/' ? '' : base }
}

let sessions = 0

const hello = (user = 'ann', wait?: number): object => ({
  t: 'hello',
  v: 1,
  s: `session${(sessions++).toString().padStart(15, '0')}`,
  k: user,
  wait,
})

const text = (...lines: object[]): string => lines.map((line) => JSON.stringify(line)).join('\n')

/** Begins a request; the body is the caller's to write. */
function begin(port: number, path: string, headers: Record<string, string> = {}): ClientRequest {
  const made = nodeRequest({
    port,
    host: '127.0.0.1',
    path,
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'text/plain', ...headers },
  })
  made.on('error', () => {})
  return made
}

async function respond(made: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(made, 'response')) as [IncomingMessage]
  response.on('error', () => {})
  return response.setEncoding('utf8')
}

async function post(port: number, path: string, body: string): Promise<IncomingMessage> {
  const made = begin(port, path)
  made.end(body)
  return await respond(made)
}

async function readUntil(response: IncomingMessage, what: string): Promise<string> {
  let read = ''
  for await (const chunk of response.iterator({ destroyOnReturn: false })) {
    read += String(chunk)
    if (read.includes(what)) return read
  }
  throw new Error(`The response ended without ${what}: ${read.trim()}`)
}

async function readAll(response: IncomingMessage): Promise<string> {
  let read = ''
  for await (const chunk of response) read += String(chunk)
  return read
}

const mounts: readonly [string, StartOptions & { readonly at: string }][] = [
  ['under /rt', { base: '/rt', at: '/rt' }],
  ['under a longer path', { base: '/api/v1/rt', at: '/api/v1/rt' }],
  ['at the root', { base: '/', at: '' }],
  [
    'in an app inside an app',
    {
      mount: (routes) => new Hono().route('/api', new Hono().route('/v1', new Hono().route('/rt', routes))),
      at: '/api/v1/rt',
    },
  ],
  ['under a base path', { mount: (routes) => new Hono().basePath('/api').route('/rt', routes), at: '/api/rt' }],
  [
    'under a parameter',
    { mount: (routes) => new Hono().route('/:tenant/rt', routes), at: '/a%20long%20tenant/rt' },
  ],
]

describe.each(mounts)('Triwire mounted %s', (_where, { at, ...options }) => {
  it('answers polls, sends and streams', async () => {
    const { port, realtime } = await start(options)
    const poll = await post(port, `${at}/poll`, text(hello('ann', 0), { t: 'join', ch: 'alerts', j: 1 }))
    expect(await readAll(poll)).toContain('"t":"joined"')
    const send = await post(port, `${at}/send`, text(hello(), { t: 'ping', n: 7 }))
    expect(await readAll(send)).toContain('{"t":"pong","n":7}')
    const stream = await post(port, `${at}/stream`, text(hello(), { t: 'join', ch: 'alerts', j: 1 }))
    await readUntil(stream, '"t":"joined"')
    await realtime.channels.alerts().emit('alert', { text: 'hi' })
    expect(await readUntil(stream, '"t":"ev"')).toContain('{"text":"hi"}')
    stream.destroy()
  })

  it('takes WebSockets', async () => {
    const { port } = await start(options)
    const socket = new WebSocket(`ws://127.0.0.1:${port}${at}`, 'triwire.v1')
    await once(socket, 'open')
    expect(socket.protocol).toBe('triwire.v1')
    socket.send(text(hello(), { t: 'ping', n: 7 }))
    const seen: string[] = []
    for await (const [data] of onMessages(socket)) {
      seen.push(String(data))
      if (seen.join('\n').includes('"pong"')) break
    }
    expect(seen.join('\n')).toMatch(/^\{"t":"welcome"/)
    socket.close()
    await once(socket, 'close')
  })
})

async function* onMessages(socket: WebSocket): AsyncGenerator<[unknown]> {
  for (;;) yield (await once(socket, 'message')) as [unknown]
}

describe('responses', () => {
  it('cannot be held back, stored or guessed at by anybody on the way', async () => {
    const { port } = await start()
    const stream = await post(port, '/rt/stream', text(hello()))
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    })
    expect(stream.headers['set-cookie']).toBeUndefined()
    const read = await readUntil(stream, '"t":"welcome"')
    expect(read).toMatch(/^: {2000,}\n\n/)
    stream.destroy()
    const poll = await post(port, '/rt/poll', text(hello('ann', 0)))
    expect(poll.headers).toMatchObject({ 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' })
    poll.resume()
  })

  it('are written without web streams', async () => {
    const made: string[] = []
    for (const name of ['ReadableStream', 'WritableStream', 'TransformStream', 'Response'] as const) {
      const Original = globalThis[name] as unknown as new (...args: unknown[]) => object
      vi.stubGlobal(
        name,
        new Proxy(Original, {
          construct(target, args, newTarget) {
            if (name !== 'Response' || (args[0] !== null && args[0] !== undefined)) made.push(name)
            return Reflect.construct(target, args, newTarget) as object
          },
        }),
      )
    }
    try {
      const { port, realtime } = await start()
      const stream = await post(port, '/rt/stream', text(hello(), { t: 'join', ch: 'alerts', j: 1 }))
      await readUntil(stream, '"t":"joined"')
      await realtime.channels.alerts().emit('alert', { text: 'hi' })
      await readUntil(stream, '"t":"ev"')
      stream.destroy()
      await readAll(await post(port, '/rt/poll', text(hello('ann', 0))))
      await readAll(await post(port, '/rt/send', text(hello(), { t: 'ping', n: 1 })))
      expect(made).toEqual([])
    } finally {
      vi.unstubAllGlobals()
    }
  })

  it('keep a connection for the next request', async () => {
    const { port, server } = await start()
    const connections = vi.fn()
    server.on('connection', connections)
    const socket = connectTcp(port, '127.0.0.1')
    const body = text(hello(), { t: 'ping', n: 1 })
    for (let count = 0; count < 3; count++) {
      socket.write(
        `POST /rt/send HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      )
      let read = ''
      while (!read.includes('"pong"')) read += String((await once(socket, 'data'))[0])
    }
    expect(connections).toHaveBeenCalledTimes(1)
    socket.destroy()
  })
})

describe('bodies', () => {
  const limits = { body: 10_000, authMs: 300 }

  it.each([
    ['announced by Content-Length', { 'content-length': '50000' }],
    ['that comes in chunks', { 'transfer-encoding': 'chunked' }],
  ])('over the limit, %s, are refused before anybody is asked who it is', async (_how, headers) => {
    const { port, auth } = await start({ limits })
    const made = begin(port, '/rt/send', headers)
    for (let count = 0; count < 5; count++) made.write('x'.repeat(10_000))
    const response = await respond(made)
    expect(response.statusCode).toBe(413)
    expect(await readAll(response)).toContain('"body_too_large"')
    expect(auth).not.toHaveBeenCalled()
    made.destroy()
  })

  it('that never end are cut off, and the connection with them', async () => {
    const { port, auth } = await start({ limits })
    const made = begin(port, '/rt/send', { 'transfer-encoding': 'chunked' })
    made.write('{')
    const response = await respond(made)
    const closed = once(made, 'close')
    expect(response.statusCode).toBe(408)
    expect(response.headers.connection).toBe('close')
    expect(await readAll(response)).toContain('"auth_timeout"')
    await closed
    expect(auth).not.toHaveBeenCalled()
  })

  it('that break off do no harm', async () => {
    const { port, auth, logged, server } = await start({ limits: { ...limits, authMs: 10_000 } })
    for (let count = 0; count < 20; count++) {
      const made = begin(port, '/rt/stream', { 'content-length': '5000' })
      const arrived = once(server, 'request')
      made.write('{"t":"hello"')
      await arrived
      made.destroy()
    }
    expect(await readAll(await post(port, '/rt/send', text(hello(), { t: 'ping', n: 1 })))).toContain('"pong"')
    expect(auth).toHaveBeenCalledTimes(1)
    expect(logged).toEqual([])
  })

  it('that are no UTF-8 are refused', async () => {
    const { port } = await start()
    const made = begin(port, '/rt/send')
    made.end(Buffer.from([0xff, 0xfe, 0x7b]))
    expect((await respond(made)).statusCode).toBe(400)
  })
})

describe('clients that go', () => {
  it('in the middle of a stream or a poll are forgotten', async () => {
    const { port } = await start({ limits: { connectionsPerUser: 1 } })
    for (const path of ['/rt/stream', '/rt/poll', '/rt/stream']) {
      let response: IncomingMessage | undefined
      // The place of the one before comes free when its connection is seen to close.
      await vi.waitFor(async () => {
        const made = begin(port, path)
        made.end(text(hello('ann', path.endsWith('poll') ? 0 : undefined)))
        response = await respond(made)
        expect(response.statusCode).toBe(200)
      })
      response?.destroy()
    }
  })
})

describe('WebSocket upgrades', () => {
  const upgrade = async (port: number, path: string, headers: Record<string, string>, protocol = 'triwire.v1') => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol === '' ? [] : protocol, { headers })
    socket.on('error', () => {})
    const outcome = await Promise.race([
      once(socket, 'open').then(() => 101),
      once(socket, 'unexpected-response').then(([, response]) => (response as IncomingMessage).statusCode),
    ])
    socket.terminate()
    return outcome
  }

  it('are refused with 501 and a line in the log where webSocket() was forgotten', async () => {
    const { port, logged } = await start({ webSockets: false })
    expect(await upgrade(port, '/rt', {})).toBe(501)
    expect(logged).toEqual([expect.stringMatching(/spread webSocket\(realtime\) into serve\(\)/)])
    expect(await readAll(await post(port, '/rt/send', text(hello(), { t: 'ping', n: 1 })))).toContain('"pong"')
  })

  it.each([
    [
      'another origin with a valid cookie',
      '/rt',
      { origin: 'https://evil.example', cookie: 'session=1' },
      'triwire.v1',
      403,
    ],
    ['a token in the URL', '/rt?token=secret', {}, 'triwire.v1', 400],
    ['no subprotocol', '/rt', {}, '', 400],
    ['an unknown subprotocol', '/rt', {}, 'graphql-ws', 400],
    ['another path', '/rt/stream', {}, 'triwire.v1', 404],
  ])('with %s are refused before they are made', async (_what, path, headers, protocol, status) => {
    const { port, auth } = await start()
    expect(await upgrade(port, path, headers as Record<string, string>, protocol)).toBe(status)
    expect(auth).not.toHaveBeenCalled()
  })

  it.each([
    ['a message over the limit', (socket: WebSocket) => socket.send('x'.repeat(300_000)), 1009],
    ['a binary message', (socket: WebSocket) => socket.send(Buffer.from('x')), 1003],
    ['a line before hello', (socket: WebSocket) => socket.send('{"t":"ping","n":1}'), 4400],
  ])('end with the right code for %s', async (_what, act, code) => {
    const { port } = await start()
    const socket = new WebSocket(`ws://127.0.0.1:${port}/rt`, 'triwire.v1')
    await once(socket, 'open')
    act(socket)
    expect((await once(socket, 'close'))[0]).toBe(code)
  })
})

describe('closing the server', () => {
  it('ends 200 idle streams, polls and sockets with a goodbye', async () => {
    const { port, realtime, server } = await start({
      limits: { connectionsPerAddress: 1000, connectionsPerUser: 1000 },
    })
    const streams = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const response = await post(
          port,
          index % 4 === 0 ? '/rt/poll' : '/rt/stream',
          text(hello(`u${index}`, 25_000)),
        )
        return readAll(response)
      }).map((read) => ({ read })),
    )
    const sockets = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/rt`, 'triwire.v1')
        await once(socket, 'open')
        socket.send(text(hello(`s${index}`)))
        await once(socket, 'message')
        return socket
      }),
    )
    await vi.waitFor(async () => {
      const count = await new Promise<number>((resolve) => server.getConnections((_, open) => resolve(open)))
      expect(count).toBe(220)
    })
    const ends = sockets.map((socket) => once(socket, 'close'))
    await realtime.close()
    for (const { read } of streams) expect(await read).toContain('"t":"bye","code":"draining"')
    for (const end of ends) expect((await end)[0]).toBe(1001)
    server.closeIdleConnections()
    await vi.waitFor(async () => {
      const count = await new Promise<number>((resolve) => server.getConnections((_, open) => resolve(open)))
      expect(count).toBe(0)
    })
  })
})

describe('before the router', () => {
  async function startBefore(mount: (app: Hono) => Hono = (app) => app) {
    const realtime = createRealtime(api, { auth: ({ token }) => (token === undefined ? null : { id: token }) })
    const app = mount(new Hono().get('/hello', (c) => c.text('hello')))
    const server = serve({
      fetch: app.fetch,
      port: 0,
      hostname: '127.0.0.1',
      ...beforeRouter(realtime, { base: '/rt' }),
    }) as Server
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    closing.push(async () => {
      await realtime.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    return port
  }

  it('requests and upgrades below the base are answered, and nothing of them reaches the app', async () => {
    const seen: string[] = []
    const port = await startBefore((app) =>
      app.use(async (c, next) => {
        seen.push(c.req.path)
        await next()
      }),
    )
    const poll = await fetch(`http://127.0.0.1:${port}/rt/poll`, {
      method: 'POST',
      body: JSON.stringify(hello('ann', 0)),
    })
    expect(await poll.text()).toContain('"t":"welcome"')
    const ws = new WebSocket(`ws://127.0.0.1:${port}/rt`, 'triwire.v1')
    await once(ws, 'open')
    ws.send(JSON.stringify(hello()))
    const [data] = (await once(ws, 'message')) as [Buffer]
    expect(String(data)).toContain('"t":"welcome"')
    ws.close()
    await once(ws, 'close')
    expect(seen).toEqual([])
  })

  it("what lies beside the base is the app's", async () => {
    const port = await startBefore()
    expect(await (await fetch(`http://127.0.0.1:${port}/hello`)).text()).toBe('hello')
    expect((await fetch(`http://127.0.0.1:${port}/rtx`)).status).toBe(404)
  })

  it('upgrades beside the base, or without our subprotocol, are refused', async () => {
    const port = await startBefore()
    const statusOf = async (path: string, protocol: string): Promise<number | undefined> => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol)
      ws.on('error', () => {})
      const [, response] = (await once(ws, 'unexpected-response')) as [ClientRequest, IncomingMessage]
      response.resume()
      return response.statusCode
    }
    expect(await statusOf('/elsewhere', 'triwire.v1')).toBe(404)
    expect(await statusOf('/rt', 'another')).toBe(400)
  })

  it('a base that is no path is told so', () => {
    const realtime = createRealtime(api, { auth: () => null })
    expect(() => beforeRouter(realtime, { base: 'rt' })).toThrow('begins with a slash')
  })
})
