import { type ReactNode, StrictMode } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { expect, test, vi } from 'vitest'
import { useConnection, usePresence, useRealtime } from '../src/index.ts'
import { FakeChannel, fakeClient } from './fake-channel.ts'
import { act } from './render.ts'

interface Props {
  readonly chat: FakeChannel<'chat'>
  readonly client: ReturnType<typeof fakeClient>
}

function Page({ chat, client }: Props): ReactNode {
  const { status, data } = useRealtime(chat.handle, { initial: 0, reduce: { message: (n) => n + 1 } })
  const { synced } = usePresence(chat.handle, { set: { name: 'Ann' } })
  const off = useRealtime(null)
  return (
    <p>
      {status} {String(data)} {String(synced)} {off.status} {useConnection(client).state}
    </p>
  )
}

test('a server renders joining and idle, and subscribes to nothing', () => {
  const [chat, client] = [new FakeChannel('chat', 'a'), fakeClient('idle')]
  const html = renderToString(<Page chat={chat} client={client} />).replaceAll('<!-- -->', '')
  expect(html).toBe('<p>joining undefined false idle idle</p>')
  expect([chat.subscriptions, client.listeners.size, chat.calls]).toEqual([0, 0, []])
})

test('hydration matches the server, though channel and connection are up by then, and goes live afterwards', async () => {
  const [chat, client] = [new FakeChannel('chat', 'a'), fakeClient('idle')]
  const container = document.createElement('div')
  document.body.append(container)
  container.innerHTML = renderToString(<Page chat={chat} client={client} />)
  client.set('online')
  chat.warm = 7
  const complain = vi.spyOn(console, 'error')
  const recoverable: unknown[] = []
  const root = await act(async () =>
    hydrateRoot(
      container,
      <StrictMode>
        <Page chat={chat} client={client} />
      </StrictMode>,
      { onRecoverableError: (error) => recoverable.push(error) },
    ),
  )
  act(() => chat.emit('message', { id: '1', text: 'hi', at: '' }))
  act(() => chat.frame())
  expect(container.textContent).toBe('live 1 false idle online')
  act(() => chat.present('Bob'))
  expect(container.textContent).toBe('live 1 true idle online')
  expect([recoverable, complain.mock.calls]).toEqual([[], []])
  act(() => root.unmount())
  expect([chat.open, client.listeners.size]).toEqual([0, 0])
})
