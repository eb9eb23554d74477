import type {
  EventMeta,
  Gap,
  Member,
  PendingCommand,
  ReferencesOf,
  SignalMeta,
  TriwireError,
  ViewHandle,
} from '@triwire/client'
import { describe, expectTypeOf, test } from 'vitest'
import { useConnection, usePresence, useRealtime, useSuspenseRealtime } from '../src/index.ts'
import type { Api } from './api.ts'

declare const rt: ReferencesOf<Api>
declare const roomId: string | undefined
type Message = { id: string; text: string; at: string }

describe('useRealtime infers', () => {
  test('handlers of events, signals and gaps from the channel', () => {
    useRealtime(rt.alerts(), { on: { alert: (a) => expectTypeOf(a).toEqualTypeOf<{ text: string }>() } })
    useRealtime(rt.chat({ roomId: '1' }), {
      on: {
        message: (m, meta) => {
          expectTypeOf(m).toEqualTypeOf<Message>()
          expectTypeOf(meta).toEqualTypeOf<EventMeta>()
        },
        typing: (t, meta) => {
          expectTypeOf(t).toEqualTypeOf<{ on: boolean }>()
          expectTypeOf(meta).toEqualTypeOf<SignalMeta>()
        },
        $gap: (g) => expectTypeOf(g).toEqualTypeOf<Gap>(),
      },
    })
  })

  test('the latest payload', () => {
    const { data: tick, status } = useRealtime(rt.price({ symbol: 'X' }), { latest: 'tick' })
    expectTypeOf(tick).toEqualTypeOf<{ bid: number } | undefined>()
    expectTypeOf(status).toEqualTypeOf<'idle' | 'joining' | 'live' | 'stale' | 'denied' | 'error' | 'ended'>()
  })

  test('a list of payloads from an empty list', () => {
    const { data: messages = [], publish } = useRealtime(rt.alerts(), {
      tail: 50,
      initial: [],
      reduce: {
        alert: (list, a) => {
          expectTypeOf(list).toEqualTypeOf<{ text: string }[]>()
          return [...list, a]
        },
      },
    })
    expectTypeOf(messages).toEqualTypeOf<{ text: string }[]>()
    expectTypeOf(publish).toBeFunction()
  })

  test('a state from the snapshot', () => {
    const result = useRealtime(roomId && rt.chat({ roomId }), {
      initial: (s) => s.messages,
      reduce: {
        message: (l, m) => [...l, m],
        deleted: (l, d) => l.filter((m) => m.id !== d.id),
      },
      on: { typing: (t) => expectTypeOf(t.on).toEqualTypeOf<boolean>(), $gap: (g) => void g.reason },
    })
    expectTypeOf(result.data).toEqualTypeOf<Message[] | undefined>()
    expectTypeOf(result.commands.send).toEqualTypeOf<(input: { text: string }) => Promise<{ id: string }>>()
    expectTypeOf(result.pending).toEqualTypeOf<number>()
  })

  test('a state of any other shape', () => {
    const { data } = useRealtime(rt.lobby({ room: 'a' }), {
      initial: { count: 0 },
      reduce: { message: (s) => ({ count: s.count + 1 }), closed: (s) => s },
    })
    expectTypeOf(data).toEqualTypeOf<{ count: number } | undefined>()
    const { data: number } = useRealtime(rt.lobby({ room: 'a' }), { initial: 0, reduce: { message: (n) => n + 1 } })
    expectTypeOf(number).toEqualTypeOf<number | undefined>()
    const { data: list } = useRealtime(rt.lobby({ room: 'a' }), {
      initial: [] as string[],
      reduce: { message: (l, m) => [...l, m.text] },
    })
    expectTypeOf(list).toEqualTypeOf<string[] | undefined>()
  })

  test('what signals leave in a state', () => {
    const { data } = useRealtime(rt.chat({ roomId: '1' }), {
      initial: {} as Readonly<Record<string, boolean>>,
      reduce: {
        typing: (all, { on }, { from }) => {
          expectTypeOf(on).toEqualTypeOf<boolean>()
          expectTypeOf(from).toEqualTypeOf<string | undefined>()
          return { ...all, [from ?? '']: on }
        },
      },
      on: { $refused: (error) => expectTypeOf(error).toEqualTypeOf<TriwireError>() },
    })
    expectTypeOf(data).toEqualTypeOf<Readonly<Record<string, boolean>> | undefined>()
  })

  test('no data without a state', () => {
    expectTypeOf(useRealtime(rt.alerts()).data).toEqualTypeOf<undefined>()
    expectTypeOf(useRealtime(rt.alerts(), { on: {} }).data).toEqualTypeOf<undefined>()
    expectTypeOf(useRealtime(rt.alerts(), { tail: 3 }).data).toEqualTypeOf<undefined>()
  })

  test('narrowing by status, after destructuring too', () => {
    const { data, status, error } = useRealtime(rt.lobby({ room: 'a' }), { initial: { n: 0 }, reduce: {} })
    if (status === 'live' || status === 'stale') expectTypeOf(data).toEqualTypeOf<{ n: number }>()
    if (status === 'denied') expectTypeOf(error).toEqualTypeOf<TriwireError>()
    if (status === 'idle') expectTypeOf(data).toEqualTypeOf<undefined>()
    const result = useRealtime(rt.lobby({ room: 'a' }), { initial: { n: 0 }, reduce: {} })
    if (result.status === 'live') expectTypeOf(result.data.n).toEqualTypeOf<number>()
  })
})

declare const room: (params: { roomId: string }) => ViewHandle<Api['channels']['chat'], { list: Message[] }>

describe('views and selections', () => {
  test('infer from the view, after destructuring too', () => {
    const { data, status, underWay, commands } = useRealtime(roomId && room({ roomId }))
    if (status === 'live') expectTypeOf(data).toEqualTypeOf<{ list: Message[] }>()
    expectTypeOf(underWay).toEqualTypeOf<readonly PendingCommand<Api['channels']['chat']>[]>()
    expectTypeOf(commands.send({ text: 'x' })).resolves.toEqualTypeOf<{ id: string }>()
    usePresence(room({ roomId: '1' }), { set: { name: 'Ann' } })
  })

  test('a selection is the data, of channels and of views', () => {
    const { data, status } = useRealtime(room({ roomId: '1' }), { select: (state) => state.list.length })
    if (status === 'stale') expectTypeOf(data).toEqualTypeOf<number>()
    const { data: bid } = useRealtime(rt.price({ symbol: 'X' }), { latest: 'tick', select: (tick) => tick?.bid })
    expectTypeOf(bid).toEqualTypeOf<number | undefined>()
  })

  test('suspended, the data is there', () => {
    const { data } = useSuspenseRealtime(room({ roomId: '1' }))
    expectTypeOf(data).toEqualTypeOf<{ list: Message[] }>()
    const { data: count } = useSuspenseRealtime(room({ roomId: '1' }), { select: (state) => state.list.length })
    expectTypeOf(count).toEqualTypeOf<number>()
    // @ts-expect-error only views can be waited for
    useSuspenseRealtime(rt.chat({ roomId: '1' }))
  })

  test('begin at a snapshot of their own channel', async () => {
    const from = await rt.chat({ roomId: '1' }).snapshot()
    expectTypeOf(from.data).toEqualTypeOf<{ messages: Message[] }>()
    const { data } = useRealtime(room({ roomId: '1' }), { from })
    expectTypeOf(data).toEqualTypeOf<{ list: Message[] } | undefined>()
    useRealtime(rt.chat({ roomId: '1' }), { from, initial: (s) => s.messages })
    useSuspenseRealtime(room({ roomId: '1' }), { from })
    // @ts-expect-error the data of a snapshot alone is no snapshot
    useRealtime(room({ roomId: '1' }), { from: from.data })
    // @ts-expect-error that of another channel
    useRealtime(room({ roomId: '1' }), { from: { data: { people: [] }, cursor: '' } })
  })

  test('compare selections with `equal`, which takes two of them', () => {
    useRealtime(room({ roomId: '1' }), {
      select: (state) => state.list.map(({ id }) => id),
      equal: (before, after) => {
        expectTypeOf(before).toEqualTypeOf<string[]>()
        return before.length === after.length
      },
    })
    useRealtime(room({ roomId: '1' }), {
      select: (state) => state.list.length,
      // @ts-expect-error the selection is a number
      equal: (before) => before.length === 0,
    })
  })

  test('refuse what a view has said already, and what a selection leaves out', () => {
    // @ts-expect-error the view has its own reducers
    useRealtime(room({ roomId: '1' }), { initial: 0 })
    // @ts-expect-error no such part
    useRealtime(room({ roomId: '1' }), { select: (state) => state.lists })
    // @ts-expect-error commands are left out where something is selected
    useRealtime(room({ roomId: '1' }), { select: (state) => state.list.length }).underWay
  })
})

describe('useRealtime refuses', () => {
  test('names the contract does not have', () => {
    // @ts-expect-error no event or signal of that name
    useRealtime(rt.alerts(), { on: { alarm: () => {} } })
    // @ts-expect-error no event of that name
    useRealtime(rt.price({ symbol: 'X' }), { latest: 'tock' })
    // @ts-expect-error no event or signal of that name
    useRealtime(rt.chat({ roomId: '1' }), { initial: 0, reduce: { writing: (n) => n } })
    // @ts-expect-error signals are in no log, so there is no latest one
    useRealtime(rt.chat({ roomId: '1' }), { latest: 'typing' })
    // @ts-expect-error no channel of that name
    useRealtime(rt.lobbies())
    // @ts-expect-error no option of that name
    useRealtime(rt.alerts(), { onMessage: () => {} })
  })

  test('missing and misspelled parameters', () => {
    // @ts-expect-error `room` is missing
    useRealtime(rt.lobby())
    // @ts-expect-error `room` is missing
    useRealtime(rt.lobby({}))
    // @ts-expect-error the parameter is called `room`
    useRealtime(rt.lobby({ roomId: 'a' }))
    // @ts-expect-error a reference is not yet a channel
    useRealtime(rt.lobby)
    // @ts-expect-error truthy, yet no channel
    useRealtime('lobby')
  })

  test('payloads of another type', () => {
    const { publish, signal, commands } = useRealtime(rt.chat({ roomId: '1' }))
    const lobby = useRealtime(rt.lobby({ room: 'a' }))
    void lobby.publish('message', { text: 'hi' })
    // @ts-expect-error `text` is a string
    void lobby.publish('message', { text: 1 })
    // @ts-expect-error an event, but clients may not publish it
    void lobby.publish('closed', { reason: 'x' })
    // @ts-expect-error this channel lists nothing under publish
    void publish('message', { id: '1', text: 'x', at: new Date() })
    // @ts-expect-error `on` is a boolean
    signal('typing', { on: 'yes' })
    // @ts-expect-error an event is no signal
    signal('message', { on: true })
    // @ts-expect-error no command of that name
    void commands.remove({ id: '1' })
    // @ts-expect-error `text` is missing
    void commands.send({})
    // @ts-expect-error the reply has no `text`
    void commands.send({ text: 'x' }).then((reply) => reply.text)
    // @ts-expect-error a date arrives as a string
    useRealtime(rt.chat({ roomId: '1' }), { on: { message: (m) => m.at.getTime() } })
  })

  test('reducers that return another state', () => {
    // @ts-expect-error the state is a number
    useRealtime(rt.lobby({ room: 'a' }), { initial: 0, reduce: { message: () => 'x' } })
    // @ts-expect-error the list holds payloads
    useRealtime(rt.alerts(), { initial: [], reduce: { alert: (list) => [...list, 1] } })
    // @ts-expect-error the channel has no snapshot to read from
    useRealtime(rt.alerts(), { initial: (s) => s.messages })
  })

  test('reading data without checking the status', () => {
    const { data } = useRealtime(rt.lobby({ room: 'a' }), { initial: { n: 0 }, reduce: {} })
    // @ts-expect-error data may be undefined
    void data.n
    const result = useRealtime(rt.lobby({ room: 'a' }), { initial: { n: 0 }, reduce: {} })
    // @ts-expect-error an ended channel may never have had data
    if (result.status === 'ended') void result.data.n
    // @ts-expect-error no such status
    if (result.status === 'connected') void result
  })
})

describe('useConnection', () => {
  test('is a state, narrowed to what there is', () => {
    const { state, wire, rtt, attempt, retryAt } = useConnection()
    expectTypeOf(state).toEqualTypeOf<'idle' | 'connecting' | 'online' | 'reconnecting' | 'offline' | 'closed'>()
    expectTypeOf(wire).toEqualTypeOf<'websocket' | 'sse' | 'polling' | undefined>()
    expectTypeOf([rtt, retryAt]).toEqualTypeOf<(number | undefined)[]>()
    expectTypeOf(attempt).toEqualTypeOf<number>()
    // @ts-expect-error no such state
    if (state === 'live') void state
  })
})

describe('usePresence', () => {
  test('infers members and input from the channel', () => {
    const { members, update } = usePresence(roomId && rt.chat({ roomId }), { set: { name: 'Ann' } })
    expectTypeOf(members[0]?.value).toEqualTypeOf<{ name: string } | undefined>()
    expectTypeOf(update).parameter(0).toEqualTypeOf<{ name: string }>()
    usePresence(rt.chat({ roomId: '1' }))
    usePresence(rt.chat({ roomId: '1' }), { set: undefined })
  })

  test('gives a selection as data, which is always there, in the place of the members', () => {
    const { data, synced, update } = usePresence(rt.chat({ roomId: '1' }), {
      set: { name: 'Ann' },
      select: (members) => {
        expectTypeOf(members).toEqualTypeOf<readonly Member<{ name: string }>[]>()
        return members.map(({ value }) => value.name)
      },
      equal: (before, after) => before.join() === after.join(),
    })
    expectTypeOf(data).toEqualTypeOf<string[]>()
    expectTypeOf(synced).toEqualTypeOf<boolean>()
    update({ name: 'Bea' })
    // @ts-expect-error the selection is the data
    usePresence(rt.chat({ roomId: '1' }), { select: (members) => members.length }).members
    // @ts-expect-error members have no such value
    usePresence(rt.chat({ roomId: '1' }), { select: (members) => members[0]?.value.nick })
    // @ts-expect-error without a selector there is no selection
    usePresence(rt.chat({ roomId: '1' })).data
  })

  test('refuses other values, and channels without presence', () => {
    // @ts-expect-error `name` is a string
    usePresence(rt.chat({ roomId: '1' }), { set: { name: 1 } })
    // @ts-expect-error alerts have no presence
    usePresence(rt.alerts())
    const { update } = usePresence(rt.chat({ roomId: '1' }))
    // @ts-expect-error `name` is missing
    update({})
  })
})
