/** What an app without a framework writes, as types. Compiled, never run. */
import { describe, expectTypeOf, test } from 'vitest'
import {
  type ChannelState,
  type Client,
  type ConnectionState,
  createClient,
  type EventMeta,
  type Gap,
  type Member,
  type SignalMeta,
  type TriwireError,
  view,
} from '../src/index.ts'
import type { Api } from './api.ts'

const client = createClient<Api>({ url: '/rt', auth: async () => 'token' })
const rt = client.channels
const chat = rt.chat({ roomId: 7 })

describe('references', () => {
  test('exist for the channels of the contract, with the parameters of the path', () => {
    expectTypeOf(client).toEqualTypeOf<Client<Api>>()
    expectTypeOf(rt.alerts).parameters.toEqualTypeOf<[]>()
    rt.chat({ roomId: 'x' })
    // @ts-expect-error there is no such channel
    rt.chatt
    // @ts-expect-error a parameter is missing
    rt.chat({})
    // @ts-expect-error and without parentheses' content as well
    rt.chat()
    // @ts-expect-error that is the parameter of another channel
    rt.chat({ room: 'x' })
    // @ts-expect-error an object is no parameter
    rt.lobby({ room: {} })
    // @ts-expect-error alerts has none
    rt.alerts({ id: 1 })
  })
})

describe('handlers', () => {
  test('get payloads as JSON leaves them, signals and gaps', () => {
    const off = chat.on({
      message: (message, meta) => {
        expectTypeOf(message).toEqualTypeOf<{ id: string; at: string }>()
        expectTypeOf(meta).toEqualTypeOf<EventMeta>()
      },
      typing: (typing, meta) => {
        expectTypeOf(typing).toEqualTypeOf<{ on: boolean }>()
        expectTypeOf(meta).toEqualTypeOf<SignalMeta>()
      },
      $gap: (gap) => expectTypeOf(gap).toEqualTypeOf<Gap>(),
      $refused: (error) => expectTypeOf(error).toEqualTypeOf<TriwireError>(),
    })
    expectTypeOf(off).toEqualTypeOf<() => void>()
    // @ts-expect-error there is no such event
    chat.on({ massage: () => {} })
    // @ts-expect-error alerts has no signals
    rt.alerts().on({ typing: () => {} })
    // @ts-expect-error the payload has no such field
    chat.on({ message: (message) => message.text })
  })
})

describe('iterating', () => {
  test('narrows by type', async () => {
    for await (const event of chat.events({ after: 'cursor' })) {
      expectTypeOf(event.type).toEqualTypeOf<'message' | 'deleted'>()
      if (event.type === 'deleted') expectTypeOf(event.data).toEqualTypeOf<{ id: string }>()
      else expectTypeOf(event.data.at).toEqualTypeOf<string>()
    }
    // @ts-expect-error a cursor is text
    chat.events({ after: 7 })
  })
})

describe('publishing, signalling, commanding', () => {
  test('publish takes only what the contract lists', () => {
    expectTypeOf(rt.lobby({ room: 1 }).publish('message', { text: 'x' })).toEqualTypeOf<Promise<void>>()
    // @ts-expect-error cleared is an event, but not for clients to publish
    void rt.lobby({ room: 1 }).publish('cleared', null)
    // @ts-expect-error the payload does not fit
    void rt.lobby({ room: 1 }).publish('message', { txt: 'x' })
    // @ts-expect-error clients publish nothing here
    void chat.publish('message', { id: '1', at: new Date() })
  })

  test('signals take their own payload', () => {
    chat.signal('typing', { on: true }, { key: 'me' })
    chat.signal('typing', { on: true }, { key: 'me', everyMs: 50 })
    chat.signal('typing', { on: true }, { everyMs: 50 })
    // @ts-expect-error milliseconds are a number
    chat.signal('typing', { on: true }, { everyMs: '50ms' })
    // @ts-expect-error there is no such option
    chat.signal('typing', { on: true }, { throttle: 50 })
    // @ts-expect-error the payload does not fit
    chat.signal('typing', { on: 'yes' })
    // @ts-expect-error an event is no signal
    chat.signal('message', { id: '1' })
    // @ts-expect-error lobby has none
    rt.lobby({ room: 1 }).signal('typing', { on: true })
  })

  test('commands take the input and promise the output as JSON leaves it', () => {
    expectTypeOf(chat.commands.send({ text: 'x' })).resolves.toEqualTypeOf<{ id: string; at: string }>()
    expectTypeOf(chat.commands.clear(null)).resolves.toEqualTypeOf<null>()
    // @ts-expect-error the input does not fit
    void chat.commands.send({ txt: 'x' })
    // @ts-expect-error there is no such command
    void chat.commands.sned({ text: 'x' })
    // @ts-expect-error lobby has none
    void rt.lobby({ room: 1 }).commands.send({ text: 'x' })
  })
})

describe('observing', () => {
  test('infers the state from the snapshot', () => {
    const observer = chat.observe({
      initial: (snapshot) => snapshot.messages,
      reduce: {
        message: (list, message) => [...list, message],
        deleted: (list, { id }) => list.filter((message) => message.id !== id),
      },
    })
    expectTypeOf(observer.getSnapshot()).toEqualTypeOf<ChannelState<{ id: string; at: string }[]>>()
    chat.observe({
      initial: 0,
      // @ts-expect-error a reducer returns the state
      reduce: { message: () => 'text' },
    })
  })

  test('folds events and signals, each with what comes with it', () => {
    const observer = chat.observe({
      initial: { typing: '' as string | undefined, messages: 0 },
      reduce: {
        message: (state, message, meta) => {
          expectTypeOf(message).toEqualTypeOf<{ id: string; at: string }>()
          expectTypeOf(meta).toEqualTypeOf<EventMeta>()
          return { ...state, messages: state.messages + 1 }
        },
        typing: (state, { on }, meta) => {
          expectTypeOf(on).toEqualTypeOf<boolean>()
          expectTypeOf(meta).toEqualTypeOf<SignalMeta>()
          return { ...state, typing: meta.from }
        },
      },
    })
    expectTypeOf(observer.getSnapshot().data?.messages).toEqualTypeOf<number | undefined>()
    // @ts-expect-error there is no such event or signal
    chat.observe({ initial: 0, reduce: { writing: (n) => n } })
    // @ts-expect-error a reducer of a signal returns the state, too
    chat.observe({ initial: 0, reduce: { typing: (_, { on }) => on } })
    // @ts-expect-error nothing in place of a signal can be the latest: there is no log to look it up in
    chat.observe({ latest: 'typing' })
  })

  test('has data where it is live or stale, and only there for sure', () => {
    const state = chat.observe({ latest: 'deleted' }).getSnapshot()
    if (state.status === 'live') expectTypeOf(state.data).toEqualTypeOf<{ id: string } | undefined>()
    const counted = chat.observe({ initial: 0 }).getSnapshot()
    const { status, data } = counted
    if (status === 'live' || status === 'stale') expectTypeOf(data).toEqualTypeOf<number>()
    if (status === 'joining') expectTypeOf(data).toEqualTypeOf<undefined>()
    // @ts-expect-error there is no such event to be the latest
    chat.observe({ latest: 'massage' })
  })

  test('knows presence and the connection', () => {
    const presence = chat.observePresence({ set: { name: 'Ann' } })
    expectTypeOf(presence.getSnapshot().members).toEqualTypeOf<readonly Member<{ name: string }>[]>()
    presence.update({ name: 'Bob' })
    // @ts-expect-error the value does not fit
    presence.update({ nick: 'Bob' })
    // @ts-expect-error nor does this one
    chat.observePresence({ set: 'Ann' })
    expectTypeOf(client.connection.getSnapshot()).toEqualTypeOf<ConnectionState>()
    expectTypeOf(chat.client.connection.getSnapshot().state).toEqualTypeOf<ConnectionState['state']>()
  })
})

describe('views', () => {
  const room = view(rt.chat, {
    initial: (snapshot) => ({ list: snapshot.messages }),
    reduce: { message: (state, message) => ({ list: [...state.list, message] }) },
    optimistic: {
      send: (state, { text }, id) => {
        expectTypeOf(text).toEqualTypeOf<string>()
        return { list: [...state.list, { id, at: '' }] }
      },
    },
  })

  test('infer their state, their commands and their parameters', () => {
    const handle = room({ roomId: 7 })
    const state = handle
      .observe({ on: { typing: ({ on }) => expectTypeOf(on).toEqualTypeOf<boolean>() } })
      .getSnapshot()
    const { status, data } = state
    if (status === 'live') expectTypeOf(data).toEqualTypeOf<{ list: { id: string; at: string }[] }>()
    expectTypeOf(state.underWay[0]?.command).toEqualTypeOf<'send' | 'clear' | undefined>()
    expectTypeOf(handle.commands.send({ text: 'x' })).resolves.toEqualTypeOf<{ id: string; at: string }>()
    expectTypeOf(view(rt.alerts, { initial: [] })().observe().getSnapshot().data).toEqualTypeOf<
      { text: string }[] | undefined
    >()
  })

  test('refuse what does not fit', () => {
    // @ts-expect-error the parameter has another name
    room({ room: 7 })
    // @ts-expect-error a guess gives the state
    view(rt.chat, { initial: 0, optimistic: { send: () => 'text' } })
    // @ts-expect-error a view has a state
    view(rt.chat, {})
    // @ts-expect-error the view says how its state begins
    room({ roomId: 7 }).observe({ initial: 0 })
    // @ts-expect-error no snapshot of this channel
    room({ roomId: 7 }).observe({ from: { data: 7, cursor: '' } })
  })

  test('begin at a snapshot of their channel', async () => {
    const from = await chat.snapshot()
    expectTypeOf(from.data).toEqualTypeOf<{ messages: { id: string; at: string }[] }>()
    room({ roomId: 7 }).observe({ from })
  })
})

describe('options', () => {
  test('take the WebSocket of a browser', () => {
    createClient<Api>({ url: '/rt', webSocket: WebSocket })
    // @ts-expect-error a socket, not its class
    createClient<Api>({ url: '/rt', webSocket: new WebSocket('ws://x.test') })
  })

  test('refuse what does not exist', () => {
    // @ts-expect-error without a URL
    createClient<Api>({})
    // @ts-expect-error no such wire
    createClient<Api>({ url: '/rt', wires: ['carrier-pigeon'] })
    // @ts-expect-error no such wire
    client.setWires(['carrier-pigeon'])
  })
})
