// The whole server once more, as a Worker on Cloudflare: `pnpm demo:edge`. The built page is served by the platform itself, as
// `wrangler.jsonc` says.

import { cloudflare } from '@triwire/edge/cloudflare'
import { triwire } from '@triwire/hono'
import { Hono } from 'hono'
import { createDemoRealtime } from './realtime.ts'

const realtime = createDemoRealtime()

export const { RealtimeHub } = cloudflare(realtime)

export default new Hono()
  .route('/rt', triwire(realtime))
  .get('/healthz', (c) => c.text('ok'))
  .get('/nodes', (c) => c.json([]))
