/** Proxies that do not let WebSocket through, as functions for `Relay.admit`. They work whatever drives the browser. */
import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'

/** Whether a connection begins with the request for a WebSocket. */
export function isUpgrade(head: string): boolean {
  return /^upgrade: websocket\r$/im.test(head)
}

/** Says that it is not allowed. */
export function refuse(_head: string, near: Socket): false {
  near.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
  return false
}

/** Says that it is open (RFC 6455 §4.2.2), and nothing else for ever. */
export function openAndStaySilent(head: string, near: Socket): false {
  const key = /^sec-websocket-key: (\S+)\r$/im.exec(head)?.[1]
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  near.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n` +
      'sec-websocket-protocol: triwire.v1\r\n\r\n',
  )
  return false
}
