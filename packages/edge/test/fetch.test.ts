/** Hosts that turn requests into responses: where the handler stands, and how long it lets a response run. */
import { createRealtime, type RealtimeOptions } from '@triwire/server'
import { afterEach, describe, expect, it } from 'vitest'
import { fetchHandler } from '../src/fetch.ts'
import { api } from './api.ts'

type Auth = (request: { token: string | undefined }) => unknown

const realtimes: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const realtime of realtimes.splice(0)) await realtime.close()
})

function create(options: Partial<RealtimeOptions<Auth>> = {}) {
  const realtime = createRealtime(api, { auth: ({ token }) => (token ? { id: token } : null), ...options })
  realtimes.push(realtime)
  return realtime
}

function ask(path: string, ...lines: object[]): Request {
  const hello = { t: 'hello', v: 1, s: 'A'.repeat(22), k: 'ann', wait: 0 }
  const body = [hello, ...lines].map((line) => JSON.stringify(line)).join('\n')
  return new Request(`http://host${path}`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body })
}

const upgrade = (path: string, protocol = 'triwire.v1'): Request =>
  new Request(`http://host${path}`, { headers: { upgrade: 'websocket', 'sec-websocket-protocol': protocol } })

describe('a handler of requests', () => {
  it.each([
    ['/', ''],
    ['/rt', '/rt'],
    ['/rt/', '/rt'],
    ['/api/v1/rt', '/api/v1/rt'],
  ])('answers below %s', async (base, at) => {
    const handle = fetchHandler(create(), { base })
    const response = await handle(ask(`${at}/send`, { t: 'ping', n: 7 }))
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('{"t":"pong","n":7}')
  })

  it('leaves what is beside its base to the app', async () => {
    const realtime = create()
    const handle = fetchHandler(realtime, { base: '/rt' })
    expect((await handle(ask('/rtx/send'))).status).toBe(404)
    const otherwise = (request: Request) => new Response(`page ${new URL(request.url).pathname}`)
    const both = fetchHandler(realtime, { base: '/rt', otherwise })
    expect(await (await both(new Request('http://host/about'))).text()).toBe('page /about')
    expect((await both(ask('/rt/send'))).status).toBe(200)
  })

  it.each(['rt', '', '/rt?x', '/rt#x'])('refuses the base "%s"', (base) => {
    expect(() => fetchHandler(create(), { base })).toThrow(expect.objectContaining({ code: 'bad_base' }))
  })

  it('answers an upgrade at once with a status, so that clients fall back', async () => {
    const handle = fetchHandler(create(), { base: '/rt' })
    expect((await handle(upgrade('/rt'))).status).toBe(501)
    expect((await handle(upgrade('/rt', 'mqtt'))).status).toBe(400)
    expect((await handle(upgrade('/rt/stream'))).status).toBe(404)
  })
})

describe('a platform that lets a response run for so long', () => {
  it.each([1000, 10_000, 60_000, 900_000])('of %i ms sees it end before', (maxDurationMs) => {
    const realtime = create()
    const before = realtime.engine.limits
    fetchHandler(realtime, { maxDurationMs })
    const { rotateMs, overlapMs, pollHoldMs, handlerMs } = realtime.engine.limits
    expect(rotateMs + overlapMs).toBeLessThan(maxDurationMs)
    expect(pollHoldMs).toBeLessThan(maxDurationMs)
    expect(handlerMs).toBeLessThan(maxDurationMs)
    expect(rotateMs).toBeLessThanOrEqual(before.rotateMs)
    expect(pollHoldMs).toBeLessThanOrEqual(before.pollHoldMs)
  })

  it('rotates its streams in time, with a moment to attach anew', async () => {
    const handle = fetchHandler(create(), { maxDurationMs: 1000 })
    const text = await (await handle(ask('/stream'))).text()
    expect(text).toContain('{"t":"bye","code":"rotate","retry":0,"in":200}')
  })

  it('ends a poll that has nothing to say in time', async () => {
    const handle = fetchHandler(create(), { maxDurationMs: 1000 })
    const hello = { t: 'hello', v: 1, s: 'A'.repeat(22), k: 'ann' }
    const request = new Request('http://host/poll', { method: 'POST', body: JSON.stringify(hello) })
    expect(await (await handle(request)).text()).toContain('"t":"welcome"')
  })

  it.each([0, -1, 999, Number.NaN])('cannot be of %d ms', (maxDurationMs) => {
    expect(() => fetchHandler(create(), { maxDurationMs })).toThrow(expect.objectContaining({ code: 'bad_limit' }))
  })

  it('cannot be told of when the server is in use', async () => {
    const realtime = create()
    await fetchHandler(realtime)(ask('/send'))
    expect(() => fetchHandler(realtime, { maxDurationMs: 5000 })).toThrow(
      expect.objectContaining({ code: 'too_late' }),
    )
  })
})
