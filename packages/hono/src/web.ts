/**
 * Triwire as a Hono app on runtimes without a WebSocket of ours: web streams answer, and clients fall back from WebSocket
 * by themselves.
 */
import { handleFetch } from '@triwire/edge/fetch'
import type { Servable } from '@triwire/server'
import type { Hono } from 'hono'
import { routes } from './routes.ts'

export type { Servable }

/** The routes of a server, to be mounted wherever you like: `app.route('/rt', triwire(realtime))`. */
export function triwire({ engine }: Servable): Hono {
  return routes((c, path) => handleFetch(engine, c.req.raw, { path }))
}

/** Nothing is needed here. It is there so that one file can be loaded on every runtime. */
export function webSocket(_realtime: Servable): Readonly<Record<never, never>> {
  return {}
}
