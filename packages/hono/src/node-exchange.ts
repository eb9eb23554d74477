/**
 * An HTTP exchange over Node's own request and response. Web Streams cost several times as much here, in time and in
 * memory per idle connection, so nothing of them is used.
 */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Exchange, type Sink, type SinkListener, TriwireError } from '@triwire/server'
import { NodeHead } from './node-head.ts'
import { openResponse } from './node-response.ts'

/** One request. */
export class NodeExchange extends NodeHead implements Exchange {
  /** Settles when the answer has begun: from then on the response is Triwire's. */
  readonly answered: Promise<void>
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  #answer: () => void = () => {}

  constructor(incoming: IncomingMessage, outgoing: ServerResponse, path: string) {
    super(incoming, path)
    this.#incoming = incoming
    this.#outgoing = outgoing
    this.answered = new Promise((resolve) => {
      this.#answer = resolve
    })
  }

  readText(maxBytes: number, timeoutMs: number): Promise<string> {
    const incoming = this.#incoming
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let bytes = 0
      // A poll may be held for long, and holds nothing of its body.
      const settle = (finish: () => void): void => {
        clearTimeout(timer)
        incoming.off('data', handleData).off('end', handleEnd).off('error', handleBroken).off('close', handleBroken)
        finish()
      }
      const fail = (error: TriwireError): void => settle(() => reject(error))
      const handleData = (chunk: Buffer): void => {
        bytes += chunk.byteLength
        if (bytes <= maxBytes) chunks.push(chunk)
        else fail(new TriwireError('body_too_large', `A body has at most ${maxBytes} bytes. Send it in parts.`))
      }
      const handleEnd = (): void => {
        const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
        if (isUtf8(body)) settle(() => resolve(body.toString()))
        else fail(new TriwireError('bad_line', 'A body is UTF-8.'))
      }
      const handleBroken = (): void => fail(new TriwireError('bad_line', 'The body broke off.'))
      const timer = setTimeout(
        () => fail(new TriwireError('auth_timeout', 'The body did not arrive in time.')),
        timeoutMs,
      )
      incoming.on('data', handleData).on('end', handleEnd).on('error', handleBroken).on('close', handleBroken)
    })
  }

  respond(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    const outgoing = this.#outgoing
    if (!outgoing.headersSent) {
      // What is left of a body that was refused is not read; the connection cannot be used again.
      const { complete, headers: sent } = this.#incoming
      const hasBody = sent['content-length'] !== undefined || sent['transfer-encoding'] !== undefined
      const close = complete || !hasBody ? {} : { connection: 'close' }
      outgoing.writeHead(status, { ...headers, ...close, 'content-length': Buffer.byteLength(body) })
      outgoing.end(body)
    }
    this.#answer()
  }

  open(status: number, headers: Readonly<Record<string, string>>, listener: SinkListener): Sink {
    const sink = openResponse(this.#outgoing, status, headers, listener)
    this.#answer()
    return sink
  }
}
