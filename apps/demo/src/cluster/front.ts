// The balancer: every request and every upgrade goes to the next node that is up, whoever sends it. There are no sticky
// sessions, because nothing needs any.

import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { createProxyServer } from 'httpxy'
import { controlOf } from './control.ts'
import type { Fleet } from './fleet.ts'

/** A server to listen with. */
export function createFront(fleet: Fleet): Server {
  const proxy = createProxyServer()
  const control = getRequestListener(controlOf(fleet).fetch)
  const target = (): string | undefined => {
    const port = fleet.next()
    return port === undefined ? undefined : `http://127.0.0.1:${port}`
  }
  const server = createServer((request, response) => {
    if (/^\/nodes(?=[/?]|$)/.test(request.url ?? '')) return void control(request, response)
    const node = target()
    if (node === undefined) return refuse(response, 503)
    proxy.web(request, response, { target: node }).catch(() => refuse(response, 502))
  })
  server.on('upgrade', (request, socket: Socket, head) => {
    // Whoever goes away in the middle of it is no reason to end.
    socket.on('error', () => socket.destroy())
    const node = target()
    if (node === undefined) return void socket.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\n')
    proxy.ws(request, socket, { target: node }, head).catch(() => socket.destroy())
  })
  return server
}

/** Says that a node has failed, or ends what it had begun to say: clients then ask again, and another node answers. */
function refuse(response: ServerResponse, status: 502 | 503): void {
  if (response.headersSent) response.destroy()
  else response.writeHead(status).end()
}
