// Each fault does what it says: a proxy that breaks nothing would make every run look good.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Fault } from '../src/proxy/fault.ts'
import { type FaultProxy, startFaultProxy } from '../src/proxy/fault-proxy.ts'

/** Answers with the path it was asked for; `/stream` is two events, the second when told to; upgrades echo. */
let server: Server
let requests: string[]
let secondEvent: () => void
const open: (FaultProxy | Socket)[] = []

beforeEach(async () => {
  requests = []
  server = createServer((request, response) => {
    requests.push(request.url ?? '')
    if (request.url === '/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(': padding\n\ndata: one\n\n')
      secondEvent = () => response.write('data: two\n\n')
    } else response.end(request.url?.repeat(10))
  })
  server.on('upgrade', (_request, socket) => {
    requests.push('upgrade')
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n')
    socket.on('data', (chunk: Buffer) => socket.write(chunk))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(async () => {
  for (const thing of open.splice(0)) {
    if ('destroy' in thing) thing.destroy()
    else await thing.close()
  }
  server.closeAllConnections()
  server.close()
})

async function proxied(...faults: Fault[]): Promise<FaultProxy> {
  const proxy = await startFaultProxy({ targets: [(server.address() as AddressInfo).port], faults })
  open.push(proxy)
  return proxy
}

/** A client that writes raw bytes and keeps what it is told. */
class RawClient {
  readonly socket: Socket
  text = ''
  chunks = 0
  error: NodeJS.ErrnoException | undefined
  readonly closed: Promise<unknown>

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    open.push(this.socket)
    this.socket.on('error', (error) => {
      this.error = error
    })
    this.closed = new Promise((resolve) => this.socket.on('close', resolve))
    this.socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1')
      this.chunks++
    })
  }

  ask(path: string, headers = ''): this {
    this.socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`)
    return this
  }

  upgrade(): this {
    return this.ask('/', 'upgrade: websocket\r\nconnection: upgrade\r\n')
  }

  /** Resolves when what it was told contains this. */
  async until(part: string): Promise<void> {
    while (!this.text.includes(part)) await once(this.socket, 'data')
  }
}

/** Resolves when a request beside it, over the same proxy, was answered: time enough for what should not come. */
async function aRoundTripLater(proxy: FaultProxy): Promise<void> {
  const beside = new RawClient(proxy.port).ask('/beside')
  await beside.until('/beside/beside')
}

describe('the fault proxy', () => {
  test('passes requests and upgrades as they are where nothing is wrong', async () => {
    const proxy = await proxied()
    const client = new RawClient(proxy.port).ask('/one')
    await client.until('/one'.repeat(10))
    client.ask('/two')
    await client.until('/two'.repeat(10))
    const upgraded = new RawClient(proxy.port).upgrade()
    await upgraded.until('101')
    upgraded.socket.write('GET /echo HTTP/1.1\r\n\r\n')
    await upgraded.until('/echo')
    expect(proxy.seen.map(({ kind }) => kind)).toEqual(['other', 'other', 'websocket'])
  })

  test('takes its targets in turn, and passes over one that is down', async () => {
    const second = createServer((_request, response) => response.end('second')).listen(0, '127.0.0.1')
    await once(second, 'listening')
    const ports = [server, second].map((one) => (one.address() as AddressInfo).port)
    const proxy = await startFaultProxy({ targets: ports })
    open.push(proxy)
    await new RawClient(proxy.port).ask('/a').until('/a')
    await new RawClient(proxy.port).ask('/b').until('second')
    second.close()
    second.closeAllConnections()
    await once(second, 'close')
    await new RawClient(proxy.port).ask('/c').until('/c')
    await new RawClient(proxy.port).ask('/d').until('/d')
    expect(requests).toEqual(['/a', '/c', '/d'])
  })

  test('cuts every connection with a reset, again and again', async () => {
    const proxy = await proxied({ kind: 'cut', everyMs: 20 })
    for (let round = 0; round < 3; round++) {
      const client = new RawClient(proxy.port)
      await client.closed
      expect(client.error?.code).toBe('ECONNRESET')
    }
    expect(proxy.struck()).toBeGreaterThanOrEqual(3)
  })

  test('half-open: what was open carries nothing and is told nothing, what is new works', async () => {
    const proxy = await proxied()
    const client = new RawClient(proxy.port).upgrade()
    await client.until('101')
    expect(proxy.silence()).toBe(1)
    client.socket.write('lost')
    await aRoundTripLater(proxy)
    expect(client.text).not.toContain('lost')
    expect(client.socket.destroyed).toBe(false)
  })

  test('refuses upgrades with a status, and nothing else', async () => {
    const proxy = await proxied({ kind: 'refuse', of: 'websocket', status: 403 })
    const client = new RawClient(proxy.port).upgrade()
    await client.closed
    expect(client.text).toMatch(/^HTTP\/1\.1 403 /)
    await aRoundTripLater(proxy)
    expect(requests).toEqual(['/beside'])
  })

  test('swallows upgrades: the server never hears of them', async () => {
    const proxy = await proxied({ kind: 'swallow', of: 'websocket' })
    const client = new RawClient(proxy.port).upgrade()
    await aRoundTripLater(proxy)
    expect(requests).toEqual(['/beside'])
    expect(client.text).toBe('')
    expect(client.socket.destroyed).toBe(false)
  })

  test('lets 101 pass, then nothing', async () => {
    const proxy = await proxied({ kind: 'silence-after-head', of: 'websocket' })
    const client = new RawClient(proxy.port).upgrade()
    await client.until('\r\n\r\n')
    client.socket.write('lost')
    await aRoundTripLater(proxy)
    expect(client.text).toMatch(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n$/)
    expect(client.socket.destroyed).toBe(false)
  })

  test('kills WebSockets a while after 101', async () => {
    const proxy = await proxied({ kind: 'kill-after-head', of: 'websocket', afterMs: 50 })
    const client = new RawClient(proxy.port).upgrade()
    await client.until('101')
    client.socket.write('hello')
    await client.until('hello')
    await client.closed
    expect(client.error?.code).toBe('ECONNRESET')
  })

  test('holds the answers of streams, while other answers pass', async () => {
    const proxy = await proxied({ kind: 'hold-answer', of: 'stream' })
    const client = new RawClient(proxy.port).ask('/stream')
    await aRoundTripLater(proxy)
    expect(requests).toContain('/stream')
    expect(client.text).toBe('')
  })

  test('holds the first event until there is a second', async () => {
    const proxy = await proxied({ kind: 'hold-first-event' })
    const client = new RawClient(proxy.port).ask('/stream')
    await client.until('\r\n\r\n')
    await aRoundTripLater(proxy)
    expect(client.text).not.toContain('data: one')
    secondEvent()
    await client.until('data: two')
    expect(client.text.indexOf('data: one')).toBeLessThan(client.text.indexOf('data: two'))
  })

  test('drops every second answer behind the back of the server', async () => {
    const proxy = await proxied({ kind: 'drop-answers', every: 2 })
    await new RawClient(proxy.port).ask('/first').until('/first')
    const client = new RawClient(proxy.port).ask('/second')
    await client.closed
    await new RawClient(proxy.port).ask('/third').until('/third')
    expect(requests).toEqual(['/first', '/second', '/third'])
    expect(client.text).toBe('')
  })

  test('slices what it passes into small pieces', async () => {
    const proxy = await proxied({ kind: 'slice' })
    const client = new RawClient(proxy.port).ask('/slice-me')
    await client.until('/slice-me'.repeat(10))
    expect(client.chunks).toBeGreaterThan(3)
  })

  test('throttles: more bytes take longer than they may', async () => {
    const proxy = await proxied({ kind: 'throttle', bytesPerSecond: 2000 })
    const before = performance.now()
    const client = new RawClient(proxy.port).ask(`/${'x'.repeat(40)}`)
    await client.until(`/${'x'.repeat(40)}`.repeat(10))
    // Over 80 bytes up and 500 down, at 2,000 a second.
    expect(performance.now() - before).toBeGreaterThan(200)
  })

  test('a round trip is half each way, and a new connection costs one more', async () => {
    const port = (server.address() as AddressInfo).port
    const proxy = await startFaultProxy({ targets: [port], rttMs: 60 })
    open.push(proxy)
    const before = performance.now()
    const client = new RawClient(proxy.port).ask('/one')
    await client.until('/one')
    const first = performance.now() - before
    client.ask('/two')
    await client.until('/two')
    const second = performance.now() - before - first
    expect(first).toBeGreaterThanOrEqual(119)
    expect(second).toBeGreaterThanOrEqual(59)
  })

  test('reading is no faster than its client, so that a stalled one holds up the server', async () => {
    const upstream = createServer((_request, response) => {
      const write = (): void => {
        while (response.write(Buffer.alloc(64 * 1024)));
      }
      response.on('drain', () => {
        written++
        write()
      })
      write()
    }).listen(0, '127.0.0.1')
    let written = 0
    await once(upstream, 'listening')
    const proxy = await startFaultProxy({ targets: [(upstream.address() as AddressInfo).port] })
    open.push(proxy)
    const client = new RawClient(proxy.port).ask('/')
    await once(client.socket, 'data')
    client.socket.pause()
    let before = -1
    while (before !== written) {
      before = written
      for (let round = 0; round < 20; round++) await aTurn(proxy)
    }
    client.socket.resume()
    await once(client.socket, 'data')
    while (written === before) await once(client.socket, 'data')
    upstream.closeAllConnections()
    upstream.close()
  })

  test('unreachable: nobody gets through', async () => {
    const proxy = await proxied({ kind: 'unreachable' })
    const client = new RawClient(proxy.port).ask('/one')
    await client.closed
    expect(requests).toEqual([])
  })

  test('heals: what comes after it meets no fault', async () => {
    const proxy = await proxied({ kind: 'refuse', of: 'websocket', status: 403 }, { kind: 'cut', everyMs: 10 })
    proxy.setFaults([])
    const struck = proxy.struck()
    const client = new RawClient(proxy.port).upgrade()
    await client.until('101')
    expect(proxy.struck()).toBe(struck)
  })
})

/** One connection accepted and answered: the event loop has been round more than once. */
async function aTurn(proxy: FaultProxy): Promise<void> {
  const beside = connect(proxy.port, '127.0.0.1')
  await once(beside, 'connect')
  beside.destroy()
  await once(beside, 'close')
}
