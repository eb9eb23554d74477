// Hono's `streamSSE` on Node, as its documentation shows it: a handler that lasts as long as its stream.

import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { type SSEStreamingApi, streamSSE } from 'hono/streaming'
import type { BenchServer } from './bench-server.ts'
import { Rooms } from './rooms.ts'

export async function start(): Promise<BenchServer> {
  const rooms = new Rooms<SSEStreamingApi>()
  const app = new Hono().get('/', (c) =>
    streamSSE(c, async (stream) => {
      const channels = c.req.query('c')?.split(',') ?? []
      rooms.join(channels, stream)
      await stream.writeSSE({ data: 'ready' })
      await new Promise<void>((resolve) => stream.onAbort(resolve))
      rooms.leave(channels, stream)
    }),
  )
  const port = await new Promise<number>((resolve) => {
    serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, (info) => resolve(info.port))
  })
  return {
    port,
    publish(channel, text) {
      const data = JSON.stringify(text)
      for (const stream of rooms.in(channel)) void stream.writeSSE({ data })
    },
  }
}
