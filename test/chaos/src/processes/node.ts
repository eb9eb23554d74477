// A Triwire node: Hono on Node, on a broker of its own or on the one in another process.

import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { triwire, webSocket } from '@triwire/hono'
import { createRealtime, formatCursor, type Limits, memory } from '@triwire/server'
import { Hono } from 'hono'
import { STORE } from '../checker.ts'
import { clock, TIMED } from '../clock.ts'
import { api } from '../contract.ts'
import { openHistory } from '../history.ts'
import { serveParent } from './child.ts'
import { type BrokerSpec, createBroker } from './create-broker.ts'
import { measureMemory, type ServerMemory } from './memory.ts'
import { recordAppends } from './record-appends.ts'

/** How a node is set up. */
export interface NodeSetup {
  readonly folder: string
  /** Unique to this life of the node: the sender of what it emits. */
  readonly name: string
  readonly port?: number
  /** Left out, the node has a memory broker of its own. */
  readonly broker?: BrokerSpec
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
  /** The number of the first one. Default 1. */
  readonly first?: number
  /** Whether each waits for the answer of the one before: without that, an app has no say in their order. */
  readonly inTurn?: boolean
  /** Where the history of this run goes. Left out, to the one of the node. */
  readonly folder?: string
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
    setup.broker === undefined ? recordAppends(memory(), write, setup.life ?? 0) : await createBroker(setup.broker)
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
  return {
    realtime,
    broker,
    server,
    sockets,
    write,
    name: setup.name,
    port: (server.address() as AddressInfo).port,
  }
}

let node: Awaited<ReturnType<typeof start>>

const handlers = {
  async start(setup: NodeSetup): Promise<{ port: number }> {
    node = await start(setup)
    return { port: node.port }
  },

  /** Emits so many and resolves when each has been answered. */
  async emit({ run, count, everyMs, padBytes = 0, first = 1, inTurn = false, folder }: EmitPlan): Promise<void> {
    const write = folder === undefined ? node.write : openHistory(folder, `${node.name}-emits`)
    const channel = node.realtime.channels.down({ run })
    const pad = padBytes === 0 ? {} : { pad: 'x'.repeat(padBytes) }
    const answers: Promise<void>[] = []
    const startedAt = performance.now()
    for (let n = first; n < first + count; n++) {
      const message = { c: channel.address, s: node.name, n } as const
      write({ k: 'sent', ...message })
      const answer = channel.emit('message', { s: node.name, n, ...pad }).then(
        () => write({ k: 'acked', ...message }),
        // Without an answer it is open whether the event is in the log.
        () => undefined,
      )
      answers.push(answer)
      if (inTurn) await answer
      // By the clock and not by the number of sleeps, which are late under load.
      const early = startedAt + (n - first + 1) * everyMs - performance.now()
      if (early > 0) await sleep(early)
    }
    await Promise.all(answers)
  },

  /** Emits events that say when they were emitted; the milliseconds until the last one was answered. */
  async emitTimed({ run, count, everyMs }: Pick<EmitPlan, 'run' | 'count' | 'everyMs'>): Promise<number> {
    const channel = node.realtime.channels.down({ run })
    const startedAt = clock()
    const answers: Promise<void>[] = []
    for (let index = 0; index < count; index++) {
      answers.push(channel.emit('message', { s: TIMED, n: clock() }))
      const early = startedAt + (index + 1) * everyMs - clock()
      if (early > 0) await sleep(early)
    }
    await Promise.all(answers)
    return clock() - startedAt
  },

  /** Tells every reader of a channel that this is the end, outside of all counting. */
  async mark({ run, n, of = 'down' }: { run: string; n: number; of?: 'down' | 'up' }): Promise<void> {
    await node.realtime.channels[of]({ run }).emit('message', { s: 'end', n })
  },

  /** Writes down what the log of a channel holds, as a reader of its own. */
  async readLog({ of, run, folder }: { of: 'down' | 'up'; run: string; folder: string }): Promise<void> {
    const write = openHistory(folder, STORE)
    const c = node.realtime.channels[of]({ run }).address
    const page = { limit: 300, bytes: 1024 * 1024 }
    let result = await node.broker.read(c, { tail: 1_000_000, ...page })
    while (result.status === 'page' && result.entries.length > 0) {
      for (const { cursor, data } of result.entries) {
        const { s, n } = JSON.parse(data) as { s: string; n: number }
        if (s !== 'end') write({ k: 'got', c, r: STORE, s, n, at: formatCursor(cursor) })
      }
      const after = result.entries.at(-1)?.cursor
      result = await node.broker.read(c, { after, ...page })
    }
    if (result.status === 'gap') throw new Error(`The log of ${c} was trimmed while it was read.`)
  },

  /** Who is present, by the name each shows. */
  async members(run: string): Promise<string[]> {
    const members = await node.realtime.channels.down({ run }).members()
    return members.map(({ value }) => value.s).sort()
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

/** What the parent may call. */
export type NodeProcess = typeof handlers

serveParent(handlers)
