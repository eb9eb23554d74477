import { testNetwork } from '@triwire/test'
import { expect, onTestFinished, test } from 'vitest'
import { realtime } from './realtime.ts'

test('what was said while a client was away reaches it once, in order', async () => {
  const net = testNetwork(realtime) // what createRealtime has returned
  onTestFinished(() => net.close())
  const ann = net.client({ auth: () => 'ann' })
  const bob = net.client({ auth: () => 'bob' })
  const seen: string[] = []
  ann.channels.lobby({ room: 'a' }).on({ message: ({ text }) => seen.push(text) })
  await net.settle()

  ann.network.offline()
  await bob.channels.lobby({ room: 'a' }).publish('message', { text: 'one' })
  await realtime.channels.lobby({ room: 'a' }).emit('message', { text: 'two' })
  await net.advance(60_000) // a minute, in no time
  expect(seen).toEqual([])

  ann.network.block('websocket')
  ann.network.online()
  await net.settle()
  expect(seen).toEqual(['one', 'two'])
  expect(ann.connection.getSnapshot()).toMatchObject({ state: 'online', wire: 'sse' })
})
