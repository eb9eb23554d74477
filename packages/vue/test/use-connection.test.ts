import { expect, test } from 'vitest'
import { createApp, effectScope, h, type ShallowRef } from 'vue'
import { provideRealtime, useConnection } from '../src/index.ts'
import { fakeClient } from './fake-channel.ts'

test('without any client the connection is idle, inside a component or not', () => {
  const connection = effectScope(true).run(() => useConnection())
  expect(connection?.value).toMatchObject({ state: 'idle', wire: undefined, attempt: 0 })
})

test('an app or a component provides the client, and an argument names another', () => {
  const [inApp, inParent, passed] = [fakeClient('connecting'), fakeClient('online'), fakeClient('offline')]
  const states: (() => string)[] = []
  const show = (connection: Readonly<ShallowRef<{ state: string }>>) => states.push(() => connection.value.state)
  const Child = {
    setup() {
      show(useConnection())
      show(useConnection(passed))
      return () => h('p')
    },
  }
  const Parent = {
    setup() {
      show(useConnection())
      provideRealtime(inParent)
      return () => h(Child)
    },
  }
  const app = createApp(Parent)
  provideRealtime(inApp, app)
  app.mount(document.createElement('div'))
  expect(states.map((state) => state())).toEqual(['connecting', 'online', 'offline'])
  inApp.set('reconnecting')
  expect(states.map((state) => state())).toEqual(['reconnecting', 'online', 'offline'])
  app.unmount()
  expect([inApp, inParent, passed].map((client) => client.listeners.size)).toEqual([0, 0, 0])
})
