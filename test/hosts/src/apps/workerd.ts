/** A Worker with its Durable Object. What it is told is a binding. */
import { env } from 'cloudflare:workers'
import { cloudflare } from '@triwire/edge/cloudflare'
import { makeApp } from './app.ts'

const { realtime, inside } = makeApp(String(env.OPTIONS))
const { fetch, RealtimeHub } = cloudflare(realtime, { base: '/rt', otherwise: inside })

export { RealtimeHub }
export default { fetch }
