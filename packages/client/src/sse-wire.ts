/**
 * Server-Sent Events read through `fetch`, so that the opening travels in a body and not in a URL. A changed set of
 * channels opens a new stream, and the old one is let go once the new one speaks: contiguity removes what both bring.
 */
import { SseParser, TriwireError } from '@triwire/protocol'
import { createRequests, LOSSES } from './requests.ts'
import { connectionsAreScarce } from './slots.ts'
import type { Wire, WireOptions } from './wire.ts'

/** Milliseconds until the head of the response must be there. */
const HEAD_TIMEOUT_MS = 20_000

/** Opens a stream. */
export function openSse(options: WireOptions): Wire {
  const { source, listener } = options
  const { hold, post, send, close } = createRequests(options)
  let current: AbortController | undefined
  let next: AbortController | undefined

  const read = async (stream: AbortController, { body }: Response): Promise<void> => {
    const reader = (body as ReadableStream<Uint8Array>).getReader()
    const decoder = new TextDecoder()
    const parser = new SseParser()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) throw new TriwireError('network', 'The stream ended.')
      const lines = parser.handleChunk(decoder.decode(value, { stream: true }))
      if (stream.signal.aborted || lines.length === 0) continue
      if (next === stream) {
        current?.abort()
        current = stream
        next = undefined
      }
      listener.handleText(lines.map(({ data }) => data).join('\n'))
    }
  }

  const change = async (losses = 0): Promise<void> => {
    const stream = new AbortController()
    next?.abort()
    next = stream
    const outcome = await post(
      '/stream',
      source.opening(),
      HEAD_TIMEOUT_MS,
      stream,
      (response, arrived) => {
        arrived()
        return read(stream, response)
      },
      // While the old one speaks, there is time to ask again.
      () => current !== undefined && next === stream && losses < LOSSES,
    )
    if (outcome === 'lost' && next === stream) void change(losses + 1)
  }

  const start = async (): Promise<void> => {
    if (!connectionsAreScarce() || (await hold())) return await change()
    close()
    listener.handleClosed(new TriwireError('network', 'Other tabs hold the streams that this browser allows.'))
  }

  void start()
  // What changes before the first stream is opened is in its opening.
  return {
    send,
    change() {
      if (next ?? current) void change()
    },
    close,
  }
}
