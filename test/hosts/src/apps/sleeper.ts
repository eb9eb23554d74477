/** A room with presence as a Worker, which also says how many lives its object has had, and which hooks have run. */

import { cloudflare } from '@triwire/edge/cloudflare'
import { createRealtime } from '@triwire/server'
import { api } from './room.ts'

const hooks: string[] = []
const realtime = createRealtime(api, {
  auth: ({ token }) => (token === undefined ? null : { id: token }),
  limits: { connectionsPerAddress: 1000 },
}).on('room', {
  onOccupied: ({ params }) => hooks.push(`occupied ${params.id}`),
  onVacated: ({ params }) => hooks.push(`vacated ${params.id}`),
})
const { fetch: serve, RealtimeHub: Hub } = cloudflare(realtime, { base: '/rt' })

let lives = 0

export class RealtimeHub extends Hub {
  constructor(state: never, env: never) {
    super(state, env)
    lives++
  }
}

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    const room = realtime.channels.room({ id: 'a' })
    if (pathname === '/lives') return Response.json(lives)
    if (pathname === '/hooks') return Response.json(hooks)
    if (pathname === '/members') return Response.json((await room.members()).length)
    if (pathname !== '/emit') return await serve(request)
    await room.emit('message', { n: Number(searchParams.get('n')) })
    return Response.json(null)
  },
}
