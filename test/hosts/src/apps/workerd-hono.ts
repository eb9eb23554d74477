/** The same with Hono. */
import { env } from 'cloudflare:workers'
import { cloudflare } from '@triwire/edge/cloudflare'
import { makeApp } from './app.ts'
import { makeHono } from './hono.ts'

const served = makeApp(String(env.OPTIONS))
const { RealtimeHub } = cloudflare(served.realtime)

export { RealtimeHub }
export default { fetch: makeHono(served).fetch }
