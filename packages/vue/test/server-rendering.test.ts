import { expect, test, vi } from 'vitest'
import { createSSRApp, defineComponent, h, nextTick } from 'vue'
import { renderToString } from 'vue/server-renderer'
import { useConnection, usePresence, useRealtime } from '../src/index.ts'
import { FakeChannel, fakeClient } from './fake-channel.ts'

function createPage() {
  const chat = new FakeChannel('chat', 'a')
  const client = fakeClient('idle')
  const Page = defineComponent({
    setup() {
      const { status, data } = useRealtime(() => chat.handle, { initial: 0, reduce: { message: (n) => n + 1 } })
      const { synced } = usePresence(chat.handle, { set: { name: 'Ann' } })
      const off = useRealtime(null)
      const connection = useConnection(client)
      return () =>
        h(
          'p',
          [status, data, synced, off.status]
            .map((r) => String(r.value))
            .concat(connection.value.state)
            .join(' '),
        )
    },
  })
  return { chat, client, Page }
}

test('a server renders joining and idle, and subscribes to nothing', async () => {
  const { chat, client, Page } = createPage()
  expect(await renderToString(createSSRApp(Page))).toBe('<p>joining undefined false idle idle</p>')
  expect([chat.subscriptions, client.listeners.size, chat.calls]).toEqual([0, 0, []])
})

test('hydration matches the server, though channel and connection are up by then, and goes live afterwards', async () => {
  const { chat, client, Page } = createPage()
  const host = document.createElement('div')
  host.innerHTML = await renderToString(createSSRApp(Page))
  client.set('online')
  chat.warm = 7
  const [warn, error] = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'error')]
  const app = createSSRApp(Page)
  app.mount(host)
  await nextTick()
  expect(host.innerHTML).toBe('<p>live 7 false idle online</p>')
  chat.emit('message', {})
  chat.present('Bob')
  await nextTick()
  expect(host.textContent).toBe('live 1 true idle online')
  expect([warn.mock.calls, error.mock.calls]).toEqual([[], []])
  app.unmount()
  expect([chat.open, client.listeners.size]).toEqual([0, 0])
})
