// What server and page agree on. The server imports the value; the page imports the type alone, so none of this, zod
// included, is in its bundle.

import { channel, contract } from '@triwire/protocol'
import { z } from 'zod'

const text = z.string().trim().min(1).max(500)
const name = z.string().min(1).max(40)

/** A message as everyone reads it; `at` is in milliseconds since the epoch, by the server's clock. */
const Message = z.object({ id: z.string(), from: z.string(), text, at: z.number() })

/** A message as a guest publishes it: the text is enough, because the server stamps the rest in `onPublish`. */
const Post = Message.extend({ id: z.string().default(''), from: z.string().default(''), at: z.number().default(0) })

/** A node as the page shows it. Without `pid` there is no process at the moment. */
const Node = z.object({
  id: z.number(),
  state: z.enum(['starting', 'up', 'draining', 'down']),
  pid: z.number().optional(),
})

/** `n` counts 1, 2, 3 … in each `run` of the ticker; `seats` says by which node each client is served. */
const Tick = z.object({
  run: z.string(),
  n: z.number(),
  nodes: z.array(Node),
  seats: z.record(z.string(), z.number()),
})

const Typing = z.object({ name, on: z.boolean() })

export const api = contract({
  // Guests publish events themselves; the log is the only store.
  lobby: channel('lobby/:room', {
    events: { message: Post },
    publish: ['message'],
    signals: { typing: Typing },
    presence: z.object({ name, app: z.enum(['react', 'vue']) }),
    history: { keep: 200, ttl: '1h' },
  }),
  // Guests send commands; the server stores messages, emits events and gives newcomers a snapshot.
  chat: channel('chat/:roomId', {
    events: { message: Message },
    signals: { typing: Typing },
    commands: { send: { input: z.object({ text }), output: z.object({ id: z.string() }) } },
    snapshot: z.object({ messages: z.array(Message) }),
    history: { keep: 200, ttl: '1h' },
  }),
  // Only the server speaks, and only where there are several nodes: what `pnpm demo --nodes 3` shows about them.
  cluster: channel('cluster', { events: { tick: Tick }, history: { keep: 600, ttl: '5m' } }),
})

export type Api = typeof api
export type Message = z.output<typeof Message>
export type Node = z.output<typeof Node>
export type Tick = z.output<typeof Tick>
