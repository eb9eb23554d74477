/** The contract as its users write it, and the types they get from it. Compiled, never run. */
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import {
  type ChannelsOf,
  type CommandInputOf,
  type CommandOutputOf,
  channel,
  contract,
  type EmitsOf,
  type EventsOf,
  formatAddress,
  type Jsonify,
  type ParamsOf,
  type ParsedParamsOf,
  type PresenceInputOf,
  type PresenceOf,
  type PublishesOf,
  parseAddress,
  type SignalInputsOf,
  type SignalsOf,
  type SnapshotOf,
} from '../src/index.ts'

const Tick = z.object({ bid: z.number() })
const Message = z.object({ id: z.string(), text: z.string(), at: z.date() })

const api = contract({
  alerts: channel('alerts', { events: { alert: z.object({ text: z.string() }) } }),
  price: channel('price/:symbol', { events: { tick: Tick }, history: { keep: 1 } }),
  lobby: channel('lobby/:room', {
    events: { message: z.object({ text: z.string() }) },
    publish: ['message'],
    history: { keep: 200, ttl: '1h' },
  }),
  chat: channel('chat/:roomId', {
    events: { message: Message, deleted: z.object({ id: z.string() }) },
    signals: { typing: z.object({ on: z.boolean() }) },
    presence: z.object({ name: z.string() }),
    commands: { send: { input: z.object({ text: z.string() }), output: z.object({ id: z.string() }) } },
    snapshot: z.object({ messages: z.array(Message) }),
    history: { keep: 500, ttl: '24h' },
  }),
})
type Api = typeof api
type Channels = ChannelsOf<Api>
type MessageSeen = { id: string; text: string; at: string }

describe('a contract of zod schemas', () => {
  test('shows events to clients as JSON leaves them', () => {
    expectTypeOf<EventsOf<Channels['alerts']>>().toEqualTypeOf<{ readonly alert: { text: string } }>()
    expectTypeOf<EventsOf<Channels['chat']>>().toEqualTypeOf<{
      readonly message: MessageSeen
      readonly deleted: { id: string }
    }>()
  })

  test('takes what schemas take when emitting and publishing', () => {
    expectTypeOf<EmitsOf<Channels['chat']>['message']>().toEqualTypeOf<{ id: string; text: string; at: Date }>()
    expectTypeOf<PublishesOf<Channels['lobby']>>().toEqualTypeOf<{ readonly message: { text: string } }>()
    expectTypeOf<keyof PublishesOf<Channels['chat']>>().toEqualTypeOf<never>()
  })

  test('knows signals, presence, snapshot and commands, and where there are none', () => {
    expectTypeOf<SignalsOf<Channels['chat']>>().toEqualTypeOf<{ readonly typing: { on: boolean } }>()
    expectTypeOf<SignalInputsOf<Channels['chat']>>().toEqualTypeOf<{ readonly typing: { on: boolean } }>()
    expectTypeOf<keyof SignalsOf<Channels['alerts']>>().toEqualTypeOf<never>()
    expectTypeOf<PresenceOf<Channels['chat']>>().toEqualTypeOf<{ name: string }>()
    expectTypeOf<PresenceInputOf<Channels['chat']>>().toEqualTypeOf<{ name: string }>()
    expectTypeOf<PresenceOf<Channels['alerts']>>().toEqualTypeOf<never>()
    expectTypeOf<SnapshotOf<Channels['chat']>>().toEqualTypeOf<{ messages: MessageSeen[] }>()
    expectTypeOf<SnapshotOf<Channels['lobby']>>().toEqualTypeOf<never>()
    type Send = Channels['chat']['commands']['send']
    expectTypeOf<CommandInputOf<Send>>().toEqualTypeOf<{ text: string }>()
    expectTypeOf<CommandOutputOf<Send>>().toEqualTypeOf<{ id: string }>()
    expectTypeOf<keyof Channels['alerts']['commands']>().toEqualTypeOf<never>()
  })

  test('takes parameters from the path', () => {
    expectTypeOf<ParamsOf<Channels['chat']>>().toEqualTypeOf<Readonly<Record<'roomId', string | number>>>()
    expectTypeOf<ParsedParamsOf<Channels['chat']>>().toEqualTypeOf<Readonly<Record<'roomId', string>>>()
    expectTypeOf<keyof ParamsOf<Channels['alerts']>>().toEqualTypeOf<never>()
    const nested = channel('org/:org/board/:board/pins', {})
    expectTypeOf<keyof ParamsOf<typeof nested>>().toEqualTypeOf<'org' | 'board'>()
  })

  test('keeps the words apart that it was given', () => {
    expectTypeOf(api.channels.lobby.publish).toEqualTypeOf<readonly 'message'[]>()
    expectTypeOf(api.channels.chat.path).toEqualTypeOf<'chat/:roomId'>()
    expectTypeOf<keyof Channels>().toEqualTypeOf<'alerts' | 'price' | 'lobby' | 'chat'>()
  })

  test('knows of each channel whether it is public', () => {
    const scores = channel('scores/:match', { events: { goal: z.object({ by: z.string() }) }, public: true })
    expectTypeOf(scores.public).toEqualTypeOf<true>()
    expectTypeOf(api.channels.alerts.public).toEqualTypeOf<false>()
  })

  test('tells the input of a schema from its output', () => {
    const counted = channel('counted', {
      events: { count: z.object({ n: z.string().transform(Number), by: z.string().default('nobody') }) },
      commands: {
        later: { input: z.object({ at: z.coerce.date<string>() }), output: z.object({ at: z.date() }) },
      },
    })
    expectTypeOf<EmitsOf<typeof counted>['count']>().toEqualTypeOf<{ n: string; by?: string | undefined }>()
    expectTypeOf<EventsOf<typeof counted>['count']>().toEqualTypeOf<{ n: number; by: string }>()
    expectTypeOf<CommandInputOf<(typeof counted)['commands']['later']>>().toEqualTypeOf<{ at: string }>()
    expectTypeOf<CommandOutputOf<(typeof counted)['commands']['later']>>().toEqualTypeOf<{ at: string }>()
  })
})

describe('a contract of other schemas', () => {
  test('infers from valibot', () => {
    const chat = channel('chat/:roomId', {
      events: {
        message: v.object({ text: v.string(), at: v.date() }),
        left: v.object({ n: v.optional(v.number()) }),
      },
      publish: ['message'],
      signals: { typing: v.object({ on: v.boolean() }) },
      presence: v.object({ name: v.string() }),
      commands: { send: { input: v.object({ text: v.string() }), output: v.object({ id: v.string() }) } },
      snapshot: v.array(v.string()),
    })
    expectTypeOf<EventsOf<typeof chat>>().toEqualTypeOf<{
      readonly message: { text: string; at: string }
      readonly left: { n?: number }
    }>()
    expectTypeOf<PublishesOf<typeof chat>>().toEqualTypeOf<{ readonly message: { text: string; at: Date } }>()
    expectTypeOf<PresenceOf<typeof chat>>().toEqualTypeOf<{ name: string }>()
    expectTypeOf<SnapshotOf<typeof chat>>().toEqualTypeOf<string[]>()
    expectTypeOf<CommandOutputOf<(typeof chat)['commands']['send']>>().toEqualTypeOf<{ id: string }>()
  })

  test('infers from arktype', () => {
    const chat = channel('chat/:roomId', {
      events: { message: type({ text: 'string', at: 'Date' }) },
      publish: ['message'],
      signals: { typing: type({ on: 'boolean' }) },
      presence: type({ name: 'string' }),
      commands: { send: { input: type({ text: 'string' }), output: type({ id: 'string' }) } },
      snapshot: type('string[]'),
    })
    expectTypeOf<EventsOf<typeof chat>>().toEqualTypeOf<{ readonly message: { text: string; at: string } }>()
    expectTypeOf<EmitsOf<typeof chat>['message']>().toEqualTypeOf<{ text: string; at: Date }>()
    expectTypeOf<SignalsOf<typeof chat>>().toEqualTypeOf<{ readonly typing: { on: boolean } }>()
    expectTypeOf<PresenceOf<typeof chat>>().toEqualTypeOf<{ name: string }>()
    expectTypeOf<SnapshotOf<typeof chat>>().toEqualTypeOf<string[]>()
    expectTypeOf<CommandInputOf<(typeof chat)['commands']['send']>>().toEqualTypeOf<{ text: string }>()
  })

  test('infers from a mixture, within one channel and across channels', () => {
    const mixed = contract({
      one: channel('one/:id', {
        events: { a: z.object({ a: z.string() }), b: v.object({ b: v.number() }), c: type({ c: 'boolean' }) },
        publish: ['a', 'c'],
        presence: v.object({ name: v.string() }),
        commands: { go: { input: type({ x: 'number' }), output: z.object({ ok: z.boolean() }) } },
      }),
      two: channel('two', { events: { d: type('string') } }),
    })
    type Mixed = ChannelsOf<typeof mixed>
    expectTypeOf<EventsOf<Mixed['one']>>().toEqualTypeOf<{
      readonly a: { a: string }
      readonly b: { b: number }
      readonly c: { c: boolean }
    }>()
    expectTypeOf<keyof PublishesOf<Mixed['one']>>().toEqualTypeOf<'a' | 'c'>()
    expectTypeOf<CommandInputOf<Mixed['one']['commands']['go']>>().toEqualTypeOf<{ x: number }>()
    expectTypeOf<CommandOutputOf<Mixed['one']['commands']['go']>>().toEqualTypeOf<{ ok: boolean }>()
    expectTypeOf<EventsOf<Mixed['two']>>().toEqualTypeOf<{ readonly d: string }>()
  })
})

describe('Jsonify', () => {
  test('turns a Date into a string, at any depth', () => {
    expectTypeOf<Jsonify<Date>>().toEqualTypeOf<string>()
    expectTypeOf<Jsonify<{ a: { b: Date[] } }>>().toEqualTypeOf<{ a: { b: string[] } }>()
    expectTypeOf<Jsonify<Date | null>>().toEqualTypeOf<string | null>()
    expectTypeOf<Jsonify<{ toJSON(): { at: Date } }>>().toEqualTypeOf<{ at: string }>()
  })

  test('leaves JSON as it is', () => {
    expectTypeOf<Jsonify<{ a: 1 | 'two'; b: true; c: null }>>().toEqualTypeOf<{ a: 1 | 'two'; b: true; c: null }>()
    expectTypeOf<Jsonify<readonly [1, 'a']>>().toEqualTypeOf<readonly [1, 'a']>()
    expectTypeOf<Jsonify<{ readonly a: string }>>().toEqualTypeOf<{ readonly a: string }>()
    expectTypeOf<Jsonify<Record<string, Date>>>().toEqualTypeOf<{ [key: string]: string }>()
    expectTypeOf<Jsonify<{ kind: 'a'; at: Date } | { kind: 'b' }>>().toEqualTypeOf<
      { kind: 'a'; at: string } | { kind: 'b' }
    >()
  })

  test('keeps optional properties optional and drops what JSON drops', () => {
    expectTypeOf<Jsonify<{ a?: Date; b: string }>>().toEqualTypeOf<{ a?: string; b: string }>()
    expectTypeOf<Jsonify<{ a: string; f: () => void; s: symbol; u: undefined }>>().toEqualTypeOf<{ a: string }>()
    expectTypeOf<Jsonify<{ a: string; [Symbol.iterator]: string }>>().toEqualTypeOf<{ a: string }>()
  })

  test('makes a property optional that may be undefined, since the receiver finds no such key', () => {
    expectTypeOf<Jsonify<{ a: string | undefined; b: number }>>().toEqualTypeOf<{ a?: string; b: number }>()
    expectTypeOf<Jsonify<{ a: string | (() => void) }>>().toEqualTypeOf<{ a?: string }>()
  })

  test('turns undefined and functions in arrays into null', () => {
    expectTypeOf<Jsonify<(string | undefined)[]>>().toEqualTypeOf<(string | null)[]>()
    expectTypeOf<Jsonify<[Date, undefined, () => void]>>().toEqualTypeOf<[string, null, null]>()
  })

  test('turns a Map and a Set into an empty object', () => {
    expectTypeOf<Jsonify<Map<string, number>>>().toEqualTypeOf<Record<string, never>>()
    expectTypeOf<Jsonify<{ s: Set<string> }>>().toEqualTypeOf<{ s: Record<string, never> }>()
  })

  test('has nothing to say about unknown, and no form for bigint', () => {
    expectTypeOf<Jsonify<unknown>>().toEqualTypeOf<unknown>()
    expectTypeOf<Jsonify<{ a: unknown }>>().toEqualTypeOf<{ a: unknown }>()
    expectTypeOf<Jsonify<bigint>>().toEqualTypeOf<never>()
  })
})

describe('mistakes that do not compile', () => {
  const text = z.object({ text: z.string() })

  test('publish names an event that is not there', () => {
    // @ts-expect-error "mesage" is not among the events
    channel('a', { events: { message: text }, publish: ['mesage'] })
    // @ts-expect-error there are no events at all
    channel('b', { publish: ['message'] })
    // @ts-expect-error a signal cannot be published
    channel('c', { events: { message: text }, signals: { typing: text }, publish: ['typing'] })
  })

  test('an event, a signal, a presence value or a snapshot that is no schema', () => {
    // @ts-expect-error an object is not a schema
    channel('a', { events: { message: { text: 'string' } } })
    // @ts-expect-error a constructor is not a schema
    channel('b', { signals: { typing: Boolean } })
    // @ts-expect-error a string is not a schema
    channel('c', { presence: 'name' })
    // @ts-expect-error a map of schemas is not a schema
    channel('d', { snapshot: { messages: text } })
  })

  test('a command without output, without input, or with a bare schema', () => {
    // @ts-expect-error output is missing
    channel('a', { commands: { send: { input: text } } })
    // @ts-expect-error input is missing
    channel('b', { commands: { send: { output: text } } })
    // @ts-expect-error a command has two schemas
    channel('c', { commands: { send: text } })
  })

  test('a history of the wrong kind', () => {
    // @ts-expect-error weeks are not a unit
    channel('a', { history: { ttl: '2w' } })
    // @ts-expect-error a number has no unit
    channel('b', { history: { ttl: 60 } })
    // @ts-expect-error keep is a number
    channel('c', { history: { keep: '100' } })
    // @ts-expect-error it is called keep
    channel('d', { history: { kept: 100 } })
  })

  test('public as anything but yes or no', () => {
    // @ts-expect-error how long pages are kept follows from the history
    channel('a', { public: '30s' })
  })

  test('an option that does not exist', () => {
    // @ts-expect-error it is called events
    channel('a', { event: { message: text } })
    // @ts-expect-error a path comes first
    channel({ events: { message: text } })
  })

  test('wrong parameters', () => {
    // @ts-expect-error it is called roomId
    const misnamed: ParamsOf<Channels['chat']> = { roomID: '1' }
    // @ts-expect-error roomId is missing
    const missing: ParamsOf<Channels['chat']> = {}
    // @ts-expect-error one too many
    const tooMany: ParamsOf<Channels['chat']> = { roomId: '1', org: 'acme' }
    // @ts-expect-error an object cannot be written into an address
    const wrongType: ParamsOf<Channels['chat']> = { roomId: { id: 1 } }
    // @ts-expect-error nor can undefined
    formatAddress('chat', { roomId: undefined })
    expectTypeOf([misnamed, missing, tooMany, wrongType]).toBeArray()
  })

  test('wrong payloads', () => {
    // @ts-expect-error at is missing
    const emitted: EmitsOf<Channels['chat']>['message'] = { id: '1', text: '' }
    // @ts-expect-error clients see a string, not a Date
    const seen: EventsOf<Channels['chat']>['message'] = { id: '1', text: '', at: new Date() }
    // @ts-expect-error text is a string
    const published: PublishesOf<Channels['lobby']>['message'] = { text: 1 }
    // @ts-expect-error chat lets clients publish nothing
    type Nothing = PublishesOf<Channels['chat']>['message']
    expectTypeOf([emitted, seen, published] as unknown as Nothing[]).toBeArray()
  })

  test('what is not a contract', () => {
    // @ts-expect-error a path is not a channel
    contract({ chat: 'chat/:roomId' })
    // @ts-expect-error a description is not a channel either
    contract({ chat: { path: 'chat/:roomId', events: {} } })
    // @ts-expect-error parsed parameters cannot be changed
    parseAddress('chat?roomId=1').params.roomId = '2'
  })
})
