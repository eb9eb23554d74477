// The server of a page, running: its `realtime.ts` behind Hono on a free port, and its components with a client that knows
// the port. Nothing else of a page is changed.

import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pathToFileURL } from 'node:url'
import { serve } from '@hono/node-server'
import { triwire, webSocket } from '@triwire/hono'
import type { Servable } from '@triwire/server'
import { Hono } from 'hono'
import { guidePages } from './repository.ts'
import { snippetsOf, type Workshop, writeSnippets } from './snippets.ts'

/** A server that can be served and closed. */
type Realtime = Servable & { close(): Promise<void> }

/** A page whose server runs. */
export interface PageServer {
  /** The module of a snippet: that of the running server, or what a browser would load. */
  load<TModule>(name: string): Promise<TModule>
  /** Ends client and server, and removes the files. */
  close(): Promise<void>
}

/** Serves under `/rt` of a free port. */
export async function serveOnFreePort(
  realtime: Realtime,
): Promise<{ readonly origin: string; readonly server: Server; close(): Promise<void> }> {
  const app = new Hono().route('/rt', triwire(realtime))
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', ...webSocket(realtime) }) as Server
  if (!server.listening) await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    async close() {
      await realtime.close()
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Starts the server of a page of the guide. */
export async function startPage(page: string): Promise<PageServer> {
  const snippets = guidePages().flatMap(snippetsOf)
  const onServer = writeSnippets(snippets)
  const { realtime } = await loadSnippet<{ realtime: Realtime }>(onServer, page, 'realtime.ts')
  const { origin, close } = await serveOnFreePort(realtime)
  // A browser's page has an origin, and WebSocket. Here there are the wires of Node 20, and a whole address.
  const inPage = writeSnippets(snippets, ({ name, code }) =>
    name === 'client.ts' ? code.replace("url: '/rt'", `url: '${origin}/rt', wires: ['sse', 'polling']`) : code,
  )
  const { client } = await loadSnippet<{ client: { close(): void } }>(inPage, page, 'client.ts')
  return {
    load: (name) => loadSnippet(name === 'realtime.ts' ? onServer : inPage, page, name),
    async close() {
      client.close()
      await close()
      onServer.remove()
      inPage.remove()
    },
  }
}

/** The module of a snippet. */
export async function loadSnippet<TModule>(workshop: Workshop, page: string, name: string): Promise<TModule> {
  return (await import(/* @vite-ignore */ pathToFileURL(workshop.pathOf(page, name)).href)) as TModule
}
