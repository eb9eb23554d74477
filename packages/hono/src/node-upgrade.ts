/**
 * Upgrades, taken from the HTTP server before the router sees them. On the way through the router a request, a context and
 * a response are made for each, which costs about half as much again as the connection itself.
 */
import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Engine, TriwireError } from '@triwire/server'
import type { WebSocketServer } from 'ws'
import { headOf } from './node-head.ts'
import { acceptSocket } from './node-socket.ts'

/**
 * Makes what takes every WebSocket below `base` from a server; those beside it are left to whoever else listens.
 * @throws TriwireError `bad_base` where `base` is no path
 */
export function upgradesBelow(base: string, engine: Engine, sockets: WebSocketServer): (server: Server) => Server {
  const pathBelow = below(base)
  return (server) =>
    server.on('upgrade', (incoming: IncomingMessage, connection: Duplex, head: Buffer) => {
      if (incoming.headers.upgrade?.toLowerCase() !== 'websocket') return
      const path = pathBelow(incoming.url ?? '/')
      if (path === undefined) return
      const request = headOf(incoming, path)
      const status = engine.upgradeStatus(request)
      if (status !== 101) refuse(connection, status)
      else
        sockets.handleUpgrade(incoming, connection, head, (ws) =>
          acceptSocket(engine, ws, connection as Socket, request),
        )
      // For whoever listens behind this, it is none any more.
      delete incoming.headers.upgrade
    })
}

function refuse(connection: Duplex, status: number): void {
  connection.on('error', () => {})
  connection.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function below(base: string): (url: string) => string | undefined {
  if (!/^\/[^?#]*$/.test(base))
    throw new TriwireError('bad_base', `\`base\` is a path that begins with a slash, as in "/rt", not "${base}".`)
  const prefix = base.replace(/\/+$/, '')
  return (url) => {
    const question = url.indexOf('?')
    const pathname = question === -1 ? url : url.slice(0, question)
    if (pathname === prefix) return '/'
    return pathname.startsWith(`${prefix}/`) ? pathname.slice(prefix.length) : undefined
  }
}
