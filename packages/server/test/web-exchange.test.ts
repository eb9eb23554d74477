/** Requests as web streams: what hosts do to them from their end, and what the engine is told of it. */

import { describe, expect, it, vi } from 'vitest'
import { Chunk } from '../src/chunk.ts'
import { WebExchange } from '../src/web-exchange.ts'

const EVENTS = { 'content-type': 'text/event-stream' }
const BATCH = { 'content-type': 'text/plain' }

function open(headers: Readonly<Record<string, string>> = EVENTS, signal?: AbortSignal) {
  const request = new Request('http://host/rt/stream', signal === undefined ? {} : { signal })
  const exchange = new WebExchange(request, { path: '/stream' })
  const listener = { handleDrain: vi.fn(), handleClosed: vi.fn(), handleAlive: vi.fn() }
  const sink = exchange.open(200, headers, listener)
  return { exchange, listener, sink }
}

const post = (body: ReadableStream<Uint8Array>): WebExchange => {
  const init = { method: 'POST', body, duplex: 'half' } as RequestInit
  return new WebExchange(new Request('http://host/rt/send', init), { path: '/send' })
}

const streamOf = (start: (controller: ReadableStreamDefaultController<Uint8Array>) => void) =>
  new ReadableStream<Uint8Array>({ start })

describe('a response as a web stream', () => {
  it('carries what is written and ends with it', async () => {
    const { exchange, sink, listener } = open()
    sink.write(new Chunk('one '))
    sink.write(new Chunk('two'))
    sink.close(1000, '')
    expect(await (await exchange.response).text()).toBe('one two')
    expect(listener.handleClosed).not.toHaveBeenCalled()
  })

  it('tells once that its client is gone, whatever says so, in whatever order', async () => {
    const abort = new AbortController()
    const { exchange, sink, listener } = open(EVENTS, abort.signal)
    const { body } = await exchange.response
    await body?.cancel()
    abort.abort()
    sink.write(new Chunk('late'))
    sink.close(1000, '')
    sink.terminate?.()
    expect(listener.handleClosed).toHaveBeenCalledTimes(1)
  })

  it('says nothing when the signal is aborted after an end as it should be', async () => {
    const abort = new AbortController()
    const { exchange, sink, listener } = open(EVENTS, abort.signal)
    sink.close(1000, '')
    await (await exchange.response).text()
    abort.abort()
    expect(listener.handleClosed).not.toHaveBeenCalled()
  })

  it('tells of a client that was gone before the response began', async () => {
    const { listener } = open(EVENTS, AbortSignal.abort())
    await vi.waitFor(() => expect(listener.handleClosed).toHaveBeenCalledTimes(1))
  })

  it('takes a failing write for the end of its client', async () => {
    const { sink, listener } = open()
    const enqueue = vi.spyOn(ReadableStreamDefaultController.prototype, 'enqueue').mockImplementation(() => {
      throw new TypeError('the stream is not in a state that permits enqueue')
    })
    try {
      sink.write(new Chunk('one'))
      sink.write(new Chunk('two'))
    } finally {
      enqueue.mockRestore()
    }
    expect(listener.handleClosed).toHaveBeenCalledTimes(1)
  })

  it('needs no signal', async () => {
    const request = new Proxy(new Request('http://host/rt/stream'), {
      get: (target, name) => (name === 'signal' ? undefined : Reflect.get(target, name, target)),
    })
    const exchange = new WebExchange(request, { path: '/stream' })
    const sink = exchange.open(200, EVENTS, { handleDrain() {}, handleClosed() {}, handleAlive() {} })
    sink.write(new Chunk('fine'))
    sink.close(1000, '')
    expect(await (await exchange.response).text()).toBe('fine')
  })

  it('knows what waits in bytes, and tells when it has been taken', async () => {
    const { exchange, sink, listener } = open()
    listener.handleDrain.mockClear()
    const bytes = new TextEncoder().encode('é'.repeat(50_000)).byteLength
    sink.write(new Chunk('é'.repeat(50_000)))
    expect(sink.buffered()).toBe(bytes)
    const reader = (await exchange.response).body?.getReader()
    await reader?.read()
    await vi.waitFor(() => expect(listener.handleDrain).toHaveBeenCalled())
    expect(sink.buffered()).toBe(0)
  })

  it('breaks off where the peer takes nothing', async () => {
    const { exchange, sink } = open()
    sink.terminate?.()
    await expect((await exchange.response).text()).rejects.toThrow('The client takes nothing.')
  })

  it('begins a batch that has nothing to say yet with an empty line, which hosts send the head with', async () => {
    const { exchange, sink } = open(BATCH)
    const reader = (await exchange.response).body?.getReader()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('\n')
    sink.write(new Chunk('{"t":"pong","n":1}'))
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('{"t":"pong","n":1}')
  })

  it('begins a batch that speaks at once with what it says', async () => {
    vi.useFakeTimers()
    try {
      const { exchange, sink } = open(BATCH)
      sink.write(new Chunk('first'))
      vi.advanceTimersByTime(1000)
      sink.close(1000, '')
      expect(await (await exchange.response).text()).toBe('first')
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('a body as a web stream', () => {
  it('that breaks off is the fault of its sender', async () => {
    const body = streamOf((controller) => controller.error(new Error('connection reset')))
    await expect(post(body).readText(1000, 1000)).rejects.toMatchObject({ code: 'bad_line' })
  })

  it('that is no UTF-8 is refused', async () => {
    const body = streamOf((controller) => {
      controller.enqueue(Uint8Array.of(0xc3, 0x28))
      controller.close()
    })
    await expect(post(body).readText(1000, 1000)).rejects.toMatchObject({ code: 'bad_line' })
  })

  it('that ends in the middle of a character is refused', async () => {
    const body = streamOf((controller) => {
      controller.enqueue(Uint8Array.of(0xc3))
      controller.close()
    })
    await expect(post(body).readText(1000, 1000)).rejects.toMatchObject({ code: 'bad_line' })
  })

  it('that never ends is given up, also where it cannot be cancelled', async () => {
    const body = new ReadableStream<Uint8Array>({ cancel: () => new Promise(() => {}) })
    await expect(post(body).readText(1000, 20)).rejects.toMatchObject({ code: 'auth_timeout' })
  })

  it('over the limit is refused, also when the rest does not come', async () => {
    const body = streamOf((controller) => controller.enqueue(new Uint8Array(1001)))
    await expect(post(body).readText(1000, 1000)).rejects.toMatchObject({ code: 'body_too_large' })
  })

  it('that was refused is read on for a while, because hosts cut a connection that is not', async () => {
    let pulled = 0
    const body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          if (++pulled === 4) controller.close()
          else controller.enqueue(new Uint8Array(1000))
        },
      },
      { highWaterMark: 0 },
    )
    await expect(post(body).readText(500, 1000)).rejects.toMatchObject({ code: 'body_too_large' })
    await vi.waitFor(() => expect(pulled).toBe(4))
  })
})
