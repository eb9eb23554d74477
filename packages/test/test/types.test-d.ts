import { channel, contract } from '@triwire/protocol'
import { createRealtime } from '@triwire/server'
import { expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { testNetwork } from '../src/index.ts'
import { type Api, createApp } from './app.ts'

const net = testNetwork(createApp())
const client = net.client()

test('clients are typed by the server', () => {
  expectTypeOf(client.channels.lobby).parameter(0).toEqualTypeOf<{ readonly room: string | number }>()
  const lobby = client.channels.lobby({ room: 'a' })
  lobby.on({
    message: ({ text }, { own }) => expectTypeOf([text, own] as const).toEqualTypeOf<readonly [string, boolean]>(),
  })
  // @ts-expect-error the contract has no such channel
  client.channels.kitchen()
  // @ts-expect-error nor is this published by clients
  void client.channels.board().publish('line', { n: 1 })
  expectTypeOf(testNetwork(createApp())).toExtend<ReturnType<typeof testNetwork<Api['channels'], { id: string }>>>()
})

test('a server without its implementations is refused', () => {
  const api = contract({
    chat: channel('chat', { events: {}, commands: { say: { input: z.string(), output: z.string() } } }),
  })
  // @ts-expect-error chat has no implementation
  testNetwork(createRealtime(api, { auth: () => ({ id: 'anybody' }) }))
})

test('until hands back what was found', () => {
  expectTypeOf(net.until(() => 'found')).toEqualTypeOf<Promise<string>>()
  expectTypeOf(net.until((): number | false => false)).toEqualTypeOf<Promise<number>>()
})

test('what the network brings cannot be given', () => {
  net.client({ auth: () => 'ann', wires: ['sse'], backoff: { capMs: 1000 }, headers: { cookie: 'a=b' } })
  // @ts-expect-error the network has one
  net.client({ url: '/rt' })
  // @ts-expect-error no such wire
  net.block('pigeon')
  // @ts-expect-error there is only real, or nothing
  testNetwork(createApp(), { time: 'fake' })
})
