// The buttons of the page: end a node, or let one go. What ends processes must not be had from elsewhere, so it answers
// this machine alone, and of all pages the demo's own.

import { getConnInfo } from '@hono/node-server/conninfo'
import { Hono } from 'hono'
import type { Fleet } from './fleet.ts'

/** `GET /nodes` says that there are nodes; `POST /nodes/2/kill` and `/nodes/2/drain` act on one. */
export function controlOf(fleet: Fleet): Hono {
  return new Hono()
    .get('/nodes', (c) => c.json(fleet.nodes))
    .use('/nodes/*', async (c, next) => {
      const { address = '' } = getConnInfo(c).remote
      if (!isLoopback(address) || !isOwnPage(c.req.raw.headers)) return c.text('Not from here.', 403)
      return await next()
    })
    .post('/nodes/:id/kill', (c) => c.body(null, fleet.kill(Number(c.req.param('id'))) ? 204 : 409))
    .post('/nodes/:id/drain', (c) => c.body(null, fleet.drain(Number(c.req.param('id'))) ? 204 : 409))
}

function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\./.test(address) || address === '::1'
}

/** The rules of Triwire's own endpoints, and a host that is this machine: another name may lead here as well. */
function isOwnPage(headers: Headers): boolean {
  const host = headers.get('host') ?? ''
  const origin = headers.get('origin')
  const site = headers.get('sec-fetch-site')
  if (!/^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host)) return false
  if (origin === null) return site === null || site === 'same-origin' || site === 'none'
  return origin === `http://${host}` && (site === null || site === 'same-origin')
}
