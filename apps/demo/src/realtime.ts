// Everything live about this app's server.

import { type Broker, createRealtime } from '@triwire/server'
import { mayUse, userOf } from './auth.ts'
import { api } from './contract.ts'

/** Messages that a newcomer to a chat is shown. */
const MESSAGES = 100

/** Where the app runs. */
export interface Home {
  /** Where several nodes share their channels. Default: in this process, or wherever the host has them. */
  readonly broker?: Broker
  /** Told that the client with this seat has joined `cluster` here. */
  readonly onSeat?: (seat: string) => void
}

export function createDemoRealtime({ onSeat = () => {}, ...home }: Home = {}) {
  return createRealtime(api, { auth: ({ token }) => userOf(token), ...home })
    .on('lobby', {
      authorize: ({ user, params, action }) => mayUse(user, params.room, action),
      // Who wrote it, and when, is for the server to say.
      onPublish: ({ data, user }) => ({ ...data, id: crypto.randomUUID(), from: user.name, at: Date.now() }),
    })
    .on('chat', {
      authorize: ({ user, params, action }) => mayUse(user, params.roomId, action),
      // The log of the room is all the memory a demo needs. A real app asks its database here, which outlives the log's hour.
      async snapshot({ last, at }) {
        const { events, cursor } = await last(MESSAGES)
        return at(cursor, { messages: events.map(({ data }) => data) })
      },
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
