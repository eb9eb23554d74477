/** The exchange of hosts that speak `Request → Response`, with web streams. Node has a leaner one in `@triwire/hono`. */
import { TriwireError } from '@triwire/protocol'
import { withDeadline } from './deadline.ts'
import type { Exchange, Sink, SinkListener } from './sink.ts'

/** One request on its way to a response. */
export class WebExchange implements Exchange {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Headers
  readonly remoteAddress: string | undefined
  /** The answer, as soon as it begins. */
  readonly response: Promise<Response>
  readonly #request: Request
  #answer: (response: Response) => void = () => {}

  constructor(request: Request, options: { readonly path: string; readonly remoteAddress?: string | undefined }) {
    const url = new URL(request.url)
    this.#request = request
    this.method = request.method
    this.path = options.path
    this.query = url.searchParams
    this.headers = request.headers
    this.remoteAddress = options.remoteAddress
    this.response = new Promise((resolve) => {
      this.#answer = resolve
    })
  }

  async readText(maxBytes: number, timeoutMs: number): Promise<string> {
    const reader = this.#request.body?.getReader()
    if (reader === undefined) return ''
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    let text = ''
    let bytes = 0
    const read = async (): Promise<string> => {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return text + decoder.decode()
        bytes += value.byteLength
        if (bytes > maxBytes) throw new TriwireError('body_too_large', `A body has at most ${maxBytes} bytes.`)
        text += decoder.decode(value, { stream: true })
      }
    }
    try {
      return await withDeadline(read, timeoutMs)
    } catch (error) {
      await reader.cancel().catch(() => {})
      if (error instanceof TypeError) throw new TriwireError('bad_line', 'A body is UTF-8.')
      if (error instanceof TriwireError && error.code === 'deadline')
        throw new TriwireError('auth_timeout', 'The body did not arrive in time.')
      throw error
    }
  }

  respond(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    // Some hosts cut a connection whose request was answered and not read, and the answer with it.
    if (!this.#request.bodyUsed) void this.readText(UNREAD_BYTES, UNREAD_MS).catch(() => {})
    this.#answer(new Response(body, { status, headers }))
  }

  open(status: number, headers: Readonly<Record<string, string>>, listener: SinkListener): Sink {
    const sink = new StreamSink(listener)
    this.#answer(new Response(sink.stream, { status, headers }))
    const { signal } = this.#request
    if (signal.aborted) queueMicrotask(() => sink.handleGone())
    else signal.addEventListener('abort', () => sink.handleGone(), { once: true })
    return sink
  }
}

/** What is read, and for how long, of a body that nobody wants. */
const UNREAD_BYTES = 256 * 1024
const UNREAD_MS = 5000

/** A sink over a byte stream. */
class StreamSink implements Sink {
  readonly stream: ReadableStream<Uint8Array>
  readonly #listener: SinkListener
  readonly #encoder = new TextEncoder()
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(listener: SinkListener) {
    this.#listener = listener
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: () => listener.handleDrain(),
        cancel: () => this.handleGone(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: HIGH_WATER_MARK }),
    )
  }

  write(text: string): void {
    this.#controller?.enqueue(this.#encoder.encode(text))
  }

  buffered(): number {
    const room = this.#controller?.desiredSize ?? HIGH_WATER_MARK
    return HIGH_WATER_MARK - room
  }

  close(): void {
    const controller = this.#controller
    this.#controller = undefined
    controller?.close()
  }

  handleGone(): void {
    this.#controller = undefined
    this.#listener.handleClosed()
  }
}

const HIGH_WATER_MARK = 64 * 1024
