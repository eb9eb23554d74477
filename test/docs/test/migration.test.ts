// Socket.IO and Triwire on one port, as they stand beside each other while an app moves from one to the other.

import { createClient } from '@triwire/client'
import type { Servable } from '@triwire/server'
import { type Server as IoServer, Server } from 'socket.io'
import { io as connect } from 'socket.io-client'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { loadSnippet, serveOnFreePort } from '../src/page-server.ts'
import { guidePages } from '../src/repository.ts'
import { snippetsOf, writeSnippets } from '../src/snippets.ts'

const page = 'docs/guide/migrating-from-socket-io.md'

test('the page of Socket.IO: before and after do the same, on one port, both over WebSocket', async () => {
  const workshop = writeSnippets(guidePages().flatMap(snippetsOf))
  onTestFinished(() => workshop.remove())
  const { io } = await loadSnippet<{ io: IoServer }>(workshop, page, 'before-server.ts')
  const { realtime } = await loadSnippet<{ realtime: Servable & { close(): Promise<void> } }>(
    workshop,
    page,
    'realtime.ts',
  )
  const { origin, server, close } = await serveOnFreePort(realtime)
  onTestFinished(close)
  expect(io).toBeInstanceOf(Server)
  io.attach(server)

  const socket = connect(origin, { auth: { token: 'ann' }, transports: ['websocket'] })
  onTestFinished(() => void socket.close())
  const before = new Promise((resolve) => socket.on('message', resolve))
  expect(await socket.emitWithAck('join', 'r1')).toEqual([])
  const beforeId = await socket.emitWithAck('send', 'r1', 'hello')
  expect(await before).toEqual({ id: beforeId, from: 'ann', text: 'hello' })

  const client = createClient({
    url: `${origin}/rt`,
    auth: () => 'ann',
    wires: ['websocket'],
    webSocket: WebSocket as never,
  })
  onTestFinished(() => client.close())
  const chat = (client.channels as unknown as Record<string, (params: object) => Chat>).chat?.({
    roomId: 'r1',
  }) as Chat
  const observer = chat.observe({
    initial: (snapshot: { messages: unknown[] }) => snapshot.messages,
    reduce: { message: (list: unknown[], message: unknown) => [...list, message] },
  })
  onTestFinished(observer.subscribe(() => {}))
  await expect.poll(() => observer.getSnapshot().data).toEqual([])
  const reply = await chat.commands.send?.({ text: 'hello' })
  await expect
    .poll(() => observer.getSnapshot().data)
    .toEqual([{ id: (reply as { id: string }).id, from: 'ann', text: 'hello' }])
  expect(client.connection.getSnapshot().wire).toBe('websocket')
})

interface Chat {
  readonly commands: Record<string, (input: object) => Promise<unknown>>
  observe(options: object): {
    subscribe(listener: () => void): () => void
    getSnapshot(): { readonly data: unknown }
  }
}
