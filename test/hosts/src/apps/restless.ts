/** A Worker whose object is taken out of memory whenever somebody asks `POST /inside/evict`. */
/// <reference path="./workerd-unsafe.d.ts" />
import { env } from 'cloudflare:workers'
import unsafe from 'workerd:unsafe'
import { cloudflare } from '@triwire/edge/cloudflare'
import { makeApp } from './app.ts'

interface Objects {
  idFromName(name: string): unknown
  get(id: unknown): unknown
}

const { realtime, inside } = makeApp(String(env.OPTIONS))

const { fetch, RealtimeHub } = cloudflare(realtime, {
  base: '/rt',
  otherwise: (request) => (new URL(request.url).pathname === '/inside/evict' ? evict() : inside(request)),
})

/** 204 where it was there and is gone. */
async function evict(): Promise<Response> {
  const objects = env.REALTIME as Objects
  try {
    await unsafe.evict(objects.get(objects.idFromName('default')), { webSockets: 'hibernate' })
    return new Response(null, { status: 204 })
  } catch (error) {
    return new Response(String(error), { status: 409 })
  }
}

export { RealtimeHub }
export default { fetch }
