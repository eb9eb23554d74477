import { TriwireError } from '@triwire/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRequests } from '../src/requests.ts'
import { createFakeFetch, createSource } from './fake-fetch.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function start(timeoutMs = 1000) {
  const { fetch, requests } = createFakeFetch()
  const controller = new AbortController()
  const outcome: { value?: string; error?: TriwireError; goesOn?: boolean } = {}
  const http = createRequests({
    url: 'https://x.test/rt',
    source: createSource(),
    listener: {
      handleReady() {},
      handleText() {},
      handleClosed: (error) => void Object.assign(outcome, { error }),
    },
    fetch,
    webSocket: undefined,
  })
  const posted = http.post(
    '/send',
    'lines',
    timeoutMs,
    controller,
    async (response) => {
      outcome.value = await response.text()
    },
    () => false,
  )
  const [request] = requests
  if (request === undefined) throw new Error('no request was made')
  return { request, controller, outcome: posted.then((became) => ({ ...outcome, became })) }
}

describe('a POST', () => {
  it('needs no preflight: plain text without headers, credentials along, never stored', () => {
    const { init, body } = start().request
    expect(init.method).toBe('POST')
    expect(init.headers).toBeUndefined()
    expect(init.credentials).toBe('include')
    expect(init.cache).toBe('no-store')
    expect(body).toBe('lines')
  })

  it('hands out what `read` makes of the response and leaves no timer', async () => {
    const { request, outcome } = start()
    request.answer('an answer')
    expect(await outcome).toEqual({ value: 'an answer', became: 'answered' })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('turns the error line of a refusal into its code, message and patience', async () => {
    const { request, outcome } = start()
    const line = '{"t":"err","code":"too_many_connections","msg":"Close some.","retry":5000}'
    request.answer(new Response(line, { status: 429 }))
    expect(await outcome).toMatchObject({
      error: { code: 'too_many_connections', message: 'Close some.', retryMs: 5000 },
      became: 'over',
    })
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each([
    ['a page of a proxy', '<html>Bad gateway</html>'],
    ['nothing', ''],
    ['a line that is no error', '{"t":"hb"}'],
  ])('takes %s for a network failure', async (_what, body) => {
    const { request, outcome } = start()
    request.answer(new Response(body, { status: 502 }))
    expect(await outcome).toMatchObject({
      error: { code: 'network', message: 'The server answered 502.' },
    })
  })

  it('turns a broken network into an error with a code', async () => {
    const { request, outcome } = start()
    request.fail('fetch failed')
    const { error } = await outcome
    expect(error).toBeInstanceOf(TriwireError)
    expect(error).toMatchObject({ code: 'network', message: 'TypeError: fetch failed' })
  })

  it('gives up after its time, which is no abort of ours', async () => {
    const { outcome } = start(1000)
    await vi.advanceTimersByTimeAsync(1000)
    expect(await outcome).toMatchObject({
      error: { code: 'network', message: 'No answer in time.' },
      became: 'over',
    })
  })

  it('counts its time until the body has been read, not only until the head is there', async () => {
    const { request, outcome, controller } = start(1000)
    const body = new ReadableStream({
      start: (stream) => controller.signal.addEventListener('abort', () => stream.error(controller.signal.reason)),
    })
    request.answer(new Response(body))
    await vi.advanceTimersByTimeAsync(1000)
    expect(await outcome).toMatchObject({ error: { code: 'network' } })
  })

  it('tells an abort of ours from a time-out: the wire goes on, and no timer is left', async () => {
    const { outcome, controller } = start()
    controller.abort()
    expect(await outcome).toEqual({ became: 'ended' })
    expect(vi.getTimerCount()).toBe(0)
  })
})
