/**
 * The realtime server of this app, in the process that renders its pages. Next bundles routes and pages apart, each with a
 * copy of this module; what there must be one of is kept where they all find it.
 */
import { createClient } from '@triwire/client'
import { fetchHandler } from '@triwire/edge/fetch'
import { createRealtime } from '@triwire/server'
import { type Api, api, type Message } from './contract.ts'

function start() {
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
  return fetchHandler(realtime, { base: '/rt' })
}

const shared = globalThis as { realtime?: ReturnType<typeof start> }
shared.realtime ??= start()

/** Answers the requests of clients. */
export const handle: ReturnType<typeof start> = shared.realtime

/** What a page renders with: a snapshot of its room, asked for as a client would, without a network between. */
export function snapshotOf(roomId: string) {
  const { channels } = createClient<Api>({
    url: 'http://in.process/rt',
    fetch: (input, init) => handle(new Request(input, init)),
  })
  return channels.chat({ roomId }).snapshot()
}
