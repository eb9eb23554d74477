// Everything live about this app's server.

import { randomUUID } from 'node:crypto'
import { createRealtime } from '@triwire/server'
import { mayUse, userOf } from './auth.ts'
import { api } from './contract.ts'
import { lastMessages, storeMessage } from './message-store.ts'

export const realtime = createRealtime(api, { auth: ({ token }) => userOf(token) })
  .on('lobby', {
    authorize: ({ user, params, action }) => mayUse(user, params.room, action),
    // Who wrote it, and when, is for the server to say.
    onPublish: ({ data, user }) => ({ ...data, id: randomUUID(), from: user.name, at: Date.now() }),
  })
  .on('chat', {
    authorize: ({ user, params, action }) => mayUse(user, params.roomId, action),
    snapshot: ({ params }) => ({ messages: [...lastMessages(params.roomId)] }),
    commands: {
      async send({ text }, { user, params, emit, id }) {
        const message = storeMessage(params.roomId, { id, from: user.name, text, at: Date.now() })
        await emit('message', message)
        return { id: message.id }
      },
    },
  })
