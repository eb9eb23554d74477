// The whole server: the live part under /rt, the built page for everything else.
//
//   PORT  where it listens; default 3000, and 0 takes any free port
//   HOST  which address it listens on; default 127.0.0.1, so this machine only

import { fileURLToPath } from 'node:url'
import { serve } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { triwire, webSocket } from '@triwire/hono'
import { Hono } from 'hono'
import { realtime } from './realtime.ts'

const port = portFrom(process.env.PORT)
const hostname = process.env.HOST || '127.0.0.1'

const app = new Hono()
  .route('/rt', triwire(realtime))
  .get('/healthz', (c) => c.text('ok'))
  .use(serveStatic({ root: fileURLToPath(new URL('./page', import.meta.url)) }))

const server = serve({ fetch: app.fetch, port, hostname, ...webSocket(realtime) }, (address) => {
  console.log(`Triwire demo on http://localhost:${address.port}`)
})

server.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EADDRINUSE') fail(`Port ${port} is in use. Choose another one, for example PORT=${port + 1}.`)
  fail(`Cannot listen on ${hostname}:${port}: ${error.message}`)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop())

let stopping = false

/**
 * Says goodbye to every client, then closes. Asked twice, or after 3 s, it just goes. There is no other server that
 * clients could attach to meanwhile; behind a load balancer, `await realtime.drain()` would come first.
 */
async function stop(): Promise<void> {
  if (stopping) process.exit(0)
  stopping = true
  setTimeout(() => process.exit(0), 3000).unref()
  await realtime.close()
  server.close(() => process.exit(0))
  // Browsers keep connections ready that never carried a request; nothing is lost by not waiting for those.
  setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), 200)
}

function portFrom(value = '3000'): number {
  const number = Number(value)
  if (!/^\d+$/.test(value) || number > 65_535) fail(`PORT must be a number from 0 to 65535, and it is "${value}".`)
  return number
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
