import { channel, contract } from '@triwire/protocol'
import { z } from 'zod'

/** The contract that the tests of the engine share. */
export const api = contract({
  alerts: channel('alerts', { events: { alert: z.object({ text: z.string() }) } }),
  lobby: channel('lobby/:room', {
    events: { message: z.object({ text: z.string() }), cleared: z.null() },
    publish: ['message'],
    history: { keep: 10_000, ttl: '1h' },
  }),
  scores: channel('scores/:match', {
    events: { goal: z.object({ n: z.number() }) },
    publish: ['goal'],
    history: { keep: 1000, ttl: '10m' },
    public: true,
  }),
  chat: channel('chat/:roomId', {
    events: { message: z.object({ id: z.string(), text: z.string() }) },
    signals: { typing: z.object({ on: z.boolean() }) },
    presence: z.object({ name: z.string() }),
    commands: {
      send: { input: z.object({ text: z.string() }), output: z.object({ id: z.string() }) },
    },
    snapshot: z.object({ messages: z.array(z.string()) }),
  }),
})
