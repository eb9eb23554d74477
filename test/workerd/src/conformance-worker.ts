/** The conformance app as a Worker with a Durable Object. Its limits are a binding; acting from inside goes by `/inside`. */
import { env } from 'cloudflare:workers'
import { cloudflare } from '@triwire/edge/cloudflare'
import { createApp } from '@triwire-test/conformance/app'
import { Database } from '@triwire-test/conformance/database'
import { createInside, createLog } from '@triwire-test/conformance/inside'

const { logger, logged } = createLog()
const app = createApp({
  database: new Database(),
  limits: (env as { readonly LIMITS?: object }).LIMITS,
  logger,
})
const { fetch: realtime, RealtimeHub } = cloudflare(app.realtime, { base: '/rt' })
const inside = createInside(app, logged)

export { RealtimeHub }

export default {
  fetch: (request: Request): Promise<Response> =>
    new URL(request.url).pathname.startsWith('/inside/') ? inside(request) : realtime(request),
}
