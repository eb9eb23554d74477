import { describe, expect, test } from 'vitest'
import { effectScope, nextTick, reactive, shallowRef, watch } from 'vue'
import { usePresence } from '../src/index.ts'
import type { Api } from './api.ts'
import { FakeChannel } from './fake-channel.ts'

function inScope<TResult>(run: () => TResult): { result: TResult; stop(): void } {
  const scope = effectScope(true)
  return { result: scope.run(run) as TResult, stop: () => scope.stop() }
}

describe('the value one shows', () => {
  test('is announced once, and again only when its content changes', async () => {
    const chat = new FakeChannel('chat', 'a')
    const me = shallowRef({ name: 'Ann' })
    inScope(() => usePresence(chat.handle, { set: me }))
    me.value = { name: 'Ann' }
    await nextTick()
    expect(chat.calls).toEqual(['set {"name":"Ann"}'])
    me.value = { name: 'Bea' }
    await nextTick()
    expect(chat.calls).toEqual(['set {"name":"Ann"}', 'update {"name":"Bea"}'])
    expect(chat.subscriptions).toBe(1)
  })

  test('may be a reactive object that changes within', async () => {
    const chat = new FakeChannel('chat', 'a')
    const me = reactive({ name: 'Ann' })
    inScope(() => usePresence(chat.handle, { set: () => me }))
    me.name = 'Bea'
    await nextTick()
    expect(chat.calls).toEqual(['set {"name":"Ann"}', 'update {"name":"Bea"}'])
  })

  test('is left by no longer setting it, while one goes on watching', async () => {
    const chat = new FakeChannel('chat', 'a')
    const me = shallowRef<{ name: string } | undefined>({ name: 'Ann' })
    inScope(() => usePresence(chat.handle, { set: me }))
    me.value = undefined
    await nextTick()
    expect([chat.observers, chat.subscriptions, chat.open]).toEqual([2, 2, 1])
    me.value = { name: 'Bea' }
    await nextTick()
    expect(chat.calls).toEqual(['set {"name":"Ann"}', 'set {"name":"Bea"}'])
    expect(chat.open).toBe(1)
  })

  test('goes along to another channel, and ends with the scope', async () => {
    const [a, b] = [new FakeChannel('chat', 'a'), new FakeChannel('chat', 'b')]
    const current = shallowRef(a.handle)
    const { result, stop } = inScope(() => usePresence(current, { set: { name: 'Ann' } }))
    current.value = b.handle
    await nextTick()
    expect([a.open, b.open, b.calls]).toEqual([0, 1, ['set {"name":"Ann"}']])
    result.update({ name: 'Ann, typing' })
    expect(b.calls.at(-1)).toBe('update {"name":"Ann, typing"}')
    stop()
    expect(b.open).toBe(0)
  })
})

test('members are those the channel reports', () => {
  const chat = new FakeChannel('chat', 'a')
  const { result } = inScope(() => usePresence(chat.handle))
  expect([result.members.value, result.synced.value]).toEqual([[], false])
  chat.present('Bob')
  expect(result.members.value).toMatchObject([{ value: { name: 'Bob' } }])
  expect([result.synced.value, result.error.value]).toEqual([true, undefined])
})

test('a selection changes when it does, and with what its selector reads', async () => {
  const chat = new FakeChannel('chat', 'a')
  const letter = shallowRef('A')
  const changes: unknown[] = []
  const { stop } = inScope(() => {
    const { data } = usePresence(chat.handle, {
      select: (members) => members.map(({ value }) => value.name).filter((name) => name.startsWith(letter.value)),
      equal: (before, after) => before.join() === after.join(),
    })
    watch(data, (names) => changes.push(names), { flush: 'sync' })
  })
  chat.present('Ann', 'Bob')
  chat.present('Ann', 'Rob')
  letter.value = 'R'
  expect(changes).toEqual([['Ann'], ['Rob']])
  stop()
})

test('nobody is in no channel: a changed value is not announced, and update by hand says what to do', async () => {
  const me = shallowRef({ name: 'Ann' })
  const { result } = inScope(() => usePresence<Api['channels']['chat']>(null, { set: me }))
  me.value = { name: 'Bea' }
  await nextTick()
  expect([result.members.value, result.synced.value]).toEqual([[], false])
  expect(() => result.update({ name: 'Cleo' })).toThrow(/no channel was given/)
})
