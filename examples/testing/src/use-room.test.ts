import { type TestClient, type TestNetwork, testNetwork } from '@triwire/test'
import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { defineComponent, h, toRef } from 'vue'
import type { Api } from './contract.ts'
import { realtime } from './realtime.ts'
import { useRoom } from './use-room.ts'

let net: TestNetwork<Api>
let ann: TestClient<Api>

vi.mock('./client.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('./client.ts')>()),
  get rt() {
    return ann.channels
  },
}))

beforeEach(() => {
  net = testNetwork(realtime)
  ann = net.client({ auth: () => 'ann' })
})

afterEach(() => net.close())

const Room = defineComponent({
  props: { roomId: String },
  setup(props) {
    const { data, status, commands } = useRoom(toRef(props, 'roomId'))
    return () => [
      h('output', status.value),
      h(
        'ul',
        data.value?.map(({ id, from, text }) => h('li', { key: id }, `${from}: ${text}`)),
      ),
      h('button', { onClick: () => void commands.send({ text: 'hello' }) }, 'Say hello'),
    ]
  },
})

test('goes on where it was when the device comes back, over whatever wire is left', async () => {
  const bob = net.client({ auth: () => 'bob' }).channels.chat({ roomId: 'third' })
  const room = mount(Room, { props: { roomId: 'third' } })
  await net.settle()
  expect(room.get('output').text()).toBe('live')

  ann.network.offline()
  await bob.commands.send({ text: 'are you there?' })
  await room.get('button').trigger('click')
  await net.advance(30_000)
  expect(room.get('output').text()).toBe('stale')
  expect(room.findAll('li')).toEqual([])

  ann.network.block('websocket')
  ann.network.online()
  await net.settle()
  expect(room.get('output').text()).toBe('live')
  expect(room.findAll('li').map((item) => item.text())).toEqual(['bob: are you there?', 'ann: hello'])
  expect(ann.connection.getSnapshot().wire).toBe('sse')
  room.unmount()
})
