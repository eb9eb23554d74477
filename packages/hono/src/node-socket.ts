/**
 * A WebSocket of the `ws` package as a sink. The library reads, answers pings and closes; messages are written past it,
 * straight to the connection: it would make a frame for each receiver, in two pieces, of what is the same for all.
 */
import type { IncomingMessage } from 'node:http'
import type { Engine, RequestHead, Sink } from '@triwire/server'
import type { RawData, WebSocket } from 'ws'
import { encodeTextFrame } from './text-frame.ts'

/** Hands an upgraded connection to the engine. */
export function acceptSocket(engine: Engine, ws: WebSocket, incoming: IncomingMessage, head: RequestHead): void {
  // Nothing else of the request is held on to for as long as the connection lasts.
  const { socket: connection } = incoming
  const sink: Sink = {
    // Control frames of the library may come between any two of ours, and never into one.
    write: (chunk) => {
      if (ws.readyState === ws.OPEN) connection.write(chunk.as(encodeTextFrame))
    },
    buffered: () => connection.writableLength,
    close: (code, reason) => ws.close(code, reason),
    probe: () => {
      if (ws.readyState === ws.OPEN) ws.ping()
    },
    terminate: () => ws.terminate(),
  }
  const socket = engine.acceptSocket(sink, head)
  const handleDrain = (): void => socket.handleDrain()
  connection.on('drain', handleDrain)
  ws.on('message', (data: RawData, isBinary: boolean) => {
    socket.handleAlive()
    if (isBinary) socket.handleBinary()
    else void socket.handleText(textOf(data))
  })
  ws.on('pong', () => socket.handleAlive())
  // The library closes after a protocol error by itself, with the right code; `close` follows.
  ws.on('error', () => {})
  ws.on('close', () => {
    connection.off('drain', handleDrain)
    socket.handleClosed()
  })
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8')
  return (data instanceof ArrayBuffer ? Buffer.from(data) : data).toString('utf8')
}
