import { createRealtime } from '@triwire/server'
import { api, type Message } from './contract.ts'

const rooms = new Map<string, Message[]>() // your database

export const realtime = createRealtime(api, {
  // Verify a real token here. What this returns is `user` everywhere; null refuses.
  auth: ({ token }) => (token ? { id: token } : null),
}).on('chat', {
  authorize: ({ user, params, action }) => params.roomId !== 'staff' || (user.id === 'root' && action === 'join'),
  snapshot: ({ params }) => ({ messages: rooms.get(params.roomId) ?? [] }),
  commands: {
    // A call that is repeated has the same `id`, so it stores and emits nothing twice.
    async send({ text }, { user, params, emit, id }) {
      const messages = rooms.get(params.roomId) ?? []
      const message = messages.find((stored) => stored.id === id) ?? { id, from: user.id, text }
      if (!messages.includes(message)) rooms.set(params.roomId, [...messages, message])
      await emit('message', message)
      return { id }
    },
  },
})
