import { type ChannelHandle, TriwireError } from '@triwire/client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createApp, effectScope, h, nextTick, ref, shallowRef } from 'vue'
import { useRealtime } from '../src/index.ts'
import type { Api } from './api.ts'
import { FakeChannel } from './fake-channel.ts'

type Lobby = ChannelHandle<Api['channels']['lobby']>

const list = (channel: Parameters<typeof useRealtime<Api['channels']['lobby']>>[0]) =>
  useRealtime(channel, { initial: [], reduce: { message: (l, m) => [...l, m] } })

const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
beforeEach(() => warn.mockClear())
afterEach(() => expect(warn.mock.calls).toEqual([]))

/** Runs a set-up in a component; returns what it returned and how to unmount it. */
function mount<TResult>(setup: () => TResult): { result: TResult; unmount(): void } {
  let result: TResult | undefined
  const app = createApp({
    setup() {
      result = setup()
      return () => h('p')
    },
  })
  app.mount(document.createElement('div'))
  return { result: result as TResult, unmount: () => app.unmount() }
}

describe('the state of a channel', () => {
  test('is joining at first and live with data after the first frame', () => {
    const lobby = new FakeChannel('lobby', 'a')
    const { result } = mount(() => list(lobby.handle))
    expect([result.status.value, result.data.value, result.pending.value]).toEqual(['joining', undefined, 0])
    lobby.emit('message', { text: 'hi' })
    lobby.frame()
    expect([result.status.value, result.data.value, result.error.value]).toEqual([
      'live',
      [{ text: 'hi' }],
      undefined,
    ])
  })

  test('is there at the first render where others follow the channel already', () => {
    const lobby = new FakeChannel('lobby', 'a')
    lobby.warm = [{ text: 'hi' }]
    const host = document.createElement('div')
    createApp({
      setup() {
        const { data, status } = list(lobby.handle)
        return () => h('p', `${status.value} ${data.value?.length}`)
      },
    }).mount(host)
    expect(host.textContent).toBe('live 1')
  })

  test('is rendered once per frame, however many events the frame holds', async () => {
    const lobby = new FakeChannel('lobby', 'a')
    let renders = 0
    const host = document.createElement('div')
    createApp({
      setup() {
        const { data, status } = list(lobby.handle)
        return () => h('p', `${renders++ && status.value} ${data.value?.length}`)
      },
    }).mount(host)
    for (let i = 0; i < 1000; i++) lobby.emit('message', { text: String(i) })
    lobby.frame()
    await nextTick()
    expect([host.textContent, renders]).toEqual(['live 1000', 2])
  })

  test('cannot be written, and is not made reactive in depth', () => {
    const lobby = new FakeChannel('lobby', 'a')
    const { result } = mount(() => useRealtime(lobby.handle, { latest: 'message' }))
    const payload = { text: 'hi' }
    lobby.emit('message', payload)
    lobby.frame()
    expect(result.data.value).toBe(payload)
    ;(result.status as { value: string }).value = 'ended'
    expect(result.status.value).toBe('live')
    expect(warn.mock.calls.splice(0).flat().join()).toContain('readonly')
  })

  test('of nothing is idle: publish and commands reject and say what to do', async () => {
    for (const off of [null, undefined, false, '', 0] as const) {
      const { result } = mount(() => useRealtime<Api['channels']['chat']>(() => off))
      expect([result.status.value, result.data.value]).toEqual(['idle', undefined])
      const failure = await result.commands.send({ text: 'hi' }).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(TriwireError)
      expect(failure).toMatchObject({ code: 'bad_channel', message: expect.stringContaining('Pass one first') })
      await expect(result.publish('message' as never, {} as never)).rejects.toMatchObject({ code: 'bad_channel' })
      result.signal('typing', { on: true })
    }
  })
})

describe('subscriptions', () => {
  test('end with the component', () => {
    const lobby = new FakeChannel('lobby', 'a')
    const { unmount } = mount(() => list(() => lobby.handle))
    expect(lobby.open).toBe(1)
    unmount()
    expect(lobby.open).toBe(0)
  })

  test('end with an effect scope, where there is no component', async () => {
    const [a, b] = [new FakeChannel('lobby', 'a'), new FakeChannel('lobby', 'b')]
    const current = shallowRef(a.handle)
    const scope = effectScope(true)
    const result = scope.run(() => list(current))
    expect([a.open, result?.status.value]).toEqual([1, 'joining'])
    a.frame()
    expect(result?.status.value).toBe('live')
    current.value = b.handle
    await nextTick()
    expect([a.open, b.open, result?.status.value]).toEqual([0, 1, 'joining'])
    scope.stop()
    expect(b.open).toBe(0)
  })

  test('outlive the component that first used a store, and end with the store', () => {
    const lobby = new FakeChannel('lobby', 'a')
    const store = effectScope(true)
    const first = mount(() => store.run(() => list(lobby.handle)))
    first.unmount()
    expect(lobby.open).toBe(1)
    lobby.frame()
    expect(first.result?.status.value).toBe('live')
    store.stop()
    expect(lobby.open).toBe(0)
  })

  test('follow a getter: the old one is let go, the new one starts at joining', async () => {
    const [a, b] = [new FakeChannel('lobby', 'a'), new FakeChannel('lobby', 'b')]
    const room = ref<'a' | 'b' | ''>('a')
    const { result } = mount(() => list(() => room.value && { a, b }[room.value].handle))
    a.emit('message', { text: 'a' })
    a.frame()
    expect(result.data.value).toEqual([{ text: 'a' }])
    room.value = 'b'
    await nextTick()
    expect([a.open, b.open, result.status.value, result.data.value]).toEqual([0, 1, 'joining', undefined])
    room.value = ''
    await nextTick()
    expect([a.open, b.open, result.status.value]).toEqual([0, 0, 'idle'])
  })

  test('are kept when the getter gives the same channel again, also through a deep ref', async () => {
    const lobby = new FakeChannel('lobby', 'a')
    const other = ref(0)
    const deep = ref({ channel: lobby.handle }) as unknown as { value: { channel: Lobby } }
    mount(() => list(() => (other.value < 2 ? lobby.handle : deep.value.channel)))
    other.value = 1
    await nextTick()
    other.value = 2
    await nextTick()
    expect([lobby.observers, lobby.subscriptions, lobby.open]).toEqual([1, 1, 1])
  })

  test('1,000 mounts and unmounts leave none', () => {
    const lobby = new FakeChannel('lobby', 'a')
    for (let i = 0; i < 1000; i++) mount(() => list(lobby.handle)).unmount()
    expect([lobby.subscriptions, lobby.open]).toEqual([1000, 0])
  })
})

describe('functions', () => {
  test('speak in the channel that is current when they are called', async () => {
    const [a, b] = [new FakeChannel('chat', 'a'), new FakeChannel('chat', 'b')]
    const current = shallowRef<typeof a.handle | null>(null)
    const { result } = mount(() => useRealtime(current))
    const { signal, commands } = result
    const { send } = commands
    await expect(send({ text: '0' })).rejects.toMatchObject({ code: 'bad_channel' })
    current.value = a.handle
    await expect(send({ text: '1' })).resolves.toEqual({ id: '1' })
    current.value = b.handle
    await commands.send({ text: '2' })
    signal('typing', { on: true })
    expect([a.calls, b.calls]).toEqual([['send {"text":"1"}'], ['send {"text":"2"}', 'signal typing {"on":true}']])
    expect(commands.send).toBe(send)
  })

  test('every event reaches the handler once, with the newest values it reads', () => {
    const lobby = new FakeChannel('lobby', 'a')
    const name = ref('x')
    const seen: string[] = []
    mount(() => useRealtime(lobby.handle, { on: { message: (m) => seen.push(`${name.value}: ${m.text}`) } }))
    lobby.emit('message', { text: '1' })
    name.value = 'y'
    lobby.emit('message', { text: '2' })
    expect(seen).toEqual(['x: 1', 'y: 2'])
  })
})
