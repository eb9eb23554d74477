/** WebSocket: one pipe, both ways. */
import { WEBSOCKET_SUBPROTOCOL } from '@triwire/protocol'
import { takeBatch } from './upstream.ts'
import type { Wire, WireOptions } from './wire.ts'

/** Opens a WebSocket. */
export function openWebSocket({ url, source, listener, webSocket }: WireOptions): Wire {
  if (webSocket === undefined) throw new TypeError('This host has no WebSocket.')
  const socket = new webSocket(url.replace(/^http/, 'ws'), WEBSOCKET_SUBPROTOCOL)
  let open = false
  let closed = false
  socket.onopen = () => {
    if (closed) return
    open = true
    socket.send(source.opening())
    listener.handleReady()
  }
  socket.onmessage = ({ data }) => {
    if (!closed && typeof data === 'string') listener.handleText(data)
  }
  socket.onerror = () => {}
  // Why, the server has said in a line before; a close without one is the network's doing.
  socket.onclose = ({ code }) => {
    if (closed) return
    closed = true
    listener.handleClosed('network', `WebSocket closed (${code}).`)
  }
  return {
    send(lines) {
      let texts = lines.map(({ text }) => text)
      while (open && !closed && texts.length > 0) {
        const batch = takeBatch(texts)
        socket.send(batch.join('\n'))
        texts = texts.slice(batch.length)
      }
    },
    change() {
      const lines = open && !closed ? source.changes() : []
      if (lines.length > 0) socket.send(lines.join('\n'))
    },
    close() {
      closed = true
      socket.onopen = socket.onmessage = socket.onclose = null
      socket.close(1000)
    },
  }
}
