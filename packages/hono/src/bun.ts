/** Triwire as a Hono app on Bun: `export default { port: 3000, fetch: app.fetch, ...webSocket(realtime) }`. */
import { type BunServer, type BunWebSocketHandler, bunWebSocket, handleBun } from '@triwire/edge/bun'
import { handleFetch } from '@triwire/edge/fetch'
import type { Servable } from '@triwire/server'
import type { Hono } from 'hono'
import { routes } from './routes.ts'

export type { Servable }

/**
 * The routes of a server, to be mounted wherever you like: `app.route('/rt', triwire(realtime))`.
 * For WebSocket, also spread `webSocket(realtime)` into what Bun serves.
 */
export function triwire({ engine }: Servable): Hono {
  return routes(async (c, path) => {
    // Bun gives `app.fetch` its server where other runtimes have their environment; some wrap it.
    const env = (c.env ?? {}) as { readonly server?: BunServer } & Partial<BunServer>
    const server = env.server ?? env
    if (!isServer(server)) return await handleFetch(engine, c.req.raw, { path })
    // Of a request that has become a socket Bun wants no answer, and Hono wants one.
    return (await handleBun(engine, c.req.raw, { path, server })) ?? new Response(null)
  })
}

/** What Bun needs for WebSocket: `export default { fetch: app.fetch, ...webSocket(realtime) }`. */
export function webSocket({ engine }: Servable): { readonly websocket: BunWebSocketHandler } {
  return { websocket: bunWebSocket(engine) }
}

function isServer(server: Partial<BunServer>): server is BunServer {
  return typeof server.upgrade === 'function'
}
