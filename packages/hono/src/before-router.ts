/**
 * Triwire's requests and upgrades, taken from Node's server before the router sees them. On the way through the router a
 * request, a context and a response are made for each, which costs about as much again as the connection itself.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Engine, type Servable, TriwireError } from '@triwire/server'
import { NodeExchange } from './node-exchange.ts'
import { NodeHead } from './node-head.ts'
import { acceptSocket, createSocketServer } from './node-socket.ts'

/** Where Triwire lives among the other things a server serves. */
export interface BeforeRouterOptions {
  /** The path, such as `/rt`; clients are given the same one. */
  readonly base: string
}

/** What `serve` is given. */
export interface BeforeRouterServing {
  readonly createServer: typeof createServer
}

/**
 * What `serve` of `@hono/node-server` needs to leave everything below `base` to Triwire:
 * `serve({ fetch: app.fetch, port: 3000, ...beforeRouter(realtime, { base: '/rt' }) })`. It takes the place of both
 * `triwire(realtime)` and `webSocket(realtime)`, costs less per connection and poll, and middleware sees nothing of it:
 * origins are still checked, and `auth` still says who may come.
 * @throws TriwireError `bad_base` where `base` is no path
 */
export function beforeRouter({ engine }: Servable, { base }: BeforeRouterOptions): BeforeRouterServing {
  const pathBelow = below(base)
  const create = (options: object, router: RequestListener): Server => {
    const server = createServer(options, (incoming, outgoing) => {
      const path = pathBelow(incoming.url ?? '/')
      if (path === undefined) router(incoming, outgoing)
      else void engine.handle(new NodeExchange(incoming, outgoing, path))
    })
    return takeUpgrades(server, engine, pathBelow)
  }
  return { createServer: create as typeof createServer }
}

type PathBelow = (url: string) => string | undefined

function takeUpgrades(server: Server, engine: Engine, pathBelow: PathBelow): Server {
  const sockets = createSocketServer(engine)
  return server.on('upgrade', (incoming: IncomingMessage, connection: Duplex, head: Buffer) => {
    const path = pathBelow(incoming.url ?? '/')
    const isOurs = path !== undefined && incoming.headers.upgrade?.toLowerCase() === 'websocket'
    if (!isOurs) {
      // Where nobody else listens, nobody else would answer.
      if (server.listenerCount('upgrade') === 1) refuse(connection, 404)
      return
    }
    const request = new NodeHead(incoming, path)
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

function below(base: string): PathBelow {
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
