/** Another Worker, which serves no clients: it emits to the rooms of the first one, whose objects are bound to it as well. */
import { cloudflare } from '@triwire/edge/cloudflare'
import { createRealtime } from '@triwire/server'
import { api } from './room.ts'

const realtime = createRealtime(api, { auth: () => null })
cloudflare(realtime)

export default {
  async fetch(request: Request): Promise<Response> {
    const room = realtime.channels.room({ id: 'a' })
    await room.emit('message', { n: Number(new URL(request.url).searchParams.get('n')) })
    const { events } = await room.last(10)
    return Response.json(events.map(({ data }) => data.n))
  },
}
