/** A child on Node, where Triwire's requests are taken before the router. */
import { serve } from '@hono/node-server'
import { beforeRouter } from '@triwire/hono/node'
import { Hono } from 'hono'
import { serveApps } from './app.ts'

const served = await serveApps(process.argv.at(-1), ({ realtime, inside }, port) => {
  const { fetch } = new Hono().all('/inside/*', (c) => inside(c.req.raw))
  const options = { fetch, hostname: '127.0.0.1', port, ...beforeRouter(realtime, { base: '/rt' }) }
  return new Promise((resolve) => serve(options, (info) => resolve(info.port)))
})
console.log(served)
