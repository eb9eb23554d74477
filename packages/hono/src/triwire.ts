/**
 * Triwire as a Hono app. On Node the wires run over Node's own responses and the `ws` package; on every other host
 * Hono runs on, requests are answered with web streams and clients fall back from WebSocket by themselves.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { upgradeWebSocket, type WebSocketServerLike } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Engine, handleRequest } from '@triwire/server'
import { type Context, Hono } from 'hono'
import { baseRoutePath } from 'hono/route'
import { type WebSocket, WebSocketServer } from 'ws'
import { NodeExchange } from './node-exchange.ts'
import { headOf } from './node-head.ts'
import { acceptSocket } from './node-socket.ts'

/** A server whose channels are all implemented; what `createRealtime` returns once every `.on()` is there. */
export interface Servable {
  readonly engine: Engine
  readonly missing: readonly never[]
}

/**
 * The routes of a server, to be mounted wherever you like: `app.route('/rt', triwire(realtime))`.
 * For WebSocket on Node, also spread `webSocket(realtime)` into `serve`.
 */
export function triwire(realtime: Servable): Hono {
  const { engine } = realtime
  return new Hono().all('/*', async (c) => {
    // Counted in segments, because a base may hold parameters: `/:tenant/rt`.
    const depth = baseRoutePath(c)
      .replace(/\/\*?$/, '')
      .split('/').length
    const path = `/${new URL(c.req.url).pathname.split('/').slice(depth).join('/')}`
    const { incoming, outgoing } = (c.env ?? {}) as { incoming?: IncomingMessage; outgoing?: ServerResponse }
    if (incoming !== undefined && c.req.header('upgrade')?.toLowerCase() === 'websocket') {
      return await upgrade(engine, c, incoming, path)
    }
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
  const server = new WebSocketServer({
    noServer: true,
    // Compression costs five times the CPU on small messages and opens the door to inflated ones.
    perMessageDeflate: false,
    maxPayload: realtime.engine.limits.body,
  })
  return { websocket: { server: server as WebSocketServerLike } }
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
    onOpen: (_event, context) => acceptSocket(engine, context.raw as unknown as WebSocket, incoming, head),
  })
}
