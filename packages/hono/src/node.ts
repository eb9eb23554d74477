/** Triwire as a Hono app on Node: the wires run over Node's own responses and the `ws` package. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { upgradeWebSocket, type WebSocketServerLike } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Engine, handleRequest, type Servable } from '@triwire/server'
import type { Context, Hono } from 'hono'
import { type WebSocket, WebSocketServer } from 'ws'
import { NodeExchange } from './node-exchange.ts'
import { headOf } from './node-head.ts'
import { acceptSocket } from './node-socket.ts'
import { upgradesBelow } from './node-upgrade.ts'
import { routes } from './routes.ts'

/**
 * The routes of a server, to be mounted wherever you like: `app.route('/rt', triwire(realtime))`.
 * For WebSocket on Node, also spread `webSocket(realtime)` into `serve`.
 */
export function triwire({ engine }: Servable): Hono {
  return routes(async (c, path) => {
    const { incoming, outgoing } = (c.env ?? {}) as { incoming?: IncomingMessage; outgoing?: ServerResponse }
    if (incoming !== undefined && c.req.header('upgrade')?.toLowerCase() === 'websocket') {
      return await upgrade(engine, c, incoming, path)
    }
    // Hono's own test client, for one, has no connection behind it.
    if (incoming === undefined || outgoing === undefined) return await handleRequest(engine, c.req.raw, { path })
    const exchange = new NodeExchange(incoming, outgoing, path)
    void engine.handle(exchange)
    await exchange.answered
    return RESPONSE_ALREADY_SENT
  })
}

/** How WebSockets are taken. */
export interface WebSocketOptions {
  /**
   * The path Triwire is mounted at, such as `/rt`. With it, WebSockets are taken before the router, which makes a connection
   * cheaper; middleware does not see them then. It still checks the origin, and `auth` still says who may come. Default:
   * they go through the router, wherever Triwire is mounted.
   */
  readonly base?: string
}

/** What `serve` is given. */
export interface WebSocketServing {
  readonly websocket: { readonly server: WebSocketServerLike }
  readonly createServer?: typeof createServer
}

/**
 * What `serve` of `@hono/node-server` needs for WebSocket:
 * `serve({ fetch: app.fetch, port: 3000, ...webSocket(realtime) })`.
 * @throws TriwireError `bad_base` where `base` is no path
 */
export function webSocket(realtime: Servable, { base }: WebSocketOptions = {}): WebSocketServing {
  const { engine } = realtime
  const sockets = new WebSocketServer({
    noServer: true,
    // Compression costs five times the CPU on small messages and opens the door to inflated ones.
    perMessageDeflate: false,
    maxPayload: engine.limits.body,
  })
  const websocket = { server: sockets as WebSocketServerLike }
  if (base === undefined) return { websocket }
  const take = upgradesBelow(base, engine, sockets)
  const createTakingServer = (...args: Parameters<typeof createServer>): Server => take(createServer(...args))
  return { websocket, createServer: createTakingServer as typeof createServer }
}

async function upgrade(engine: Engine, c: Context, incoming: IncomingMessage, path: string): Promise<Response> {
  const head = headOf(incoming, path)
  const status = engine.upgradeStatus(head)
  if (status !== 101) return new Response(null, { status })
  if (!('wss' in (c.env as object))) {
    engine.logger.error({}, 'a WebSocket upgrade was refused: spread webSocket(realtime) into serve()')
    return new Response(null, { status: 501 })
  }
  return await upgradeWebSocket(c, {
    onOpen: (_event, context) => {
      const ws = context.raw as unknown as WebSocket
      // What listens behind this call would hold request and context for as long as the connection lasts, and does nothing.
      queueMicrotask(() => {
        ws.removeAllListeners()
        acceptSocket(engine, ws, incoming.socket, head)
      })
    },
  })
}
