/** Hono away from Node: no request or response of Node's in the environment, so web streams answer. */
import { createRealtime } from '@triwire/server'
import { Hono } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import { triwire } from '../src/index.ts'
import { api } from './api.ts'

const realtimes: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const realtime of realtimes.splice(0)) await realtime.close()
})

function start(base = '/rt') {
  const realtime = createRealtime(api, { auth: ({ token }) => (token === undefined ? null : { id: token }) })
  realtimes.push(realtime)
  return { realtime, app: new Hono().route(base, triwire(realtime)) }
}

const init = (...lines: object[]): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'text/plain' },
  body: [{ t: 'hello', v: 1, s: 'A'.repeat(22), k: 'ann', wait: 0 }, ...lines]
    .map((line) => JSON.stringify(line))
    .join('\n'),
})

describe('Triwire under Hono without Node', () => {
  it.each(['/rt', '/api/v1/rt', '/'])('streams under %s', async (base) => {
    const { app, realtime } = start(base)
    const at = base === '/' ? '' : base
    const response = await app.request(`${at}/stream`, init({ t: 'join', ch: 'alerts', j: 1 }))
    expect(response.status).toBe(200)
    expect(response.headers.get('x-accel-buffering')).toBe('no')
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    let read = ''
    const readUntil = async (what: string): Promise<void> => {
      while (!read.includes(what)) read += new TextDecoder().decode((await reader.read()).value)
    }
    await readUntil('"t":"joined"')
    await realtime.channels.alerts().emit('alert', { text: 'hi' })
    await readUntil('"t":"ev"')
    await reader.cancel()
    expect(read).toMatch(/^: {2000,}\n\n/)
  })

  it('answers polls and sends', async () => {
    const { app } = start()
    expect(await (await app.request('/rt/poll', init({ t: 'join', ch: 'alerts', j: 1 }))).text()).toContain(
      '"joined"',
    )
    expect(await (await app.request('/rt/send', init({ t: 'ping', n: 7 }))).text()).toContain('{"t":"pong","n":7}')
  })

  it('answers a WebSocket upgrade with an error instead of hanging', async () => {
    const { app } = start()
    const response = await app.request('/rt', { headers: { upgrade: 'websocket', connection: 'upgrade' } })
    expect(response.status).toBeGreaterThanOrEqual(400)
  })

  it('leaves what is beside it to the app', async () => {
    const { app } = start()
    app.get('/other', (c) => c.text('other'))
    expect(await (await app.request('/other')).text()).toBe('other')
    expect((await app.request('/rtx/stream', init())).status).toBe(404)
  })
})
