/** Bun's side of the seam with a socket of the test's own: what the runtime does rarely must still be handled. */
import { createRealtime } from '@triwire/server'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type BunServer, type BunSocket, type BunSocketData, bun } from '../src/bun.ts'
import { api } from './api.ts'

const realtimes: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const realtime of realtimes.splice(0)) await realtime.close()
})

const HELLO = JSON.stringify({ t: 'hello', v: 1, s: 'A'.repeat(22), k: 'ann' })

async function connect() {
  const logged: string[] = []
  const realtime = createRealtime(api, {
    auth: () => ({ id: 'ann' }),
    logger: { warn: () => {}, error: (_fields, message) => logged.push(message) },
  })
  realtimes.push(realtime)
  const { fetch, websocket } = bun(realtime)
  let data: BunSocketData | undefined
  const server: BunServer = {
    upgrade: (_request, options) => {
      data = options.data
      return true
    },
    requestIP: () => ({ address: '10.0.0.1' }),
    timeout: vi.fn(),
  }
  const upgrade = { upgrade: 'websocket', 'sec-websocket-protocol': 'triwire.v1' }
  expect(await fetch(new Request('http://host/', { headers: upgrade }), server)).toBeUndefined()
  const texts: string[] = []
  const ws = {
    data: data as BunSocketData,
    readyState: 1,
    send: vi.fn((text: string) => texts.push(text)),
    getBufferedAmount: vi.fn(() => 0),
    ping: vi.fn(() => 1),
    close: vi.fn(),
    terminate: vi.fn(),
  } satisfies BunSocket
  websocket.open(ws)
  websocket.message(ws, HELLO)
  await vi.waitFor(() => expect(texts.join('\n')).toContain('"t":"welcome"'))
  return { realtime, websocket, ws, texts, server, fetch, logged }
}

describe('a socket of Bun', () => {
  it('is dropped with the first message that is: with a hole it would be worth nothing', async () => {
    const { websocket, ws } = await connect()
    ws.send.mockReturnValue(0)
    websocket.message(ws, '{"t":"ping","n":1}')
    await vi.waitFor(() => expect(ws.terminate).toHaveBeenCalledTimes(1))
  })

  it('goes on where a message waits', async () => {
    const { websocket, ws } = await connect()
    ws.send.mockReturnValue(-1)
    websocket.message(ws, '{"t":"ping","n":1}')
    await vi.waitFor(() => expect(ws.send).toHaveBeenCalledTimes(2))
    expect(ws.terminate).not.toHaveBeenCalled()
  })

  it('is let read on when it has drained', async () => {
    const { realtime, websocket, ws, texts } = await connect()
    websocket.message(ws, '{"t":"join","ch":"alerts","j":1}')
    await vi.waitFor(() => expect(texts.join('\n')).toContain('"t":"joined"'))
    ws.getBufferedAmount.mockReturnValue(1_000_000)
    await realtime.channels.alerts().emit('alert', { text: 'one' })
    await vi.waitFor(() => expect(texts.join('\n')).toContain('"one"'))
    await realtime.channels.alerts().emit('alert', { text: 'two' })
    expect(texts.join('\n')).not.toContain('"two"')
    ws.getBufferedAmount.mockReturnValue(0)
    websocket.drain(ws)
    await vi.waitFor(() => expect(texts.join('\n')).toContain('"two"'))
  })

  it('ends alone where it cannot be served, and says so in the log', async () => {
    const { websocket, ws, logged } = await connect()
    const { socket } = ws.data
    if (socket !== undefined) socket.handleText = () => fail()
    websocket.message(ws, '{"t":"ping","n":1}')
    expect(ws.terminate).toHaveBeenCalledTimes(1)
    expect(logged).toEqual(['a socket could not be served'])
  })

  it('is written to in plain messages of bounded size, and its requests are never cut for being quiet', async () => {
    const { realtime, websocket, fetch, server } = await connect()
    expect(websocket).toMatchObject({ perMessageDeflate: false, maxPayloadLength: realtime.engine.limits.body })
    const request = new Request('http://host/send', { method: 'POST', body: HELLO })
    await fetch(request, server)
    expect(server.timeout).toHaveBeenCalledWith(request, 0)
  })
})

function fail(): never {
  throw new Error('a fault of ours')
}
