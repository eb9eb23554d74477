import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openSse } from '../src/sse-wire.ts'
import { createFakeFetch, createFakeStream, createRecorder, createSource, settle } from './fake-fetch.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

function start() {
  const { fetch, requests } = createFakeFetch()
  const { told, listener } = createRecorder()
  const wire = openSse({
    url: 'https://x.test/rt',
    source: createSource(),
    listener,
    fetch,
    webSocket: undefined,
  })
  /** Answers the request of this number with a stream. */
  const stream = (index: number) => {
    const request = requests[index]
    if (request === undefined) throw new Error(`There is no request ${index}.`)
    const opened = createFakeStream(request.init.signal as AbortSignal)
    request.answer(opened.response)
    return opened
  }
  const aborted = (index: number): boolean | undefined => requests[index]?.init.signal?.aborted
  return { wire, requests, told, stream, aborted }
}

describe('the SSE wire', () => {
  it('opens with hello and joins in the body, not in the URL', () => {
    const { requests } = start()
    expect(requests).toHaveLength(1)
    expect(requests[0]).toMatchObject({ url: 'https://x.test/rt/stream', body: 'opening 1' })
  })

  it('hands out the lines of one chunk as one batch, whatever their event type, and ignores padding', async () => {
    const { told, stream } = start()
    const { write } = stream(0)
    write(`:${' '.repeat(2000)}\n\nevent: welcome\ndata: {"t":"welcome"}\n\ndata: {"t":"ev"}\n\n`)
    await settle()
    expect(told).toEqual(['text {"t":"welcome"}\n{"t":"ev"}'])
  })

  it('puts together what arrives in pieces, in the middle of a character too', async () => {
    const { requests, told } = start()
    const bytes = new TextEncoder().encode('data: {"d":"€"}\n\n')
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
      },
    })
    requests[0]?.answer(new Response(body))
    await settle()
    expect(told[0]).toBe('text {"d":"€"}')
  })

  it('is over when the stream ends', async () => {
    const { told, stream } = start()
    const { write, end } = stream(0)
    write('data: a\n\n')
    end()
    await settle()
    expect(told).toEqual(['text a', 'closed network'])
  })

  it('is over when the head of the response does not come', async () => {
    const { told, aborted } = start()
    await vi.advanceTimersByTimeAsync(20_000)
    await settle()
    expect(told).toEqual(['closed network'])
    expect(aborted(0)).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('may stay silent for long once the head is there: silence is judged elsewhere', async () => {
    const { told, stream } = start()
    stream(0)
    await settle()
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(told).toEqual([])
  })

  it('passes on the code and the patience of a refusal', async () => {
    const { requests, told } = start()
    const line = '{"t":"err","code":"too_many_connections","msg":"No.","retry":5000}'
    requests[0]?.answer(new Response(line, { status: 429 }))
    await settle()
    expect(told).toEqual(['closed too_many_connections 5000'])
  })

  it('is over when one event never ends', async () => {
    const { told, stream, aborted } = start()
    const { write } = stream(0)
    write(`data: ${'x'.repeat(3 * 1024 * 1024)}`)
    await settle()
    expect(told).toEqual(['closed network'])
    expect(aborted(0)).toBe(true)
  })

  it('says nothing more once it is closed, and leaves nothing pending', async () => {
    const { wire, told, stream, aborted } = start()
    stream(0).write('data: a\n\n')
    await settle()
    wire.send([{ text: 'pub', lane: 'ordered' }])
    wire.change()
    wire.close()
    await settle()
    expect(told).toEqual(['text a'])
    expect([aborted(0), aborted(1), aborted(2)]).toEqual([true, true, true])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('may be closed before it has been answered', async () => {
    const { wire, told, aborted } = start()
    wire.close()
    await settle()
    expect(aborted(0)).toBe(true)
    expect(told).toEqual([])
  })
})

describe('a changed set of channels over SSE', () => {
  it('opens a new stream and lets the old one go once the new one speaks', async () => {
    const { wire, requests, told, stream, aborted } = start()
    const before = stream(0)
    before.write('data: old 1\n\n')
    await settle()
    wire.change()
    expect(requests[1]?.body).toBe('opening 2')
    const after = stream(1)
    await settle()
    before.write('data: old 2\n\n')
    await settle()
    expect(aborted(0)).toBe(false)
    after.write('data: new 1\n\n')
    await settle()
    expect(aborted(0)).toBe(true)
    after.write('data: new 2\n\n')
    await settle()
    expect(told).toEqual(['text old 1', 'text old 2', 'text new 1', 'text new 2'])
  })

  it('keeps the old stream while the new one sends padding only', async () => {
    const { wire, stream, aborted } = start()
    stream(0).write('data: old\n\n')
    await settle()
    wire.change()
    const after = stream(1)
    after.write(':                    \n\n')
    await settle()
    expect(aborted(0)).toBe(false)
  })

  it('gives up a new stream for a newer one, and never the one that speaks', async () => {
    const { wire, requests, stream, aborted, told } = start()
    stream(0).write('data: old\n\n')
    await settle()
    wire.change()
    wire.change()
    await settle()
    expect(requests).toHaveLength(3)
    expect([aborted(0), aborted(1), aborted(2)]).toEqual([false, true, false])
    stream(2).write('data: new\n\n')
    await settle()
    expect([aborted(0), aborted(2)]).toEqual([true, false])
    expect(told).toEqual(['text old', 'text new'])
  })

  it.each([
    ['is lost', undefined, 250],
    ['reaches a server that goes away', '{"t":"err","code":"draining","msg":"Bye.","retry":1000}', 1000],
  ])(
    'is asked for again when the request %s, twice, and the old stream speaks meanwhile',
    async (_what, line, waitMs) => {
      const { wire, requests, told, stream } = start()
      const old = stream(0)
      old.write('data: old 1\n\n')
      await settle()
      wire.change()
      for (const index of [1, 2, 3]) {
        old.write(`data: old ${index + 1}\n\n`)
        await settle()
        if (line === undefined) requests[index]?.fail()
        else requests[index]?.answer(new Response(line, { status: 503 }))
        await settle()
        await vi.advanceTimersByTimeAsync(waitMs * index)
        await settle()
      }
      expect(requests.map(({ body }) => body)).toEqual(['opening 1', 'opening 2', 'opening 3', 'opening 4'])
      const end = line === undefined ? 'closed network' : 'closed draining 1000'
      expect(told).toEqual(['text old 1', 'text old 2', 'text old 3', 'text old 4', end])
    },
  )

  it('is not asked for again when another change came meanwhile, or the wire was closed', async () => {
    const { wire, requests, stream } = start()
    stream(0).write('data: old\n\n')
    await settle()
    wire.change()
    requests[1]?.fail()
    await settle()
    wire.change()
    await vi.advanceTimersByTimeAsync(1000)
    expect(requests).toHaveLength(3)
    requests[2]?.fail()
    await settle()
    wire.close()
    await vi.advanceTimersByTimeAsync(1000)
    expect(requests).toHaveLength(3)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends the wire when the new stream is refused', async () => {
    const { wire, requests, told, stream, aborted } = start()
    stream(0).write('data: old\n\n')
    await settle()
    wire.change()
    requests[1]?.answer(new Response('{"t":"err","code":"unauthorized","msg":"No."}', { status: 401 }))
    await settle()
    expect(told).toEqual(['text old', 'closed unauthorized'])
    expect(aborted(0)).toBe(true)
  })
})
