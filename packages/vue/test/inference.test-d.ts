import type { EventMeta, Gap, Member, PendingCommand, ReferencesOf, SignalMeta, ViewHandle } from '@triwire/client'
import { describe, expectTypeOf, test } from 'vitest'
import { computed, type Ref, ref, shallowRef } from 'vue'
import { usePresence, useRealtime } from '../src/index.ts'
import type { Api } from './api.ts'

declare const rt: ReferencesOf<Api>
declare const props: { readonly roomId: string | undefined }
type Message = { id: string; text: string; at: string }

describe('useRealtime infers', () => {
  test('the channel from a handle, a getter, a ref and a computed', () => {
    for (const { data } of [
      useRealtime(rt.price({ symbol: 'X' }), { latest: 'tick' }),
      useRealtime(() => rt.price({ symbol: 'X' }), { latest: 'tick' }),
      useRealtime(shallowRef(rt.price({ symbol: 'X' })), { latest: 'tick' }),
      useRealtime(shallowRef<ReturnType<typeof rt.price> | null>(null), { latest: 'tick' }),
      useRealtime(
        computed(() => props.roomId && rt.price({ symbol: props.roomId })),
        { latest: 'tick' },
      ),
    ]) {
      expectTypeOf(data).toEqualTypeOf<Readonly<Ref<{ bid: number } | undefined>>>()
    }
  })

  test('handlers of events, signals and gaps from the channel', () => {
    useRealtime(() => rt.chat({ roomId: '1' }), {
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

  test('a list of payloads from an empty list', () => {
    const { data } = useRealtime(rt.alerts(), {
      tail: 50,
      initial: [],
      reduce: {
        alert: (list, a) => {
          expectTypeOf(list).toEqualTypeOf<{ text: string }[]>()
          return [...list, a]
        },
      },
    })
    expectTypeOf(data.value).toEqualTypeOf<{ text: string }[] | undefined>()
  })

  test('a state from the snapshot', () => {
    const result = useRealtime(() => props.roomId && rt.chat({ roomId: props.roomId }), {
      initial: (s) => s.messages,
      reduce: { message: (l, m) => [...l, m], deleted: (l, d) => l.filter((m) => m.id !== d.id) },
    })
    expectTypeOf(result.data.value).toEqualTypeOf<Message[] | undefined>()
    expectTypeOf(result.status.value).toEqualTypeOf<
      'idle' | 'joining' | 'live' | 'stale' | 'denied' | 'error' | 'ended'
    >()
    expectTypeOf(result.pending.value).toEqualTypeOf<number>()
    expectTypeOf(result.commands.send).toEqualTypeOf<(input: { text: string }) => Promise<{ id: string }>>()
  })

  test('no data without a state', () => {
    expectTypeOf(useRealtime(() => rt.alerts()).data.value).toEqualTypeOf<undefined>()
  })
})

describe('useRealtime refuses', () => {
  test('names and parameters the contract does not have', () => {
    // @ts-expect-error no event or signal of that name
    useRealtime(rt.alerts(), { on: { alarm: () => {} } })
    // @ts-expect-error no event of that name
    useRealtime(() => rt.price({ symbol: 'X' }), { latest: 'tock' })
    // @ts-expect-error no event or signal of that name
    useRealtime(rt.chat({ roomId: '1' }), { initial: 0, reduce: { writing: (n) => n } })
    // @ts-expect-error `room` is missing
    useRealtime(() => rt.lobby())
    // @ts-expect-error the parameter is called `room`
    useRealtime(() => rt.lobby({ roomId: 'a' }))
    // @ts-expect-error truthy, yet no channel
    useRealtime(() => 'lobby')
  })

  test('payloads of another type', () => {
    const { signal, commands } = useRealtime(rt.chat({ roomId: '1' }))
    const lobby = useRealtime(rt.lobby({ room: 'a' }))
    void lobby.publish('message', { text: 'hi' })
    // @ts-expect-error `text` is a string
    void lobby.publish('message', { text: 1 })
    // @ts-expect-error an event, but clients may not publish it
    void lobby.publish('closed', { reason: 'x' })
    // @ts-expect-error `on` is a boolean
    signal('typing', { on: 'yes' })
    // @ts-expect-error no command of that name
    void commands.remove({ id: '1' })
    // @ts-expect-error `text` is missing
    void commands.send({})
  })

  test('reading data without checking, and writing it', () => {
    const { data, status } = useRealtime(rt.lobby({ room: 'a' }), { initial: { n: 0 }, reduce: {} })
    // @ts-expect-error data may be undefined
    void data.value.n
    // @ts-expect-error refs are read-only
    status.value = 'live'
    // @ts-expect-error the state is an object
    useRealtime(rt.lobby({ room: 'a' }), { initial: { n: 0 }, reduce: { message: () => 1 } })
  })
})

declare const room: (params: { roomId: string }) => ViewHandle<Api['channels']['chat'], { list: Message[] }>

describe('views and selections', () => {
  test('infer from the view, and a selection is the data', () => {
    const { data, underWay, commands } = useRealtime(() => props.roomId && room({ roomId: props.roomId }))
    expectTypeOf(data).toEqualTypeOf<Readonly<Ref<{ list: Message[] } | undefined>>>()
    expectTypeOf(underWay.value).toEqualTypeOf<readonly PendingCommand<Api['channels']['chat']>[]>()
    expectTypeOf(commands.send({ text: 'x' })).resolves.toEqualTypeOf<{ id: string }>()
    const { data: count } = useRealtime(() => room({ roomId: '1' }), { select: (state) => state.list.length })
    expectTypeOf(count.value).toEqualTypeOf<number | undefined>()
    // @ts-expect-error no such part
    useRealtime(() => room({ roomId: '1' }), { select: (state) => state.lists })
    // @ts-expect-error the view has its own reducers
    useRealtime(() => room({ roomId: '1' }), { initial: 0 })
  })

  test('can be awaited, for the same result, and begin at a snapshot', async () => {
    const { data } = await useRealtime(room({ roomId: '1' }), { from: await rt.chat({ roomId: '1' }).snapshot() })
    expectTypeOf(data).toEqualTypeOf<Readonly<Ref<{ list: Message[] } | undefined>>>()
    // @ts-expect-error what is awaited is the result, and no promise
    void useRealtime(room({ roomId: '1' })).finally
  })

  test('signals leave something in a state', () => {
    const { data } = useRealtime(() => rt.chat({ roomId: '1' }), {
      initial: false,
      reduce: { typing: (_, { on }, { from }) => on && from !== undefined },
    })
    expectTypeOf(data.value).toEqualTypeOf<boolean | undefined>()
  })
})

describe('usePresence', () => {
  test('infers members and input from the channel', () => {
    const { members, update } = usePresence(() => props.roomId && rt.chat({ roomId: props.roomId }), {
      set: () => ({ name: 'Ann' }),
    })
    expectTypeOf(members.value[0]?.value).toEqualTypeOf<{ name: string } | undefined>()
    expectTypeOf(update).parameter(0).toEqualTypeOf<{ name: string }>()
    usePresence(rt.chat({ roomId: '1' }), { set: ref({ name: 'Ann' }) })
    usePresence(rt.chat({ roomId: '1' }), { set: { name: 'Ann' } })
  })

  test('gives a selection as a ref, beside the members', () => {
    const { data, members } = usePresence(rt.chat({ roomId: '1' }), { select: (all) => all.length })
    expectTypeOf(data).toEqualTypeOf<Readonly<Ref<number>>>()
    expectTypeOf(members.value).toEqualTypeOf<readonly Member<{ name: string }>[]>()
    expectTypeOf(usePresence(rt.chat({ roomId: '1' })).data.value).toEqualTypeOf<
      readonly Member<{ name: string }>[]
    >()
    // @ts-expect-error members have no such value
    usePresence(rt.chat({ roomId: '1' }), { select: (all) => all[0]?.value.nick })
  })

  test('refuses other values, and channels without presence', () => {
    // @ts-expect-error `name` is a string
    usePresence(rt.chat({ roomId: '1' }), { set: { name: 1 } })
    // @ts-expect-error alerts have no presence
    usePresence(() => rt.alerts())
  })
})
