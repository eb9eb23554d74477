/** One Hono app: requests and answers by Hono RPC, news by Triwire, the same schemas in both. */
import { triwire } from '@triwire/hono'
import { createRealtime } from '@triwire/server'
import { Hono } from 'hono'
import { validator } from 'hono/validator'
import { api, NewOrder, type Order } from './contract.ts'

export const realtime = createRealtime(api, { auth: () => ({ id: 'waiter' }) })

const orders = new Map<string, Order[]>() // your database
const ordersOf = (table: string): Order[] => orders.get(table) ?? []

const newOrder = validator('json', (value, c) => {
  const { success, data } = NewOrder.safeParse(value)
  return success ? data : c.text('An order names a dish.', 400)
})

export const app = new Hono()
  .get('/tables/:table/orders', (c) => c.json(ordersOf(c.req.param('table'))))
  .post('/tables/:table/orders', newOrder, async (c) => {
    const table = c.req.param('table')
    const order: Order = { id: crypto.randomUUID(), served: false, ...c.req.valid('json') }
    orders.set(table, [...ordersOf(table), order])
    await realtime.channels.orders({ table }).emit('placed', order)
    return c.json(order, 201)
  })
  .put('/tables/:table/orders/:id/served', async (c) => {
    const { table, id } = c.req.param()
    const order = ordersOf(table).find((one) => one.id === id)
    if (order === undefined) return c.text('There is no such order.', 404)
    order.served = true
    await realtime.channels.orders({ table }).emit('served', order)
    return c.json(order, 200)
  })
  .route('/rt', triwire(realtime))

export type App = typeof app
