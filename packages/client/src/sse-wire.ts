/**
 * Server-Sent Events read through `fetch`, so that the opening travels in a body and not in a URL. A changed set of
 * channels opens a new stream, and the old one is let go once the new one speaks: contiguity removes what both bring.
 */
import { SseParser } from '@triwire/protocol'
import { HttpError, post, wasAborted } from './post.ts'
import { createUpstream } from './upstream.ts'
import type { Wire, WireOptions } from './wire.ts'

/** Milliseconds until the head of the response must be there. */
const HEAD_TIMEOUT_MS = 20_000

/** Opens a stream. */
export function openSse(options: WireOptions): Wire {
  const { url, source, listener, fetch } = options
  const upstream = createUpstream(options)
  let current: AbortController | undefined
  let next: AbortController | undefined
  let closed = false

  const fail = (code: string, message: string, retryMs?: number): void => {
    if (closed) return
    close()
    listener.handleClosed(code, message, retryMs)
  }

  const attach = async (): Promise<void> => {
    const stream = new AbortController()
    next?.abort()
    next = stream
    try {
      const request = {
        fetch,
        url: `${url}/stream`,
        body: source.opening(),
        controller: stream,
        timeoutMs: HEAD_TIMEOUT_MS,
      }
      const body = await post(request, (response) => response.body)
      if (body === null) throw new HttpError('network', 'The response has no body.')
      await read(body, stream)
      if (!wasAborted(stream)) fail('network', 'The stream ended.')
    } catch (error) {
      if (wasAborted(stream)) return
      const { code, message, retryMs } = HttpError.from(error)
      fail(code, message, retryMs)
    }
  }

  const read = async (body: ReadableStream<Uint8Array>, stream: AbortController): Promise<void> => {
    const reader = body.getReader()
    const decoder = new TextDecoder()
    const parser = new SseParser()
    for (;;) {
      const { done, value } = await reader.read()
      if (done || stream.signal.aborted) return
      const lines = parser.handleChunk(decoder.decode(value, { stream: true })).map(({ data }) => data)
      if (lines.length === 0) continue
      if (next === stream) {
        current?.abort()
        current = stream
        next = undefined
      }
      listener.handleText(lines.join('\n'))
    }
  }

  const close = (): void => {
    closed = true
    upstream.close()
    current?.abort()
    next?.abort()
  }

  void attach()
  return { send: upstream.send, change: () => void attach(), close }
}
