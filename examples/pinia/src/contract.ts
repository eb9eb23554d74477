import { channel, contract } from '@triwire/protocol'
import { z } from 'zod'

export const api = contract({
  lobby: channel('lobby/:room', {
    events: { message: z.object({ from: z.string(), text: z.string() }) },
    publish: ['message'],
    presence: z.object({ name: z.string() }),
    history: { keep: 200, ttl: '1h' },
  }),
})

export type Api = typeof api
