/** What server code is held to by its contract, as types. Compiled, never run. */
import { channel, contract } from '@triwire/protocol'
import { describe, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { createRealtime, type Realtime, TriwireError } from '../src/index.ts'
import { api } from './api.ts'

interface User {
  readonly id: string
  readonly admin: boolean
}

const auth = async ({ token }: { token: string | undefined }): Promise<User | null> =>
  token === undefined ? null : { id: token, admin: false }

/** What host adapters take. */
declare function mount(realtime: { readonly missing: readonly never[] }): void

describe('implementations', () => {
  test('a server cannot be mounted while one is missing', () => {
    const bare = createRealtime(api, { auth })
    expectTypeOf(bare.missing).toEqualTypeOf<readonly 'chat'[]>()
    // @ts-expect-error chat has commands and a snapshot
    mount(bare)
    mount(
      bare.on('chat', {
        snapshot: () => ({ messages: [] }),
        commands: { send: () => ({ id: '1' }) },
      }),
    )
    // @ts-expect-error another one does not help
    mount(bare.on('lobby', {}))
    const simple = contract({ alerts: channel('alerts', { events: { alert: z.string() } }) })
    mount(createRealtime(simple, { auth }))
  })

  test('are asked for alike where the contract is written in place', () => {
    mount(createRealtime(contract({ alerts: channel('alerts', { events: { alert: z.string() } }) }), { auth }))
    const chat = createRealtime(
      contract({
        chat: channel('chat/:id', { commands: { send: { input: z.string(), output: z.number() } } }),
      }),
      { auth },
    )
    expectTypeOf(chat.missing).toEqualTypeOf<readonly 'chat'[]>()
    mount(chat.on('chat', { commands: { send: (text) => text.length } }))
    // @ts-expect-error the handler answers with a number
    chat.on('chat', { commands: { send: (text) => text } })
    // @ts-expect-error this is no contract
    createRealtime({ channels: { chat: 1 } }, { auth }).on('chat', {})
  })

  test('must be whole', () => {
    const bare = createRealtime(api, { auth })
    // @ts-expect-error the snapshot is missing
    bare.on('chat', { commands: { send: () => ({ id: '1' }) } })
    // @ts-expect-error the commands are missing
    bare.on('chat', { snapshot: () => ({ messages: [] }) })
    // @ts-expect-error one command is missing
    bare.on('chat', { snapshot: () => ({ messages: [] }), commands: {} })
    // @ts-expect-error there is no such channel
    bare.on('chatt', {})
  })
})

describe('handlers', () => {
  test('get the user of auth, with the refusal taken out', () => {
    createRealtime(api, { auth, principal: (user) => user.id }).on('lobby', {
      authorize: ({ user, params, action, name }) => {
        expectTypeOf(user).toEqualTypeOf<User>()
        expectTypeOf(params).toEqualTypeOf<Readonly<Record<'room', string>>>()
        expectTypeOf(action).toEqualTypeOf<'join' | 'publish' | 'signal' | 'presence' | 'command'>()
        expectTypeOf(name).toEqualTypeOf<string | undefined>()
        return user.admin
      },
      onPublish: ({ event, data, user }) => {
        expectTypeOf(event).toEqualTypeOf<'message'>()
        expectTypeOf(data).toEqualTypeOf<{ text: string }>()
        expectTypeOf(user).toEqualTypeOf<User>()
        if (data.text === '') throw new TriwireError('empty', 'Write something.')
      },
    })
    const anonymous = createRealtime(api, { auth: () => undefined as undefined | false | { name: 'x' } })
    anonymous.on('lobby', {
      authorize: ({ user }) => {
        expectTypeOf(user).toEqualTypeOf<{ name: 'x' }>()
        return true
      },
    })
  })

  test('of a public channel decide nothing about its readers', () => {
    const open = contract({
      scores: channel('scores/:match', { events: { goal: z.string() }, publish: ['goal'], public: true }),
    })
    const bare = createRealtime(open, { auth })
    mount(bare)
    bare.on('scores', { onPublish: ({ user }) => void expectTypeOf(user).toEqualTypeOf<User>() })
    // @ts-expect-error nobody is asked who they are
    bare.on('scores', { authorize: () => true })
  })

  test('get the output of the input schema and give the input of the output schema', () => {
    const shifted = contract({
      days: channel('days/:year/:month', {
        events: { added: z.object({ on: z.coerce.date<string>() }) },
        commands: {
          add: {
            input: z.object({ on: z.coerce.date<string>() }),
            output: z.object({ count: z.string().transform(Number) }),
          },
        },
      }),
    })
    createRealtime(shifted, { auth }).on('days', {
      commands: {
        async add(input, { params, emit, id, user }) {
          expectTypeOf(input).toEqualTypeOf<{ on: Date }>()
          expectTypeOf(params).toEqualTypeOf<Readonly<Record<'year' | 'month', string>>>()
          expectTypeOf(id).toEqualTypeOf<string>()
          expectTypeOf(user).toEqualTypeOf<User>()
          await emit('added', { on: '2020-01-01' })
          // @ts-expect-error that is the output of the schema
          await emit('added', { on: new Date() })
          // @ts-expect-error there is no such event
          await emit('removed', {})
          return { count: '7' }
        },
      },
    })
  })

  test('must answer what the contract says', () => {
    const bare = createRealtime(api, { auth })
    bare.on('chat', {
      snapshot: async ({ at }) => at('cursor', { messages: ['x'] }),
      // @ts-expect-error the reply does not fit
      commands: { send: () => ({ id: 7 }) },
    })
    bare.on('chat', {
      // @ts-expect-error the snapshot does not fit
      snapshot: () => ({ messages: [7] }),
      commands: { send: async () => ({ id: '1' }) },
    })
    // @ts-expect-error the decision is a boolean
    bare.on('lobby', { authorize: () => 'yes' })
  })
})

describe('channels', () => {
  const { channels } = createRealtime(api, { auth })

  test('read the end of their log as clients get it', async () => {
    const { events, cursor } = await channels.lobby({ room: 7 }).last(10)
    expectTypeOf(cursor).toEqualTypeOf<string>()
    for (const { event, data } of events) {
      expectTypeOf(event).toEqualTypeOf<'message' | 'cleared'>()
      if (event === 'message') expectTypeOf(data.text).toEqualTypeOf<string>()
    }
  })

  test('emit and signal what the contract says', () => {
    expectTypeOf(channels.alerts().emit('alert', { text: 'x' })).toEqualTypeOf<Promise<void>>()
    void channels.lobby({ room: 7 }).emit('cleared', null)
    // @ts-expect-error the payload does not fit
    void channels.alerts().emit('alert', { txt: 'x' })
    // @ts-expect-error there is no such event
    void channels.alerts().emit('alarm', { text: 'x' })
    // @ts-expect-error a signal is no event
    void channels.chat({ roomId: 1 }).emit('typing', { on: true })
    void channels.chat({ roomId: 1 }).signal('typing', { on: true }, { key: 'x' })
    // @ts-expect-error an event is no signal
    void channels.chat({ roomId: 1 }).signal('message', { id: '1', text: 'x' })
  })

  test('are authorised again without a word more', () => {
    const realtime = createRealtime(api, { auth })
    expectTypeOf(channels.chat({ roomId: 1 }).reauthorize()).toEqualTypeOf<Promise<void>>()
    expectTypeOf(realtime.revoke('ann')).toEqualTypeOf<Promise<void>>()
    expectTypeOf(realtime.drain({ spreadMs: 100 })).toEqualTypeOf<Promise<void>>()
    // @ts-expect-error a channel is asked about as a whole
    void channels.chat({ roomId: 1 }).reauthorize('ann')
  })

  test('take the parameters of their path', () => {
    // @ts-expect-error a parameter is missing
    channels.lobby({})
    // @ts-expect-error that is the parameter of another channel
    channels.lobby({ roomId: 1 })
    // @ts-expect-error alerts has none
    channels.alerts({ id: 1 })
    // @ts-expect-error there is no such channel
    channels.nowhere
  })
})

describe('options', () => {
  test('need auth and take no limits there are not', () => {
    // @ts-expect-error without auth
    createRealtime(api, {})
    // @ts-expect-error there is no such limit
    createRealtime(api, { auth, limits: { rates: 5 } })
    expectTypeOf(createRealtime(api, { auth })).toExtend<Realtime<typeof api.channels, User, 'chat'>>()
  })
})
