import { type TestClient, type TestNetwork, testNetwork } from '@triwire/test'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { nextTick } from 'vue'
import type { Api } from './contract.ts'
import { useLobbyStore } from './lobby-store.ts'
import { realtime } from './server.ts'

let net: TestNetwork<Api>
let ann: TestClient<Api>

vi.mock('./client.ts', () => ({
  get rt() {
    return ann.channels
  },
}))

beforeEach(() => {
  setActivePinia(createPinia())
  net = testNetwork(realtime)
  ann = net.client({ auth: () => 'ann' })
})

afterEach(() => net.close())

function enter(room: string) {
  const store = useLobbyStore()
  store.name = 'Ann'
  store.room = room
  return store
}

test('shows what was said before and what is said now, and who is here', async () => {
  const { lobby } = realtime.channels
  await lobby({ room: 'a' }).emit('message', { from: 'Bob', text: 'first' })
  const store = enter('a')
  expect(store.status).toBe('idle')
  await net.settle()
  expect(store.status).toBe('live')
  await store.say('second')
  await net.settle()
  expect(store.messages.map(({ from, text }) => `${from}: ${text}`)).toEqual(['Bob: first', 'Ann: second'])
  expect(store.names).toEqual(['Ann'])
})

test('follows another room when it is changed, and none when it is gone', async () => {
  const { lobby } = realtime.channels
  const store = enter('a')
  await net.settle()
  store.room = 'b'
  await net.settle()
  await lobby({ room: 'a' }).emit('message', { from: 'Bob', text: 'in a' })
  await lobby({ room: 'b' }).emit('message', { from: 'Bob', text: 'in b' })
  await net.settle()
  expect(store.messages.map(({ text }) => text)).toEqual(['in b'])
  store.room = undefined
  await nextTick()
  expect(store.status).toBe('idle')
  await expect(store.say('to nobody')).rejects.toMatchObject({ code: 'bad_channel' })
})

test('lets go of the channel with the store', async () => {
  const store = enter('a')
  await net.settle()
  expect(await realtime.channels.lobby({ room: 'a' }).members()).toHaveLength(1)
  store.$dispose()
  await net.advance(2000)
  expect(await realtime.channels.lobby({ room: 'a' }).members()).toEqual([])
  // Nobody needs the connection any more.
  await net.advance(20_000)
  expect(ann.connection.getSnapshot().state).toBe('idle')
})
