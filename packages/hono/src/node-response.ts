/**
 * Node's own response as a sink, in two ways. A stream lasts, so its body is simply what comes until the connection ends
 * (RFC 9112 §6.3), and goes past the response to the connection: a buffer that many get goes out as it is, without a
 * chunk's head and tail around it. The connection of a poll is used again, so its body has an end of its own; head and
 * body go out together where the answer is there at once.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Sink, SinkListener } from '@triwire/server'

/** Milliseconds after which whoever waits for a held answer is shown that it has begun; most answers are there before. */
const HEAD_WITHIN_MS = 20

type Headers = Readonly<Record<string, string>>

/** Begins the answer. */
export function openResponse(
  outgoing: ServerResponse,
  status: number,
  headers: Headers,
  listener: SinkListener,
): Sink {
  outgoing.on('error', () => listener.handleClosed())
  outgoing.on('close', () => listener.handleClosed())
  if (outgoing.destroyed) queueMicrotask(() => listener.handleClosed())
  const lasts = headers['content-type']?.startsWith('text/event-stream') === true
  return lasts ? openStream(outgoing, status, headers, listener) : openAnswer(outgoing, status, headers, listener)
}

function openStream(outgoing: ServerResponse, status: number, headers: Headers, listener: SinkListener): Sink {
  // It ends when its client or this server goes; kept alive, its connection would only hold up the closing.
  outgoing.shouldKeepAlive = false
  const connection = connectionOf(outgoing)
  if (connection !== undefined) outgoing.removeHeader('transfer-encoding')
  outgoing.writeHead(status, headers)
  outgoing.flushHeaders()
  if (connection === undefined) return sinkOf(outgoing, listener)
  const handleDrain = (): void => listener.handleDrain()
  connection.on('drain', handleDrain)
  return {
    write: (chunk) => {
      if (!outgoing.writableEnded && !connection.destroyed) connection.write(chunk.as(toBuffer))
    },
    buffered: () => connection.writableLength,
    close: () => void outgoing.end(),
    terminate: () => void outgoing.destroy(),
  }
}

function openAnswer(outgoing: ServerResponse, status: number, headers: Headers, listener: SinkListener): Sink {
  outgoing.writeHead(status, headers)
  const head = setTimeout(() => outgoing.flushHeaders(), HEAD_WITHIN_MS)
  outgoing.on('close', () => clearTimeout(head))
  return sinkOf(outgoing, listener, () => clearTimeout(head))
}

function sinkOf(outgoing: ServerResponse, listener: SinkListener, onBegun?: () => void): Sink {
  outgoing.on('drain', () => listener.handleDrain())
  return {
    write: (chunk) => {
      onBegun?.()
      if (!outgoing.writableEnded && !outgoing.destroyed) outgoing.write(chunk.as(toBuffer))
    },
    buffered: () => outgoing.writableLength,
    close: () => {
      onBegun?.()
      outgoing.end()
    },
    terminate: () => void outgoing.destroy(),
  }
}

/** The connection, where it is this response's alone: HTTP/1, and no answer to an earlier request before it. */
function connectionOf(outgoing: ServerResponse): Socket | undefined {
  const { req, socket } = outgoing
  return req.httpVersionMajor === 1 && socket !== null && !outgoing.headersSent ? socket : undefined
}

function toBuffer(text: string): Buffer {
  return Buffer.from(text)
}
