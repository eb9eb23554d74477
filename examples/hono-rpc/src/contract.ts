import { channel, contract } from '@triwire/protocol'
import { z } from 'zod'

export const NewOrder = z.object({ dish: z.string().min(1) })
export const Order = NewOrder.extend({ id: z.string(), served: z.boolean() })

export const api = contract({
  orders: channel('orders/:table', { events: { placed: Order, served: Order }, history: { keep: 100, ttl: '1h' } }),
})

export type Api = typeof api
export type Order = z.output<typeof Order>
