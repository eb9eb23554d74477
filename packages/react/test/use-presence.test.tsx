import { StrictMode } from 'react'
import { describe, expect, test } from 'vitest'
import { usePresence } from '../src/index.ts'
import type { Api } from './api.ts'
import { FakeChannel } from './fake-channel.ts'
import { act, renderHook } from './render.ts'

function renderPresence(chat: FakeChannel<'chat'>, first: { name: string } | undefined) {
  return renderHook(({ set }) => usePresence(chat.handle, { set }), { initialProps: { set: first } })
}

describe('the value one shows', () => {
  test('is announced once, and again only when its content changes', () => {
    const chat = new FakeChannel('chat', 'a')
    const { rerender } = renderPresence(chat, { name: 'Ann' })
    rerender({ set: { name: 'Ann' } })
    rerender({ set: { name: 'Ann' } })
    expect(chat.calls).toEqual(['set {"name":"Ann"}'])
    rerender({ set: { name: 'Bea' } })
    rerender({ set: { name: 'Bea' } })
    expect(chat.calls).toEqual(['set {"name":"Ann"}', 'update {"name":"Bea"}'])
    expect(chat.subscriptions).toBe(1)
  })

  test('is left by no longer setting it, while one goes on watching', () => {
    const chat = new FakeChannel('chat', 'a')
    const { rerender } = renderPresence(chat, { name: 'Ann' })
    rerender({ set: undefined })
    expect([chat.observers, chat.subscriptions, chat.open]).toEqual([2, 2, 1])
    rerender({ set: { name: 'Bea' } })
    expect(chat.calls).toEqual(['set {"name":"Ann"}', 'set {"name":"Bea"}'])
    expect(chat.open).toBe(1)
  })

  test('may be changed by hand', () => {
    const chat = new FakeChannel('chat', 'a')
    const { result, rerender } = renderPresence(chat, { name: 'Ann' })
    const { update } = result.current
    update({ name: 'Ann, typing' })
    rerender({ set: { name: 'Ann' } })
    expect(result.current.update).toBe(update)
    expect(chat.calls).toEqual(['set {"name":"Ann"}', 'update {"name":"Ann, typing"}'])
  })

  test('goes along to another channel', () => {
    const [a, b] = [new FakeChannel('chat', 'a'), new FakeChannel('chat', 'b')]
    const { rerender, unmount } = renderHook(({ chat }) => usePresence(chat.handle, { set: { name: 'Ann' } }), {
      initialProps: { chat: a },
    })
    rerender({ chat: b })
    expect([a.open, b.open, b.calls]).toEqual([0, 1, ['set {"name":"Ann"}']])
    unmount()
    expect(b.open).toBe(0)
  })
})

test('members are those the channel reports', () => {
  const chat = new FakeChannel('chat', 'a')
  const { result } = renderPresence(chat, undefined)
  expect(result.current).toMatchObject({ members: [], synced: false, error: undefined })
  act(() => chat.present('Bob'))
  expect(result.current).toMatchObject({ members: [{ value: { name: 'Bob' } }], synced: true })
})

describe('a selection', () => {
  test('renders when it changes, or when the set is up to date, and for nothing else', () => {
    const chat = new FakeChannel('chat', 'a')
    const seen: unknown[] = []
    renderHook(() => {
      const { data, synced } = usePresence(chat.handle, { select: (members) => members.length })
      seen.push([data, synced])
    })
    act(() => chat.present('Ann', 'Bob'))
    act(() => chat.present('Ann', 'Rob'))
    act(() => chat.present('Rob', 'Ann'))
    act(() => chat.present('Ann'))
    expect(seen).toEqual([
      [0, false],
      [2, true],
      [1, true],
    ])
  })

  test('is the same object while `equal` says so, and follows what its selector closes over', () => {
    const chat = new FakeChannel('chat', 'a')
    const { result, rerender } = renderHook(
      ({ letter }) =>
        usePresence(chat.handle, {
          select: (members) => members.map(({ value }) => value.name).filter((name) => name.startsWith(letter)),
          equal: (before, after) => before.join() === after.join(),
        }),
      { initialProps: { letter: 'A' } },
    )
    act(() => chat.present('Ann', 'Bob'))
    const { data } = result.current
    expect(data).toEqual(['Ann'])
    act(() => chat.present('Ann', 'Rob'))
    rerender({ letter: 'A' })
    expect(result.current.data).toBe(data)
    rerender({ letter: 'R' })
    expect(result.current.data).toEqual(['Rob'])
    expect(result.current).not.toHaveProperty('members')
  })
})

test('StrictMode keeps one subscription and calls no update', () => {
  const chat = new FakeChannel('chat', 'a')
  const { unmount } = renderHook(() => usePresence(chat.handle, { set: { name: 'Ann' } }), { wrapper: StrictMode })
  expect(chat.open).toBe(1)
  expect(chat.calls.filter((call) => call.startsWith('update'))).toEqual([])
  unmount()
  expect(chat.open).toBe(0)
})

test('nobody is in no channel: a changed value is not announced, and update by hand says what to do', () => {
  const { result, rerender } = renderHook(
    ({ name }) => usePresence<Api['channels']['chat']>(null, { set: { name } }),
    {
      initialProps: { name: 'Ann' },
    },
  )
  rerender({ name: 'Bea' })
  expect(result.current).toMatchObject({ members: [], synced: false })
  expect(() => result.current.update({ name: 'Cleo' })).toThrow(/no channel was given/)
})
