// The recipes, running: their own tests as a reader would run them, and what the page says about permissions, webhooks and
// tables.

import { createClient } from '@triwire/client'
import type { Servable } from '@triwire/server'
import type { Hono } from 'hono'
import { sign } from 'hono/jwt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadSnippet, serveOnFreePort } from '../src/page-server.ts'
import { guidePages } from '../src/repository.ts'
import { snippetsOf, writeSnippets } from '../src/snippets.ts'

const page = 'docs/guide/recipes.md'
const snippets = guidePages().flatMap(snippetsOf)
const load = <TModule>(name: string): Promise<TModule> => loadSnippet<TModule>(workshop, page, name)
const workshop = writeSnippets(snippets)
// A server of its own, which its test closes.
const ownWorkshop = writeSnippets(snippets)

afterAll(() => {
  workshop.remove()
  ownWorkshop.remove()
})

describe('the test of the recipes', async () => {
  await loadSnippet(ownWorkshop, page, 'inbox-test.ts')
})

describe('a recipe', () => {
  interface Handle {
    on(handlers: object): () => void
    observe(options: object): {
      subscribe(listener: () => void): () => void
      getSnapshot(): { readonly status: string; readonly data: unknown }
    }
  }
  type Rt = Record<'room' | 'alerts' | 'tasks' | 'price', (params: object) => Handle>
  let rt: Rt
  let close: () => Promise<void>

  beforeAll(async () => {
    const { realtime } = await load<{ realtime: Servable & { close(): Promise<void> } }>('realtime.ts')
    const served = await serveOnFreePort(realtime)
    const exp = Math.floor(Date.now() / 1000) + 60
    const auth = () => sign({ sub: 'ann', exp }, 'for this machine only')
    const client = createClient({ url: `${served.origin}/rt`, auth })
    rt = client.channels as unknown as Rt
    close = () => {
      client.close()
      return served.close()
    }
  })
  afterAll(() => close())

  test('puts somebody out of a room, and lets them in again', async () => {
    const { add } = await load<{ add(userId: string, roomId: string): void }>('members.ts')
    const { removeFromRoom } = await load<{ removeFromRoom(userId: string, roomId: string): Promise<void> }>(
      'moderation.ts',
    )
    add('ann', 'r1')
    const room = rt.room({ roomId: 'r1' })
    const first = room.observe({})
    const unsubscribe = first.subscribe(() => {})
    await expect.poll(() => first.getSnapshot().status).toBe('live')
    await removeFromRoom('ann', 'r1')
    await expect.poll(() => first.getSnapshot().status).toBe('denied')
    add('ann', 'r1')
    const second = room.observe({})
    const unsubscribeSecond = second.subscribe(() => {})
    await expect.poll(() => second.getSnapshot().status).toBe('live')
    unsubscribe()
    unsubscribeSecond()
  })

  test('turns a webhook into a toast', async () => {
    const { webhooks } = await load<{ webhooks: Hono }>('webhooks.ts')
    const toasts: string[] = []
    const alerts = rt.alerts({ userId: 'ann' })
    const off = alerts.on({ alert: ({ text }: { text: string }) => toasts.push(text) })
    const joined = alerts.observe({})
    const unsubscribe = joined.subscribe(() => {})
    await expect.poll(() => joined.getSnapshot().status).toBe('live')
    const response = await webhooks.request('/paid/ann', { method: 'POST', body: '{"id":"1"}' })
    expect(response.status).toBe(204)
    await expect.poll(() => toasts).toEqual(['Your payment has arrived.'])
    off()
    unsubscribe()
  })

  test('sends what stands in a table', async () => {
    const { add } = await load<{ add(userId: string, roomId: string): void }>('members.ts')
    const { sendAll } = await load<{ sendAll(outbox: object): Promise<void> }>('outbox.ts')
    add('ann', 'l1')
    const tasks = rt.tasks({ listId: 'l1' }).observe({
      initial: () => [],
      reduce: { saved: (list: string[], { title }: { title: string }) => [...list, title] },
    })
    const unsubscribe = tasks.subscribe(() => {})
    await expect.poll(() => tasks.getSnapshot().status).toBe('live')
    const rows = ['milk', 'bread'].map((title, id) => ({ id, listId: 'l1', task: { id: `${id}`, title } }))
    await sendAll({ first: async () => rows[0], remove: async () => void rows.shift() })
    await expect.poll(() => tasks.getSnapshot().data).toEqual(['milk', 'bread'])
    unsubscribe()
  })

  test('gives a newcomer the newest value alone', async () => {
    const { realtime } = await load<{ realtime: { channels: Record<'price', (params: object) => Emitter> } }>(
      'realtime.ts',
    )
    const price = realtime.channels.price({ symbol: 'ACME' })
    for (const bid of [1, 2, 3]) await price.emit('tick', { bid })
    const latest = rt.price({ symbol: 'ACME' }).observe({ latest: 'tick' })
    const unsubscribe = latest.subscribe(() => {})
    await expect.poll(() => latest.getSnapshot().data).toEqual({ bid: 3 })
    unsubscribe()
  })
})

interface Emitter {
  emit(event: string, data: unknown): Promise<void>
}
