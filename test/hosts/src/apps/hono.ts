/** The app under Hono, in the same lines on every runtime. Which adapter that is, is decided where this is bundled. */
import { triwire, webSocket } from '@triwire/hono'
import { Hono } from 'hono'
import type { ServedApp } from './app.ts'

/** What a runtime is given: `fetch`, and what it needs for WebSocket. */
export function makeHono({ realtime, inside }: ServedApp) {
  const { fetch } = new Hono().route('/rt', triwire(realtime)).all('/inside/*', (c) => inside(c.req.raw))
  return { fetch, ...webSocket(realtime) }
}
