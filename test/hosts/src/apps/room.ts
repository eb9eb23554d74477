/** The contract of the rooms that are served by one Worker, and emitted to by another. */
import { channel, contract } from '@triwire/protocol'
import { z } from 'zod'

export const api = contract({
  room: channel('room/:id', {
    events: { message: z.object({ n: z.number() }) },
    publish: ['message'],
    presence: z.object({ name: z.string() }),
    history: { keep: 10_000 },
  }),
})
