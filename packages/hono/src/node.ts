/** Triwire as a Hono app on Node: the wires run over Node's own responses and the `ws` package. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { upgradeWebSocket, type WebSocketServerLike } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Engine, handleRequest, type Servable } from '@triwire/server'
import type { Context, Hono } from 'hono'
import type { WebSocket } from 'ws'
import { NodeExchange } from './node-exchange.ts'
import { NodeHead } from './node-head.ts'
import { acceptSocket, createSocketServer } from './node-socket.ts'
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

/**
 * What `serve` of `@hono/node-server` needs for WebSocket:
 * `serve({ fetch: app.fetch, port: 3000, ...webSocket(realtime) })`.
 */
export function webSocket(realtime: Servable): { readonly websocket: { readonly server: WebSocketServerLike } } {
  return { websocket: { server: createSocketServer(realtime.engine) as WebSocketServerLike } }
}

async function upgrade(engine: Engine, c: Context, incoming: IncomingMessage, path: string): Promise<Response> {
  const head = new NodeHead(incoming, path)
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
