import { triwire } from '@triwire/hono'
import { Hono } from 'hono'
import { ask, realtime } from './answers.ts'

export const app = new Hono()
  .route('/rt', triwire(realtime))
  // For callers that want the whole answer at once. Whoever hangs up gets none, and the answer goes on all the same.
  .put('/answers/:id', async (c) => {
    const { prompt } = await c.req.json<{ prompt: string }>()
    return c.json(await ask(c.req.param('id'), prompt))
  })
