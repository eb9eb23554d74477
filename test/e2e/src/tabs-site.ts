// A site whose tabs share a wire, over HTTP/1.1 and SSE: a page with the real client, and a server that counts.

import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { serve } from '@hono/node-server'
import { triwire } from '@triwire/hono'
import { channel, contract } from '@triwire/protocol'
import { createRealtime } from '@triwire/server'
import { build } from 'esbuild'
import { Hono } from 'hono'
import { z } from 'zod'

/** Its contract. */
export const api = contract({
  ticks: channel('ticks', {
    events: { tick: z.object({ n: z.number() }) },
    publish: ['tick'],
    history: { keep: 5000, ttl: '1h' },
  }),
  said: channel('said', {
    events: { said: z.object({ from: z.string(), n: z.number() }) },
    publish: ['said'],
    history: { keep: 5000, ttl: '1h' },
  }),
})

/** The site. */
export interface TabsSite {
  readonly url: string
  /** Streams that are open at the server. */
  readonly streams: () => number
  /** The last number that was emitted. */
  readonly last: () => number
  /** Emits the next number. */
  emit(): Promise<void>
  stop(): Promise<void>
}

/** Starts it. */
export async function startTabsSite(): Promise<TabsSite> {
  const bundled = await build({
    entryPoints: [fileURLToPath(new URL('tab-page.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    conditions: ['@triwire/source'],
    write: false,
    logLevel: 'silent',
  })
  const script = bundled.outputFiles[0]?.text ?? ''
  const realtime = createRealtime(api, { auth: () => ({ id: 'ann' }) })
  const app = new Hono()
    .get('/', (context) =>
      context.html('<!doctype html><title>tabs</title><script type="module" src="/tab.js"></script>'),
    )
    .get('/tab.js', (context) => context.body(script, 200, { 'content-type': 'text/javascript' }))
    .get('/hello', (context) => context.text('hello'))
    .route('/rt', triwire(realtime))
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
  let streams = 0
  server.on('request', ({ url }: IncomingMessage, response: ServerResponse) => {
    if (url !== '/rt/stream') return
    streams++
    response.on('close', () => streams--)
  })
  if (!server.listening) await once(server, 'listening')
  let last = 0
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    streams: () => streams,
    last: () => last,
    emit: () => realtime.channels.ticks().emit('tick', { n: ++last }),
    async stop() {
      await realtime.close()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
