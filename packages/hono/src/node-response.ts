/**
 * Node's own response as a sink, in two ways. A stream lasts, so its body is simply what comes until the connection ends
 * (RFC 9112 §6.3), and goes past the response to the connection: a buffer that many get goes out as it is, without a
 * chunk's head and tail around it. The connection of a poll is used again, so its body has an end of its own; where that is
 * known with its first line, as mostly, head and body go out together, in one write.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Chunk, Sink, SinkListener } from '@triwire/server'

/**
 * Milliseconds after which whoever waits for a held answer is shown that it has begun: long before anything on the way takes
 * the server for dead, and so late that where something happens every now and then it is one write and not two.
 */
const HEAD_WITHIN_MS = 1000

type Headers = Readonly<Record<string, string>>

/** Begins the answer. */
export function openResponse(
  outgoing: ServerResponse,
  status: number,
  headers: Headers,
  listener: SinkListener,
): Sink {
  outgoing.on('error', ignore)
  outgoing.on('close', () => listener.handleClosed())
  if (outgoing.destroyed) queueMicrotask(() => listener.handleClosed())
  const lasts = headers['content-type']?.startsWith('text/event-stream') === true
  return lasts ? openStream(outgoing, status, headers, listener) : new Answer(outgoing, status, headers, listener)
}

function openStream(outgoing: ServerResponse, status: number, headers: Headers, listener: SinkListener): Sink {
  // It ends when its client or this server goes; kept alive, its connection would only hold up the closing.
  outgoing.shouldKeepAlive = false
  const connection = connectionOf(outgoing)
  if (connection !== undefined) outgoing.removeHeader('transfer-encoding')
  outgoing.writeHead(status, headers)
  outgoing.flushHeaders()
  const to = connection ?? outgoing
  to.on('drain', () => listener.handleDrain())
  return {
    write: (chunk) => {
      if (!outgoing.writableEnded && !to.destroyed) to.write(chunk.as(toBuffer))
    },
    buffered: () => to.writableLength,
    close: () => void outgoing.end(),
    terminate: () => void outgoing.destroy(),
  }
}

/** An answer with an end. */
class Answer implements Sink {
  readonly #outgoing: ServerResponse
  readonly #status: number
  readonly #headers: Headers
  readonly #listener: SinkListener
  readonly #head: ReturnType<typeof setTimeout>
  /** What was written first, until it is known whether it is all. */
  #first: Chunk | undefined

  constructor(outgoing: ServerResponse, status: number, headers: Headers, listener: SinkListener) {
    this.#outgoing = outgoing
    this.#status = status
    this.#headers = headers
    this.#listener = listener
    this.#head = setTimeout(() => this.#begin(), HEAD_WITHIN_MS)
    outgoing.on('close', () => clearTimeout(this.#head))
  }

  write(chunk: Chunk): void {
    if (this.#first === undefined && !this.#outgoing.headersSent) this.#first = chunk
    else {
      this.#begin()
      this.#write(chunk)
    }
  }

  buffered(): number {
    return this.#outgoing.writableLength + (this.#first?.text.length ?? 0)
  }

  close(): void {
    const outgoing = this.#outgoing
    clearTimeout(this.#head)
    if (outgoing.headersSent) outgoing.end()
    else {
      const body = this.#first?.text ?? ''
      outgoing.writeHead(this.#status, { ...this.#headers, 'content-length': Buffer.byteLength(body) })
      // As text, it is joined to the head.
      outgoing.end(body)
    }
  }

  terminate(): void {
    this.#outgoing.destroy()
  }

  /** Begins an answer whose length is not known. */
  #begin(): void {
    const outgoing = this.#outgoing
    if (outgoing.headersSent) return
    clearTimeout(this.#head)
    outgoing.writeHead(this.#status, this.#headers)
    outgoing.flushHeaders()
    outgoing.on('drain', () => this.#listener.handleDrain())
    if (this.#first !== undefined) this.#write(this.#first)
    this.#first = undefined
  }

  #write(chunk: Chunk): void {
    const outgoing = this.#outgoing
    if (!outgoing.writableEnded && !outgoing.destroyed) outgoing.write(chunk.as(toBuffer))
  }
}

function ignore(): void {}

/** The connection, where it is this response's alone: HTTP/1, and no answer to an earlier request before it. */
function connectionOf(outgoing: ServerResponse): Socket | undefined {
  const { req, socket } = outgoing
  return req.httpVersionMajor === 1 && socket !== null && !outgoing.headersSent ? socket : undefined
}

function toBuffer(text: string): Buffer {
  return Buffer.from(text)
}
