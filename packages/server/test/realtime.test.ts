import { describe, expect, it } from 'vitest'
import { createRealtime, handleRequest, memory, type RealtimeOptions } from '../src/index.ts'
import { api } from './api.ts'
import { hello } from './hub-stage.ts'

const auth = ({ token }: { token: string | undefined }) => (token === undefined ? null : { id: token })

function create(options: object = {}) {
  return createRealtime(api, { auth, ...options } as RealtimeOptions<typeof auth>)
}

describe('createRealtime', () => {
  it.each([
    ['without auth', { auth: undefined }, 'bad_auth', /auth: \(\) => \(\{ id: "anonymous" \}\)/],
    [
      'with an origin that is none',
      { origins: ['app.example.com'] },
      'bad_origin',
      /Write scheme and host exactly/,
    ],
    ['with a star for an origin', { origins: ['*'] }, 'bad_origin', /Write scheme and host exactly/],
    ['with a limit of zero', { limits: { rate: 0 } }, 'bad_limit', /number above 0/],
    ['with a limit there is not', { limits: { rates: 1 } }, 'bad_limit', /no limit "rates"/],
  ])('%s throws at once and says what to do', (_what, options, code, sentence) => {
    expect(() => create(options)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(sentence) }) as Error,
    )
  })

  it('refuses an implementation of a channel there is not, or a second one', () => {
    const realtime = create()
    expect(() => realtime.on('nowhere' as 'lobby', {})).toThrow(
      expect.objectContaining({ code: 'unknown_channel' }) as Error,
    )
    realtime.on('lobby', {})
    expect(() => realtime.on('lobby', {})).toThrow(/Put all of a channel into one call/)
  })

  it('refuses to ask about the readers of a public channel', () => {
    const authorize = (): boolean => true
    expect(() => create().on('scores', { authorize } as never)).toThrow(/Take `authorize` away, or `public`/)
    expect(() => create().on('lobby', { authorize })).not.toThrow()
  })

  it('hands out channels to server code, and refuses parameters that are none', async () => {
    const { channels } = create()
    expect(channels.lobby({ room: 'a b' }).address).toBe('lobby?room=a%20b')
    expect(() => channels.lobby({} as { room: string })).toThrow(/room/)
    expect(() => channels.lobby({ room: '' })).toThrow(expect.objectContaining({ code: 'bad_channel' }) as Error)
    await channels.alerts().emit('alert', { text: 'deployed' })
    await channels.chat({ roomId: 1 }).signal('typing', { on: true })
    expect(await channels.chat({ roomId: 1 }).members()).toEqual([])
  })

  it('reads the end of a log, oldest first', async () => {
    const alerts = create().channels.alerts()
    expect((await alerts.last(2)).events).toEqual([])
    for (const text of ['one', 'two', 'three']) await alerts.emit('alert', { text })
    const { events, cursor } = await alerts.last(2)
    expect(events).toEqual(['two', 'three'].map((text) => ({ event: 'alert', data: { text } })))
    expect(cursor).toMatch(/:3:/)
    await expect(alerts.last(0)).rejects.toMatchObject({ code: 'bad_count' })
    await expect(alerts.last(1.5)).rejects.toMatchObject({ code: 'bad_count' })
  })

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '5s' as unknown as number])(
    'drains over a time, which %s is not',
    async (spreadMs) => {
      const realtime = create()
      expect(() => realtime.drain({ spreadMs })).toThrow(expect.objectContaining({ code: 'bad_limit' }) as Error)
      await realtime.close()
    },
  )

  it('lives somewhere else while it is lent, and goes back to what it was', async () => {
    const realtime = create()
    const alerts = realtime.channels.alerts()
    const texts = async () => (await alerts.last(10)).events.map(({ data }) => data.text)
    await alerts.emit('alert', { text: 'at home' })
    const giveBack = realtime.engine.lend({ broker: memory() })
    expect(await texts()).toEqual([])
    await alerts.emit('alert', { text: 'abroad' })
    expect(await texts()).toEqual(['abroad'])
    await giveBack()
    expect(await texts()).toEqual(['at home'])
  })

  it('may be closed while it is lent, and is open again at home', async () => {
    const realtime = create()
    const giveBack = realtime.engine.lend({ broker: memory() })
    await realtime.close()
    await expect(realtime.channels.alerts().emit('alert', { text: 'x' })).rejects.toMatchObject({
      code: 'unavailable',
    })
    await giveBack()
    await realtime.channels.alerts().emit('alert', { text: 'x' })
    await realtime.close()
  })

  it('drains at once where nobody is there, and lets nobody in afterwards', async () => {
    const realtime = create()
    await realtime.drain()
    const response = await post(realtime, '/stream')
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    await realtime.close()
  })

  it('may be closed twice, and then says so to whoever comes', async () => {
    const realtime = create()
    await realtime.close()
    await realtime.close()
    await expect(realtime.channels.alerts().emit('alert', { text: 'x' })).rejects.toMatchObject({
      code: 'unavailable',
    })
    const response = await post(realtime, '/poll')
    expect(response.status).toBe(503)
  })
})

describe('requests on hosts with web streams', () => {
  it('stream events, and count no longer once the reader has gone', async () => {
    const realtime = create({ limits: { connectionsPerUser: 1 } })
    for (let count = 0; count < 3; count++) {
      const response = await post(realtime, '/stream', [{ t: 'join', ch: 'alerts', j: 1 }])
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
      const reader = (response.body as ReadableStream<Uint8Array>).getReader()
      expect(await readUntil(reader, '"t":"joined"')).toMatch(/^: {2000,}/)
      await realtime.channels.alerts().emit('alert', { text: `${count}` })
      expect(await readUntil(reader, '"t":"ev"')).toContain(`{"text":"${count}"}`)
      await reader.cancel()
    }
    await realtime.close()
  })

  it('that were given up before they were answered leave nothing behind', async () => {
    const realtime = create({ limits: { connectionsPerUser: 1 } })
    const given = new AbortController()
    const request = new Request('https://x.test/rt/stream', {
      method: 'POST',
      body: JSON.stringify(hello('ann')),
      headers: { 'content-type': 'text/plain' },
      signal: given.signal,
    })
    given.abort()
    await handleRequest(realtime.engine, request, { path: '/stream' }).catch(() => {})
    expect((await post(realtime, '/stream')).status).toBe(200)
    await realtime.close()
  })

  it.each([
    ['GET', '/stream', 405, 'POST'],
    ['POST', '/sse', 405, 'GET'],
    ['PUT', '/send', 405, 'POST'],
    ['DELETE', '/', 405, 'GET'],
  ])('%s %s is answered with %i and what is allowed', async (method, path, status, allow) => {
    const realtime = create()
    const request = new Request(`https://x.test${path}`, { method })
    const response = await handleRequest(realtime.engine, request, { path })
    expect([response.status, response.headers.get('allow')]).toEqual([status, allow])
    await realtime.close()
  })

  it.each(['/nothing', '/stream/', '/__proto__', '/constructor', '/../stream', '/log', '//'])(
    '%s is not found',
    async (path) => {
      const realtime = create()
      const response = await handleRequest(realtime.engine, new Request('https://x.test/'), { path })
      expect(response.status).toBe(404)
      expect(response.headers.get('cache-control')).toBe('no-store, no-transform')
      await realtime.close()
    },
  )

  it.each(['token', 'access_token', 'auth', 'jwt'])('with a %s in the URL are refused', async (name) => {
    const realtime = create()
    const url = `https://x.test/sse?channel=alerts&${name}=secret`
    const response = await handleRequest(realtime.engine, new Request(url), { path: '/sse' })
    const text = await response.text()
    expect([response.status, text.includes('token_in_url'), text.includes('secret')]).toEqual([400, true, false])
    await realtime.close()
  })

  it.each([
    [{ 'content-encoding': 'gzip' }, 415],
    [{ 'content-type': 'application/x-www-form-urlencoded' }, 415],
    [{ 'content-type': 'multipart/form-data; boundary=x' }, 415],
    [{ origin: 'https://evil.example', cookie: 'session=1' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
  ])('with the headers %j are answered with %i, without a word for other origins', async (headers, status) => {
    const realtime = create()
    for (const path of ['/stream', '/poll', '/send']) {
      const response = await post(realtime, path, [], headers as Record<string, string>)
      expect(response.status).toBe(status)
      expect(response.headers.get('access-control-allow-origin')).toBeNull()
    }
    await realtime.close()
  })

  it('whose body is too large or no UTF-8 are refused before anybody is asked who it is', async () => {
    let asked = 0
    const realtime = createRealtime(api, { auth: () => ({ id: `${asked++}` }), limits: { body: 1000 } })
    const send = (body: string | Uint8Array<ArrayBuffer>): Promise<Response> =>
      handleRequest(
        realtime.engine,
        new Request('https://x.test/send', { method: 'POST', body, headers: { 'content-type': 'text/plain' } }),
        { path: '/send' },
      )
    expect((await send('x'.repeat(1001))).status).toBe(413)
    expect((await send(Uint8Array.of(0xff, 0xfe))).status).toBe(400)
    expect(asked).toBe(0)
    await realtime.close()
  })
})

function post(
  realtime: ReturnType<typeof create>,
  path: string,
  lines: readonly object[] = [],
  headers: Record<string, string> = {},
): Promise<Response> {
  const request = new Request(`https://x.test${path}`, {
    method: 'POST',
    body: [hello('ann'), ...lines].map((line) => JSON.stringify(line)).join('\n'),
    headers: { 'content-type': 'text/plain', ...headers },
  })
  return handleRequest(realtime.engine, request, { path })
}

async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, what: string): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  while (!text.includes(what)) {
    const { done, value } = await reader.read()
    if (done) throw new Error(`The stream ended without ${what}.`)
    text += decoder.decode(value, { stream: true })
  }
  return text
}
