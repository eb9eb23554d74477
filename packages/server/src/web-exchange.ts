/** The exchange of hosts that speak `Request → Response`, with web streams. Node has a leaner one in `@triwire/hono`. */
import { TriwireError } from '@triwire/protocol'
import type { Chunk } from './chunk.ts'
import { withDeadline } from './deadline.ts'
import { fieldsOf, type HeaderFields } from './header-fields.ts'
import type { Exchange, Sink, SinkListener } from './sink.ts'

/** What a host says of a request. */
export interface WebExchangeOptions {
  /** Below the mount path, beginning with `/`. */
  readonly path: string
  readonly remoteAddress?: string | undefined
  /**
   * Whether an aborted signal says that the client is gone. Default true. A host that cancels the stream as well, and for
   * which looking at the signal has a price, says no.
   */
  readonly watchesSignal?: boolean
}

/** One request on its way to a response. */
export class WebExchange implements Exchange {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly search: string
  readonly headers: HeaderFields
  readonly remoteAddress: string | undefined
  /** The answer, as soon as it begins. */
  readonly response: Promise<Response>
  readonly #request: Request
  readonly #watchesSignal: boolean
  #answer: (response: Response) => void = () => {}

  constructor(request: Request, options: WebExchangeOptions) {
    const url = new URL(request.url)
    this.#request = request
    this.#watchesSignal = options.watchesSignal ?? true
    this.method = request.method
    this.path = options.path
    this.query = url.searchParams
    this.search = url.search
    this.headers = fieldsOf(request.headers)
    this.remoteAddress = options.remoteAddress
    this.response = new Promise((resolve) => {
      this.#answer = resolve
    })
  }

  async readText(maxBytes: number, timeoutMs: number): Promise<string> {
    const reader = this.#request.body?.getReader()
    if (reader === undefined) return ''
    const decode = utf8Decoder()
    let text = ''
    let bytes = 0
    const read = async (): Promise<string> => {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return text + decode()
        bytes += value.byteLength
        if (bytes > maxBytes) throw new TriwireError('body_too_large', `A body has at most ${maxBytes} bytes.`)
        text += decode(value)
      }
    }
    try {
      return await withDeadline(read, timeoutMs)
    } catch (error) {
      const isTooLong = bytes > maxBytes
      // What does not come is not waited for.
      if (isTooLong) await readOut(reader)
      else void readOut(reader)
      if (error instanceof TriwireError && error.code === 'deadline')
        throw new TriwireError('auth_timeout', 'The body did not arrive in time.')
      if (error instanceof TriwireError) throw error
      throw new TriwireError('bad_line', 'The body broke off.', { cause: error })
    }
  }

  respond(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    const answer = (): void => this.#answer(new Response(body, { status, headers }))
    const { bodyUsed, body: unread } = this.#request
    if (bodyUsed || unread === null) answer()
    else void readOut(unread.getReader()).then(answer)
  }

  open(status: number, headers: Readonly<Record<string, string>>, listener: SinkListener): Sink {
    const sink = new StreamSink(listener)
    this.#answer(new Response(sink.stream, { status, headers }))
    if (!headers['content-type']?.startsWith('text/event-stream')) sink.beginSoon()
    // Some hosts have no signal, some never abort it, and some abort it when a response has ended as it should.
    const signal = this.#watchesSignal ? (this.#request.signal as AbortSignal | undefined) : undefined
    if (signal?.aborted) queueMicrotask(() => sink.handleGone())
    else signal?.addEventListener('abort', () => sink.handleGone(), { once: true })
    return sink
  }
}

/** What is read, and for how long, of a body that nobody wants. */
const UNREAD_BYTES = 256 * 1024
const UNREAD_MS = 1000

/**
 * Reads on for a while, and gives up then. To be waited for before a refusal: some hosts cut a connection whose request was
 * answered and not read, and the answer with it.
 */
async function readOut(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const read = async (): Promise<void> => {
    for (let bytes = 0; bytes < UNREAD_BYTES; ) {
      const { done, value } = await reader.read()
      if (done) return
      bytes += value.byteLength
    }
  }
  await withDeadline(read, UNREAD_MS).catch(() => {})
  // Not awaited: a body that does not come may not be cancelled either.
  void reader.cancel().catch(() => {})
}

/**
 * A sink over a byte stream. That the client is gone shows in whichever way comes first: the request's signal, the stream
 * being cancelled, a write that fails. Later ones find nothing left to do.
 */
class StreamSink implements Sink {
  readonly stream: ReadableStream<Uint8Array>
  readonly #listener: SinkListener
  /** Undefined once either side has ended the stream. */
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #begin: ReturnType<typeof setTimeout> | undefined

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
      // Not the strategy of that name: edge-runtime has none.
      { highWaterMark: HIGH_WATER_MARK, size: (chunk) => chunk?.byteLength ?? 0 },
    )
  }

  /** Sends the head of a batch that has nothing to say yet, by an empty line: several hosts keep it for the first byte. */
  beginSoon(): void {
    this.#begin = setTimeout(() => this.#enqueue(HEAD), HEAD_WITHIN_MS)
  }

  write(chunk: Chunk): void {
    this.#enqueue(chunk.as(toBytes))
  }

  #enqueue(bytes: Uint8Array): void {
    clearTimeout(this.#begin)
    try {
      this.#controller?.enqueue(bytes)
    } catch {
      // A host may close or break the stream from its end without cancelling it.
      this.handleGone()
    }
  }

  buffered(): number {
    const room = this.#controller?.desiredSize ?? HIGH_WATER_MARK
    return HIGH_WATER_MARK - room
  }

  close(): void {
    this.#finish((controller) => controller.close())
  }

  terminate(): void {
    this.#finish((controller) => controller.error(new Error('The client takes nothing.')))
  }

  handleGone(): void {
    if (this.#controller === undefined) return
    clearTimeout(this.#begin)
    this.#controller = undefined
    this.#listener.handleClosed()
  }

  #finish(how: (controller: ReadableStreamDefaultController<Uint8Array>) => void): void {
    clearTimeout(this.#begin)
    const controller = this.#controller
    this.#controller = undefined
    try {
      if (controller !== undefined) how(controller)
    } catch {
      // It has been ended from the other side.
    }
  }
}

/** Decodes UTF-8 chunk by chunk; called without one, what is left. @throws TriwireError `bad_line` */
function utf8Decoder(): (chunk?: Uint8Array) => string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  return (chunk) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined })
    } catch {
      throw new TriwireError('bad_line', 'A body is UTF-8.')
    }
  }
}

const HIGH_WATER_MARK = 64 * 1024

const encoder = new TextEncoder()

function toBytes(text: string): Uint8Array {
  return encoder.encode(text)
}

const HEAD = toBytes('\n')

/** Milliseconds after which whoever waits for a held answer is shown that it has begun; most answers are there before. */
const HEAD_WITHIN_MS = 20
