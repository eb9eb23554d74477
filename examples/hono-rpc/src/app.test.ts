import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type ServerType, serve } from '@hono/node-server'
import { webSocket } from '@triwire/hono'
import { afterAll, afterEach, beforeAll, expect, expectTypeOf, test } from 'vitest'
import { WebSocket } from 'ws'
import { app, realtime } from './app.ts'
import { connect } from './client.ts'
import type { Order } from './contract.ts'

let server: ServerType
let kitchen: ReturnType<typeof connect>

beforeAll(async () => {
  server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', ...webSocket(realtime) })
  if (!server.listening) await once(server, 'listening')
  // Node 20 has no WebSocket of its own.
  const { port } = server.address() as AddressInfo
  kitchen = connect(`http://127.0.0.1:${port}`, { webSocket: WebSocket })
})

afterEach(() => kitchen.realtime.close())

afterAll(async () => {
  await realtime.close()
  server.close()
})

test('what one request does, everybody who looks on is told, in the same shape', async () => {
  const { http, realtime: client } = kitchen
  const orders = http.tables[':table'].orders
  const news: Order[] = []
  const table = client.channels.orders({ table: '7' })
  const observer = table.observe({
    on: { placed: (order) => news.push(order), served: (order) => news.push(order) },
  })
  observer.subscribe(() => {})
  await expect.poll(() => observer.getSnapshot().status).toBe('live')

  const order = await (await orders.$post({ param: { table: '7' }, json: { dish: 'soup' } })).json()
  await orders[':id'].served.$put({ param: { table: '7', id: order.id } })
  await expect.poll(() => news).toEqual([order, { ...order, served: true }])
  expectTypeOf(order).toExtend<Order>()
  expect(client.connection.getSnapshot().wire).toBe('websocket')

  const list = await (await orders.$get({ param: { table: '7' } })).json()
  expect(list).toEqual([{ ...order, served: true }])
  const refused = await orders.$post({ param: { table: '7' }, json: { dish: '' } })
  expect(refused.status).toBe(400)
})
