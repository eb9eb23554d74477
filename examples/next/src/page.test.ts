import { createClient } from '@triwire/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Api } from './contract.ts'
import { type RunningApp, startApp } from './start.ts'

let app: RunningApp
beforeAll(async () => {
  app = await startApp()
}, 60_000)
afterAll(() => app.stop())

const messagesIn = (html: string): string[] =>
  [...html.matchAll(/<li>(.*?)<\/li>/g)].map(([, text]) => text as string)

test('a page is rendered with what its room holds, and events come behind that', async () => {
  const client = createClient<Api>({ url: `${app.origin}/rt`, wires: ['sse'] })
  const room = client.channels.chat({ roomId: 'first' })
  const heard = new Promise<string>((resolve) => room.on({ message: ({ text }) => resolve(text) }))
  expect(messagesIn(await (await fetch(`${app.origin}/rooms/first`)).text())).toEqual([])

  await room.commands.send({ text: 'hello' })
  expect(await heard).toBe('hello')
  const html = await (await fetch(`${app.origin}/rooms/first`)).text()
  expect(messagesIn(html)).toEqual(['hello'])
  expect(html).toContain('<output>stale</output>')
  // The page has the position that it goes on behind.
  expect(html).toMatch(/cursor\\?":\\?"[\w-]+:1:/)
  expect(messagesIn(await (await fetch(`${app.origin}/rooms/second`)).text())).toEqual([])
  client.close()
})
