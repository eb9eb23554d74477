/** A room with presence as a Worker, which also says how many lives its object has had. */

import { cloudflare } from '@triwire/edge/cloudflare'
import { channel, contract } from '@triwire/protocol'
import { createRealtime } from '@triwire/server'
import { z } from 'zod'

const api = contract({
  room: channel('room/:id', {
    events: { message: z.object({ n: z.number() }) },
    publish: ['message'],
    presence: z.object({ name: z.string() }),
    history: { keep: 10_000 },
  }),
})
const realtime = createRealtime(api, {
  auth: ({ token }) => (token === undefined ? null : { id: token }),
  limits: { connectionsPerAddress: 1000 },
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
    if (pathname === '/members') return Response.json((await room.members()).length)
    if (pathname !== '/emit') return await serve(request)
    await room.emit('message', { n: Number(searchParams.get('n')) })
    return Response.json(null)
  },
}
