/** WebSocket: one pipe, both ways. */
import { TriwireError, WEBSOCKET_SUBPROTOCOL } from '@triwire/protocol'
import { takeBatch } from './batch.ts'
import type { WebSocketConstructor, Wire, WireOptions } from './wire.ts'

/** Opens a WebSocket. */
export function openWebSocket({ url, source, listener, webSocket }: WireOptions): Wire {
  const socket = new (webSocket as WebSocketConstructor)(url.replace(/^http/, 'ws'), WEBSOCKET_SUBPROTOCOL)
  let state: 'opening' | 'open' | 'closed' = 'opening'
  const write = (lines: string[]): void => {
    while (state === 'open' && lines.length > 0) socket.send(takeBatch(lines))
  }
  socket.onopen = () => {
    if (state === 'closed') return
    state = 'open'
    socket.send(source.opening())
    listener.handleReady()
  }
  socket.onmessage = ({ data }) => {
    if (state === 'open' && typeof data === 'string') listener.handleText(data)
  }
  socket.onerror = () => {}
  // Why, the server has said in a line before; a close without one is the network's doing.
  socket.onclose = ({ code }) => {
    if (state === 'closed') return
    state = 'closed'
    listener.handleClosed(new TriwireError('network', `WebSocket closed (${code}).`))
  }
  return {
    send: (lines) => write(lines.map(({ text }) => text)),
    change() {
      if (state === 'open') write(source.changes())
    },
    close(last = []) {
      write(last.map(({ text }) => text))
      state = 'closed'
      socket.close(1000)
    },
  }
}
