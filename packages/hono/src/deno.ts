/** Triwire as a Hono app on Deno: `Deno.serve(app.fetch)`, with all three wires. */
import { type DenoInfo, handleDeno } from '@triwire/edge/deno'
import type { Servable } from '@triwire/server'
import type { Hono } from 'hono'
import { routes } from './routes.ts'

export { webSocket } from './web.ts'
export type { Servable }

/** The routes of a server, to be mounted wherever you like: `app.route('/rt', triwire(realtime))`. */
export function triwire({ engine }: Servable): Hono {
  // Deno gives `app.fetch` what it knows of the request where other runtimes have their environment.
  return routes((c, path) => handleDeno(engine, c.req.raw, { path, info: c.env as DenoInfo | undefined }))
}
