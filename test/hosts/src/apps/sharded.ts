/** A Worker whose tenants have an object each, named in the path. */
import { cloudflare } from '@triwire/edge/cloudflare'
import { triwire } from '@triwire/hono'
import { channel, contract } from '@triwire/protocol'
import { createRealtime } from '@triwire/server'
import { Hono } from 'hono'
import { z } from 'zod'

const api = contract({
  news: channel('news/:tenant', { events: { item: z.object({ text: z.string() }) } }),
})
const realtime = createRealtime(api, {
  auth: ({ token }) => (token === undefined ? null : { id: token }),
  principal: ({ id }) => id,
})

export const { RealtimeHub } = cloudflare(realtime, {
  shards: {
    ofRequest: (request) => new URL(request.url).pathname.split('/')[1] ?? '',
    ofChannel: ({ params }) => params.tenant ?? '',
  },
})

export default new Hono()
  .route('/:tenant/rt', triwire(realtime))
  .post('/:tenant/emit/:text', async (c) => {
    const { tenant, text } = c.req.param()
    await realtime.channels.news({ tenant }).emit('item', { text })
    return c.body(null, 204)
  })
  .post('/revoke/:user', async (c) => {
    await realtime.revoke(c.req.param('user'))
    return c.body(null, 204)
  })
