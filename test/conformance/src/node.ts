/** One node of the app that the cases run against: Hono on Node, on a free loopback port. */
import { serve } from '@hono/node-server'
import { triwire, webSocket } from '@triwire/hono'
import { Hono } from 'hono'
import { type App, type AppOptions, createApp } from './app.ts'
import { blindfold } from './blind-host.ts'

/** What a node is made of. */
export interface NodeOptions extends AppOptions {
  /** Whether its host cannot tell how much it has buffered. */
  readonly isBlind: boolean
}

/** A running node. */
export interface Node {
  readonly port: number
  /** Emits an event from server code. */
  readonly emit: App['emit']
  drain(spreadMs: number): Promise<void>
  leave(): Promise<void>
  close(): Promise<void>
}

/** Starts one. */
export async function startNode({ isBlind, ...options }: NodeOptions): Promise<Node> {
  const { realtime, emit } = createApp(options)
  const { engine, missing } = realtime
  const app = new Hono().route('/rt', triwire({ engine: isBlind ? blindfold(engine) : engine, missing }))
  const { websocket } = webSocket(realtime)
  const { server, port } = await new Promise<{ server: ReturnType<typeof serve>; port: number }>((resolve) => {
    const starting = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0, websocket }, (info) =>
      resolve({ server: starting, port: info.port }),
    )
  })

  return {
    port,
    emit,
    drain: async (spreadMs) => void realtime.drain({ spreadMs }),
    leave: () => realtime.close(),
    close: async () => {
      await realtime.close()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        if ('closeAllConnections' in server) server.closeAllConnections()
      })
    },
  }
}
