// A Triwire node: Hono on Node, on a broker of its own or on the one in another process.

import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { triwire, webSocket } from '@triwire/hono'
import { createRealtime, type Limits, memory } from '@triwire/server'
import { Hono } from 'hono'
import { connectBroker } from '../broker/remote-broker.ts'
import { api } from '../contract.ts'
import { type HistoryLine, openHistory } from '../history.ts'
import { serveParent } from './child.ts'
import { measureMemory, type ServerMemory } from './memory.ts'
import { recordAppends } from './record-appends.ts'

/** How a node is set up. */
export interface NodeSetup {
  readonly folder: string
  /** Unique to this life of the node: the sender of what it emits. */
  readonly name: string
  readonly port?: number
  /** Left out, the node has a memory broker of its own. */
  readonly brokerPort?: number
  readonly life?: number
  readonly limits?: Partial<Limits>
}

/** What a node is to emit. */
export interface EmitPlan {
  readonly run: string
  readonly count: number
  readonly everyMs: number
  /** Bytes of padding in each event. */
  readonly padBytes?: number
}

/** Nobody here is slow, and nobody shares an address with strangers. */
const LIMITS: Partial<Limits> = {
  rate: 5000,
  burst: 5000,
  connectionsPerUser: 20_000,
  connectionsPerAddress: 20_000,
}

async function start(setup: NodeSetup) {
  const write = openHistory(setup.folder, setup.name)
  const broker =
    setup.brokerPort === undefined
      ? recordAppends(memory(), write, setup.life ?? 0)
      : await connectBroker(setup.brokerPort)
  const realtime = createRealtime(api, {
    auth: () => ({ id: 'tester' }),
    broker,
    limits: { ...LIMITS, ...setup.limits },
    logger: { warn: () => {}, error: () => {} },
  })
  const app = new Hono().route('/rt', triwire(realtime))
  const server = serve({
    fetch: app.fetch,
    port: setup.port ?? 0,
    hostname: '127.0.0.1',
    ...webSocket(realtime),
  }) as Server
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await once(server, 'listening')
  return { realtime, server, sockets, write, name: setup.name, port: (server.address() as AddressInfo).port }
}

let node: Awaited<ReturnType<typeof start>>

const handlers = {
  async start(setup: NodeSetup): Promise<{ port: number }> {
    node = await start(setup)
    return { port: node.port }
  },

  /** Emits 1 to `count` and resolves when each has been answered. */
  async emit({ run, count, everyMs, padBytes = 0 }: EmitPlan): Promise<void> {
    const channel = node.realtime.channels.down({ run })
    const pad = padBytes === 0 ? {} : { pad: 'x'.repeat(padBytes) }
    const answers: Promise<void>[] = []
    const startedAt = performance.now()
    for (let n = 1; n <= count; n++) {
      const message = { c: channel.address, s: node.name, n } as const
      write({ k: 'sent', ...message })
      answers.push(
        channel.emit('message', { s: node.name, n, ...pad }).then(
          () => write({ k: 'acked', ...message }),
          // Without an answer it is open whether the event is in the log.
          () => undefined,
        ),
      )
      // By the clock and not by the number of sleeps, which are late under load.
      const early = startedAt + n * everyMs - performance.now()
      if (early > 0) await sleep(early)
    }
    await Promise.all(answers)
  },

  /** Tells every reader of a channel that this is the end, outside of all counting. */
  async mark({ run, n }: { run: string; n: number }): Promise<void> {
    await node.realtime.channels.down({ run }).emit('message', { s: 'end', n })
  },

  memory(): Promise<ServerMemory> {
    return measureMemory(node.sockets)
  },

  /** A deploy: says goodbye to every client, then goes. */
  async drain(): Promise<void> {
    node.server.close()
    await node.realtime.close()
    node.server.closeAllConnections()
  },
}

function write(line: HistoryLine): void {
  node.write(line)
}

/** What the parent may call. */
export type NodeProcess = typeof handlers

serveParent(handlers)
