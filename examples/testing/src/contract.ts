import { channel, contract } from '@triwire/protocol'
import { z } from 'zod'

const Message = z.object({ id: z.string(), from: z.string(), text: z.string() })

export const api = contract({
  // Clients publish by themselves. This channel needs no server code at all.
  lobby: channel('lobby/:room', {
    events: { message: z.object({ text: z.string().max(500) }) },
    publish: ['message'],
    signals: { typing: z.object({ name: z.string() }) },
    presence: z.object({ name: z.string() }),
    history: { keep: 200, ttl: '1h' },
  }),
  // Clients send commands. The server decides, stores and emits.
  chat: channel('chat/:roomId', {
    events: { message: Message },
    commands: { send: { input: z.object({ text: z.string() }), output: z.object({ id: z.string() }) } },
    snapshot: z.object({ messages: z.array(Message) }),
  }),
  // Only the server speaks.
  price: channel('price/:symbol', { events: { tick: z.object({ bid: z.number() }) } }),
})

export type Api = typeof api
export type Message = z.output<typeof Message>
