/** A child on Node with Hono. */
import { serve } from '@hono/node-server'
import { triwire, webSocket } from '@triwire/hono'
import { Hono } from 'hono'
import { serveApps } from './app.ts'

const served = await serveApps(process.argv.at(-1), ({ realtime, inside }, port) => {
  const { fetch } = new Hono().route('/rt', triwire(realtime)).all('/inside/*', (c) => inside(c.req.raw))
  return new Promise((resolve) =>
    serve({ fetch, hostname: '127.0.0.1', port, ...webSocket(realtime) }, (info) => resolve(info.port)),
  )
})
console.log(served)
