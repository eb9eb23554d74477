/**
 * Triwire as a Hono app in a Worker. Only Durable Objects can hold connections, so the app also exports their class:
 * `export const { RealtimeHub } = cloudflare(realtime)`, from `@triwire/edge/cloudflare`.
 */
import { handleCloudflare } from '@triwire/edge/cloudflare'
import type { Servable } from '@triwire/server'
import type { Hono } from 'hono'
import { routes } from './routes.ts'

export { webSocket } from './web.ts'
export type { Servable }

/** The routes of a server, to be mounted wherever you like: `app.route('/rt', triwire(realtime))`. */
export function triwire({ engine }: Servable): Hono {
  return routes((c, path) => handleCloudflare(engine, c.req.raw, { path }))
}
