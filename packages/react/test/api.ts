/** The contract the tests speak about. */
import { channel, contract } from '@triwire/protocol'
import { z } from 'zod'

const Message = z.object({ id: z.string(), text: z.string(), at: z.date() })

export const api = contract({
  alerts: channel('alerts', { events: { alert: z.object({ text: z.string() }) } }),
  price: channel('price/:symbol', { events: { tick: z.object({ bid: z.number() }) }, history: { keep: 1 } }),
  lobby: channel('lobby/:room', {
    events: { message: z.object({ text: z.string() }), closed: z.object({ reason: z.string() }) },
    publish: ['message'],
  }),
  chat: channel('chat/:roomId', {
    events: { message: Message, deleted: z.object({ id: z.string() }) },
    signals: { typing: z.object({ on: z.boolean() }) },
    presence: z.object({ name: z.string() }),
    commands: { send: { input: z.object({ text: z.string() }), output: z.object({ id: z.string() }) } },
    snapshot: z.object({ messages: z.array(Message) }),
  }),
})

export type Api = typeof api
