/**
 * The contract every server under test serves. A server in another language needs no schemas, only these channels
 * with this behaviour; README.md describes them in words.
 */
import { channel, contract } from '@triwire/protocol'
import { z } from 'zod'

const message = z.object({ text: z.string() })
const nothing = z.object({})

export const conformance = contract({
  room: channel('room/:id', {
    events: { message, data: z.unknown(), constructor: z.unknown(), secret: message },
    publish: ['message', 'data', 'constructor'],
    signals: { typing: z.object({ on: z.boolean() }) },
    presence: z.object({ name: z.string() }),
    commands: {
      add: { input: z.object({ by: z.number() }), output: z.object({ total: z.number() }) },
      total: { input: nothing, output: z.object({ total: z.number() }) },
      fail: { input: nothing, output: nothing },
      refuse: { input: nothing, output: nothing },
      broken: { input: nothing, output: z.object({ total: z.number() }) },
      wait: { input: z.object({ for: z.string() }), output: z.object({ total: z.number() }) },
      release: { input: z.object({ for: z.string() }), output: nothing },
    },
    history: { keep: 1000 },
  }),
  /** Remembers five events. */
  short: channel('short/:id', { events: { message }, publish: ['message'], history: { keep: 5 } }),
  /** Its `onPublish` refuses the text `bad` and writes every other one in capitals. */
  checked: channel('checked/:id', { events: { message }, publish: ['message'] }),
  /** Its snapshot counts the messages of the room; where the id begins with `busy`, one is emitted meanwhile. */
  board: channel('board/:id', {
    events: { message },
    publish: ['message'],
    snapshot: z.object({ title: z.string() }),
  }),
  /** Its snapshot knows its own cursor: the one that `save` was called with last. */
  exact: channel('exact/:id', {
    events: { message },
    publish: ['message'],
    commands: { save: { input: z.object({ cursor: z.string() }), output: nothing } },
    snapshot: z.object({ title: z.string() }),
  }),
  /** Two parameters, so that their order in addresses can be tested. */
  desk: channel('desk/:org/:id', { events: { message }, publish: ['message'] }),
  /** Nobody is let in. */
  vault: channel('vault/:id', { events: { message }, publish: ['message'] }),
  /** Its commands take permissions away: to be in it, to be anywhere. */
  club: channel('club/:id', {
    events: { message },
    publish: ['message'],
    presence: z.object({ name: z.string() }),
    commands: {
      expel: { input: z.object({ user: z.string() }), output: nothing },
      ban: { input: z.object({ user: z.string() }), output: nothing },
    },
  }),
  /** Anybody may read its log. */
  scores: channel('scores/:id', {
    events: { message },
    publish: ['message'],
    history: { keep: 1000 },
    public: true,
  }),
  /** Nobody may publish. */
  notices: channel('notices', { events: { message } }),
})
