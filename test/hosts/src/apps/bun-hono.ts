/** A child on Bun with Hono. */
import { serveApps } from './app.ts'
import { Bun } from './globals.ts'
import { makeHono } from './hono.ts'

const served = await serveApps(
  Bun.argv.at(-1),
  async (app, port) => Bun.serve({ hostname: '127.0.0.1', port, ...makeHono(app) }).port,
)
console.log(served)
