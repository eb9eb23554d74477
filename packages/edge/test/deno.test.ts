/** Deno's side of the seam with a socket of the test's own: what the runtime does rarely must still be handled. */
import { createRealtime } from '@triwire/server'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { deno } from '../src/deno.ts'
import { api } from './api.ts'

const realtimes: { close(): Promise<void> }[] = []

afterEach(async () => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
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
  const texts: string[] = []
  const ws = {
    binaryType: 'blob',
    readyState: 1,
    bufferedAmount: 0,
    onopen: () => {},
    onmessage: (_event: { data: unknown }) => {},
    onclose: () => {},
    onerror: (_event: object) => {},
    send: vi.fn((text: string) => void texts.push(text)),
    close: vi.fn(),
  }
  const upgradeWebSocket = vi.fn(() => ({ socket: ws, response: new Response('upgraded') }))
  vi.stubGlobal('Deno', { upgradeWebSocket })
  const handle = deno(realtime, { base: '/rt' })
  const headers = { upgrade: 'websocket', 'sec-websocket-protocol': 'mqtt, triwire.v1' }
  const info = { remoteAddr: { transport: 'tcp', hostname: '10.0.0.1', port: 1 } }
  expect(await (await handle(new Request('http://host/rt', { headers }), info)).text()).toBe('upgraded')
  ws.onopen()
  ws.onmessage({ data: HELLO })
  await vi.waitFor(() => expect(texts.join('\n')).toContain('"t":"welcome"'))
  return { realtime, ws, texts, logged, upgradeWebSocket }
}

describe('a socket of Deno', () => {
  it('is offered with one subprotocol, and with pings of its own', async () => {
    const { upgradeWebSocket } = await connect()
    expect(upgradeWebSocket).toHaveBeenCalledWith(expect.any(Request), { protocol: 'triwire.v1', idleTimeout: 35 })
  })

  it('ends alone where it cannot be served: an exception would be the end of the process', async () => {
    const { realtime, ws, logged } = await connect()
    Object.defineProperty(ws, 'readyState', { get: () => fail() })
    ws.onmessage({ data: new ArrayBuffer(1) })
    expect(logged).toEqual(['a socket could not be served'])
    expect(ws.close).toHaveBeenCalledTimes(1)
    Object.defineProperty(ws, 'readyState', { value: 3 })
    ws.onclose()
    await realtime.close()
  })

  it('is closed when its goodbye has gone out and nothing comes in, for Deno would drop both', async () => {
    const { realtime, ws, texts } = await connect()
    vi.useFakeTimers()
    ws.bufferedAmount = 100_000
    const closing = realtime.close()
    expect(texts.join('\n')).toContain('"t":"bye"')
    vi.advanceTimersByTime(1000)
    expect(ws.close).not.toHaveBeenCalled()
    ws.onmessage({ data: '{"t":"ping","n":1}' })
    ws.bufferedAmount = 0
    vi.advanceTimersByTime(90)
    expect(ws.close).not.toHaveBeenCalled()
    vi.advanceTimersByTime(500)
    expect(ws.close).toHaveBeenCalledWith(1001, 'draining')
    vi.useRealTimers()
    await closing
  })

  it('is closed in the end where its peer takes nothing', async () => {
    const { realtime, ws } = await connect()
    vi.useFakeTimers()
    ws.bufferedAmount = 100_000
    const closing = realtime.close()
    vi.advanceTimersByTime(6000)
    expect(ws.close).toHaveBeenCalledTimes(1)
    vi.useRealTimers()
    await closing
  })

  it('is let read on when it has drained, although Deno does not say so', async () => {
    const { realtime, ws, texts } = await connect()
    ws.onmessage({ data: '{"t":"join","ch":"alerts","j":1}' })
    await vi.waitFor(() => expect(texts.join('\n')).toContain('"t":"joined"'))
    ws.bufferedAmount = 1_000_000
    await realtime.channels.alerts().emit('alert', { text: 'one' })
    await vi.waitFor(() => expect(texts.join('\n')).toContain('"one"'))
    await realtime.channels.alerts().emit('alert', { text: 'two' })
    expect(texts.join('\n')).not.toContain('"two"')
    ws.bufferedAmount = 0
    await vi.waitFor(() => expect(texts.join('\n')).toContain('"two"'))
  })
})

function fail(): never {
  throw new Error('a fault of ours')
}
