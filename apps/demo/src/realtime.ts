// Everything live about this app's server.

import { randomUUID } from 'node:crypto'
import { type Broker, createRealtime } from '@triwire/server'
import { mayUse, userOf } from './auth.ts'
import { api } from './contract.ts'
import { lastMessages } from './message-log.ts'

/**
 * @param broker where the channels live: in this process, or where several nodes share them
 * @param onSeat told that the client with this seat has joined `cluster` here
 */
export function createDemoRealtime(broker: Broker, onSeat: (seat: string) => void = () => {}) {
  return createRealtime(api, { auth: ({ token }) => userOf(token), broker })
    .on('lobby', {
      authorize: ({ user, params, action }) => mayUse(user, params.room, action),
      // Who wrote it, and when, is for the server to say.
      onPublish: ({ data, user }) => ({ ...data, id: randomUUID(), from: user.name, at: Date.now() }),
    })
    .on('chat', {
      authorize: ({ user, params, action }) => mayUse(user, params.roomId, action),
      snapshot: async ({ params }) => ({ messages: await lastMessages(broker, params.roomId) }),
      commands: {
        // A command that is run again has the same id, and what it emits is logged once.
        async send({ text }, { user, emit, id }) {
          await emit('message', { id, from: user.name, text, at: Date.now() })
          return { id }
        },
      },
    })
    .on('cluster', {
      // Asked each time a wire is opened, so the node that is asked is the one that serves it.
      authorize({ user, action }) {
        if (user.seat) onSeat(user.seat)
        return action === 'join'
      },
    })
}
