/** WebSocket: one pipe, both ways. */
import { WEBSOCKET_SUBPROTOCOL } from '@triwire/protocol'
import type { Wire, WireOptions } from './wire.ts'

/** Close codes below 4000 that a network, not a server, produces: they say nothing about the session. */
const CODE_OF_CLOSE: Readonly<Record<number, string>> = {
  1001: 'draining',
  1009: 'line_too_large',
  1013: 'unavailable',
}

/** Opens a WebSocket. */
export function openWebSocket({ url, source, listener, webSocket }: WireOptions): Wire {
  if (webSocket === undefined) throw new TypeError('This host has no WebSocket.')
  const socket = new webSocket(url.replace(/^http/, 'ws'), WEBSOCKET_SUBPROTOCOL)
  let open = false
  let closed = false
  const finish = (code: string, message: string): void => {
    if (closed) return
    closed = true
    listener.handleClosed(code, message)
  }
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
  // Closing with a code of our own, the server names it in the reason.
  socket.onclose = ({ code, reason }) =>
    finish(code >= 4000 ? reason : (CODE_OF_CLOSE[code] ?? 'network'), `WebSocket closed (${code}).`)
  return {
    send(lines) {
      if (open && !closed && lines.length > 0) socket.send(lines.map(({ text }) => text).join('\n'))
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
