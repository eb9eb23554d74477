/** A small app for tests: a lobby that clients write to, a chat with a snapshot and a command, a board that only the server fills. */
import { channel, contract } from '@triwire/protocol'
import { createRealtime } from '@triwire/server'
import { z } from 'zod'

export const api = contract({
  lobby: channel('lobby/:room', {
    events: { message: z.object({ text: z.string() }) },
    publish: ['message'],
    signals: { typing: z.object({ on: z.boolean() }) },
    presence: z.object({ name: z.string() }),
    history: { keep: 20 },
  }),
  chat: channel('chat/:roomId', {
    events: { message: z.object({ text: z.string() }) },
    commands: {
      send: { input: z.object({ text: z.string(), ms: z.number() }), output: z.object({ at: z.number() }) },
    },
    snapshot: z.array(z.string()),
  }),
  board: channel('board', { events: { line: z.object({ n: z.number() }) }, history: { keep: 1000 } }),
})

export type Api = typeof api

/** Makes the server; a real app has one, made when its module is loaded. */
export function createApp() {
  const texts: string[] = []
  const quiet = { warn: () => {}, error: () => {} }
  return createRealtime(api, {
    auth: ({ token, headers }) => {
      const id = token ?? headers.get('cookie')?.replace('user=', '')
      return id === undefined ? null : { id }
    },
    logger: quiet,
  }).on('chat', {
    snapshot: () => texts,
    commands: {
      async send({ text, ms }, { emit }) {
        if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
        texts.push(text)
        await emit('message', { text })
        return { at: Date.now() }
      },
    },
  })
}
