/** The app of these tests, as every node of it runs: what its handlers did is written down for all nodes together. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { triwire, webSocket } from '@triwire/hono'
import { channel, contract } from '@triwire/protocol'
import { type Broker, createRealtime, type Realtime } from '@triwire/server'
import { type Relay, startRelay } from '@triwire-test/services'
import { Hono } from 'hono'
import { z } from 'zod'

const message = z.object({ text: z.string() })

/** What both ends agree on. */
export const api = contract({
  room: channel('room/:id', {
    events: { message },
    publish: ['message'],
    presence: z.object({ name: z.string() }),
    commands: { work: { input: z.object({ job: z.string() }), output: z.object({ by: z.string() }) } },
  }),
})

/** Milliseconds a lease of presence runs here: short, because some are waited for, and long beside a busy machine. */
export const LEASE_MS = 4000

/** What is outside of every node: the tests' own hands, and what handlers did. */
export class World {
  /** Runs of command handlers: job and node. */
  readonly jobs: string[] = []
  /** Hooks that ran: hook and room. */
  readonly hooks: string[] = []
  /** Users who may not be anywhere, and user and room of those who may not be there. */
  readonly banned: Set<string> = new Set()
  readonly expelled: Set<string> = new Set()
  readonly #held = new Map<string, { readonly opened: Promise<void>; readonly open: () => void }>()
  readonly #watchers = new Set<() => void>()

  /** Has the handler of a job wait until it is let go. */
  hold(job: string): void {
    let open = (): void => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    this.#held.set(job, { opened, open })
  }

  letGo(job: string): void {
    this.#held.get(job)?.open()
  }

  async work(job: string, node: string): Promise<void> {
    this.jobs.push(`${job} ${node}`)
    this.changed()
    await this.#held.get(job)?.opened
  }

  changed(): void {
    for (const watch of [...this.#watchers]) watch()
  }

  /** Resolves when it holds. */
  async until(holds: () => boolean): Promise<void> {
    if (holds()) return
    await new Promise<void>((resolve) => {
      const watch = (): void => {
        if (!holds()) return
        this.#watchers.delete(watch)
        resolve()
      }
      this.#watchers.add(watch)
    })
  }
}

/** A running node. */
export interface AppNode {
  readonly name: string
  readonly port: number
  readonly realtime: Realtime<(typeof api)['channels'], { id: string }, never>
  /** Is gone from one moment to the next, for its clients and for its store. */
  die(): Promise<void>
  close(): Promise<void>
}

/** The server of a node, with everything the app has behind its contract. */
function createServer(name: string, world: World, broker: Broker) {
  return createRealtime(api, {
    auth: ({ token = '' }) => (world.banned.has(token) ? null : { id: token }),
    broker,
    limits: { presenceLeaseMs: LEASE_MS, presenceGraceMs: LEASE_MS },
    logger: { warn: () => {}, error: () => {} },
  }).on('room', {
    authorize: ({ user, params }) => !world.expelled.has(`${user.id} ${params.id}`),
    commands: {
      work: async ({ job }, { emit }) => {
        await emit('message', { text: `${job} began` })
        await world.work(job, name)
        await emit('message', { text: `${job} done` })
        return { by: name }
      },
    },
    onOccupied: ({ params }) => {
      world.hooks.push(`occupied ${params.id}`)
      world.changed()
    },
    onVacated: ({ params }) => {
      world.hooks.push(`vacated ${params.id}`)
      world.changed()
    },
  })
}

/** Starts one. `connect` makes its broker, on the port that its own line to the store has. */
export async function startNode(
  name: string,
  world: World,
  prefix: string,
  store: { readonly port: number; readonly connect: (port: number, prefix: string) => Broker },
): Promise<AppNode> {
  const line: Relay = await startRelay(store.port)
  const realtime = createServer(name, world, store.connect(line.port, prefix))
  const app = new Hono().route('/rt', triwire(realtime))
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0, ...webSocket(realtime) })
  await once(server, 'listening')
  const front = await startRelay((server.address() as AddressInfo).port)
  const stop = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    if ('closeAllConnections' in server) server.closeAllConnections()
    await closed
  }
  let isDead = false
  return {
    name,
    port: front.port,
    realtime,
    die: async () => {
      isDead = true
      for (const relay of [front, line]) {
        relay.isDown = true
        relay.cut()
      }
      // What it still does, nobody hears.
      await Promise.all([stop(), realtime.close()])
    },
    close: async () => {
      if (!isDead) await Promise.all([realtime.close(), stop()])
      await front.close()
      await line.close()
    },
  }
}
