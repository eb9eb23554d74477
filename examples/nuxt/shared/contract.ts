import { channel, contract } from '@triwire/protocol'
import { z } from 'zod'

const Message = z.object({ id: z.string(), text: z.string() })

export const api = contract({
  chat: channel('chat/:roomId', {
    events: { message: Message },
    commands: {
      send: { input: z.object({ text: z.string().min(1).max(500) }), output: z.object({ id: z.string() }) },
    },
    snapshot: z.object({ messages: z.array(Message) }),
  }),
})

export type Api = typeof api
export type Message = z.output<typeof Message>
