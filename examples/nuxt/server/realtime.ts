/** The realtime server of this app, in the process that renders its pages. */
import { fetchHandler } from '@triwire/edge/fetch'
import { createRealtime } from '@triwire/server'
import { api, type Message } from '../shared/contract.ts'

const rooms = new Map<string, readonly Message[]>() // your database

const realtime = createRealtime(api, {
  // Verify a session here, from a cookie or a token. What this returns is `user` everywhere; null refuses.
  auth: ({ token }) => ({ id: token ?? 'guest' }),
}).on('chat', {
  snapshot: ({ params }) => ({ messages: [...(rooms.get(params.roomId) ?? [])] }),
  commands: {
    async send({ text }, { params, emit, id }) {
      const messages = rooms.get(params.roomId) ?? []
      const message = messages.find((stored) => stored.id === id) ?? { id, text }
      if (!messages.includes(message)) rooms.set(params.roomId, [...messages, message])
      await emit('message', message)
      return { id }
    },
  },
})

/** Answers the requests of clients. */
export const handle: (request: Request) => Promise<Response> = fetchHandler(realtime, { base: '/rt' })
