/** The nodes behind a proxy: one app, one Redis, and a look at what reaches each of them. */
import { type EventEmitter, once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { serve } from '@hono/node-server'
import { triwire, webSocket } from '@triwire/hono'
import { channel, contract } from '@triwire/protocol'
import { redis } from '@triwire/redis'
import { createRealtime, type Limits } from '@triwire/server'
import { Hono } from 'hono'
import { z } from 'zod'

export const api = contract({
  run: channel('run/:id', {
    events: { message: z.object({ by: z.string(), n: z.number() }) },
    publish: ['message'],
    history: { keep: 5000 },
  }),
  scores: channel('scores/:match', {
    events: { goal: z.object({ n: z.number() }) },
    history: { keep: 5000 },
    public: true,
  }),
})

/** One node. */
export interface Node {
  readonly port: number
  /** Requests that have reached it, upgrades included. */
  readonly requests: number
  /** Headers that `auth` was given, each time. */
  readonly asked: readonly Headers[]
  /** Emits `request` with each request and its response. */
  readonly server: EventEmitter<{ request: [IncomingMessage, ServerResponse] }>
  emit(id: string, n: number): Promise<void>
  /** Emits in the public channel. */
  score(match: string, n: number): Promise<void>
  drain(spreadMs: number): Promise<void>
  /** Cuts everything and listens no more, without a word. */
  kill(): Promise<void>
  close(): Promise<void>
}

/** All clients have the address of the proxy, and one user. */
const LIMITS: Partial<Limits> = { rate: 5000, burst: 5000, connectionsPerUser: 5000, connectionsPerAddress: 5000 }

/** Starts three. */
export function startNodes(url: string, limits: Partial<Limits> = {}): Promise<readonly Node[]> {
  const prefix = `proxies-${process.hrtime.bigint()}:`
  return Promise.all([0, 1, 2].map(() => startNode(url, prefix, { ...LIMITS, ...limits })))
}

async function startNode(url: string, prefix: string, limits: Partial<Limits>): Promise<Node> {
  const asked: Headers[] = []
  const realtime = createRealtime(api, {
    broker: redis({ url, prefix }),
    auth: (request) => {
      asked.push(request.headers)
      return { id: 'ann' }
    },
    limits,
  })
  const app = new Hono().route('/rt', triwire(realtime))
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0, ...webSocket(realtime) }) as Server
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  let requests = 0
  const count = (): void => void requests++
  server.on('request', count).on('upgrade', count)
  await once(server, 'listening')
  const cut = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return {
    port: (server.address() as AddressInfo).port,
    get requests() {
      return requests
    },
    asked,
    server: server as unknown as Node['server'],
    emit: (id, n) => realtime.channels.run({ id }).emit('message', { by: 'server', n }),
    score: (match, n) => realtime.channels.scores({ match }).emit('goal', { n }),
    drain: (spreadMs) => realtime.drain({ spreadMs }),
    kill: cut,
    close: async () => {
      await realtime.close()
      await cut()
    },
  }
}
