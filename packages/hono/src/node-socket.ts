/** A WebSocket of the `ws` package as a sink. */
import type { IncomingMessage } from 'node:http'
import type { Engine, RequestHead, Sink } from '@triwire/server'
import type { RawData, WebSocket } from 'ws'

/** Hands an upgraded connection to the engine. */
export function acceptSocket(engine: Engine, ws: WebSocket, incoming: IncomingMessage, head: RequestHead): void {
  const sink: Sink = {
    write: (text) => {
      if (ws.readyState === ws.OPEN) ws.send(text)
    },
    buffered: () => ws.bufferedAmount,
    close: (code, reason) => ws.close(code, reason),
    probe: () => {
      if (ws.readyState === ws.OPEN) ws.ping()
    },
    terminate: () => ws.terminate(),
  }
  const socket = engine.acceptSocket(sink, head)
  // The library reports no drain of its own; it writes to this connection and to nothing else.
  const handleDrain = (): void => socket.handleDrain()
  incoming.socket.on('drain', handleDrain)
  ws.on('message', (data: RawData, isBinary: boolean) => {
    socket.handleAlive()
    if (isBinary) socket.handleBinary()
    else void socket.handleText(textOf(data))
  })
  ws.on('pong', () => socket.handleAlive())
  // The library closes after a protocol error by itself, with the right code; `close` follows.
  ws.on('error', () => {})
  ws.on('close', () => {
    incoming.socket.off('drain', handleDrain)
    socket.handleClosed()
  })
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8')
  return (data instanceof ArrayBuffer ? Buffer.from(data) : data).toString('utf8')
}
