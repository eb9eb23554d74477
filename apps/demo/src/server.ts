// The whole server: the live part under /rt, the built page for everything else.
//
//   PORT  where it listens; default 3000, and 0 takes any free port
//   HOST  which address it listens on; default 127.0.0.1, so this machine only

import { fileURLToPath } from 'node:url'
import { serve } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { triwire, webSocket } from '@triwire/hono'
import { Hono } from 'hono'
import { asNode } from './cluster/node.ts'
import { addressFrom, fail } from './listen.ts'
import { createDemoRealtime } from './realtime.ts'

const { port, hostname, problem } = addressFrom(process.env)

// Alone, or one of several: the difference is the broker, and that somebody else tells people where to go.
const node = await asNode()
const realtime = createDemoRealtime(node && { broker: node.broker, onSeat: node.seat })

const app = new Hono()
  .route('/rt', triwire(realtime))
  .get('/healthz', (c) => c.text('ok'))
  // Where there are several nodes, what stands in front of them answers this.
  .get('/nodes', (c) => c.json([]))
  .use(serveStatic({ root: fileURLToPath(new URL('./page', import.meta.url)) }))

const server = serve({ fetch: app.fetch, port, hostname, ...webSocket(realtime) }, (address) => {
  if (node) node.listening(address.port)
  else console.log(`Triwire demo on http://localhost:${address.port}`)
})

server.on('error', (error) => fail(problem(error)))

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop())

// Clients attach to the other nodes before they let go of this one.
node?.onDrain(() => void realtime.drain({ spreadMs: 2000 }).then(stop))

let stopping = false

/**
 * Says goodbye to every client, then closes. Asked twice, or after 3 s, it just goes. Where there are other servers that
 * clients can attach to meanwhile, draining comes first.
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
