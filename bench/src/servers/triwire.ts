// Triwire on Hono and Node with the broker in memory, before the router, as its README shows it for many connections. What
// an app would set for a load like this is set: how many connections one address may have, how much a session may say, how
// many channels there may be.

import { serve } from '@hono/node-server'
import { beforeRouter } from '@triwire/hono/node'
import { channel, contract } from '@triwire/protocol'
import { type Broker, createRealtime, type Limits, memory } from '@triwire/server'
import { Hono } from 'hono'
import { z } from 'zod'
import type { BenchServer, Surroundings } from './bench-server.ts'

const api = contract({
  room: channel('room/:id', {
    events: { message: z.string() },
    publish: ['message'],
    commands: { echo: { input: z.string(), output: z.string() } },
    presence: z.string(),
    history: { keep: 300 },
  }),
})

/** The contract, for pages. */
export type Api = typeof api

/** All clients of a load come from one address and say as much as they can. */
const UNLIMITED = 1_000_000

/** What a load like this needs. */
const FOR_LOAD: Partial<Limits> = {
  connectionsPerAddress: UNLIMITED,
  rate: UNLIMITED,
  burst: UNLIMITED,
  commandsAtOnce: UNLIMITED,
  presenceMembers: 1000,
}

export async function start({ origins }: Surroundings): Promise<BenchServer> {
  const broker = memory({ limits: { channels: UNLIMITED } })
  const { port, emit } = await serveTriwire(broker, { origins })
  return {
    port,
    stats: () => broker.stats(),
    publish: (id, text) => {
      // Not awaited: what rejects ends the process, and with it the run.
      void emit(id, text)
    },
  }
}

/** Triwire on a broker, and how its server says something: resolves when that is in the log. */
export interface TriwireServer {
  readonly port: number
  emit(id: string, text: string): Promise<unknown>
}

/** Serves it. */
export async function serveTriwire(
  broker: Broker,
  { origins = [], limits = FOR_LOAD }: { origins?: readonly string[]; limits?: Partial<Limits> } = {},
): Promise<TriwireServer> {
  const realtime = createRealtime(api, {
    origins,
    auth: ({ token }) => (token === undefined ? null : { id: token }),
    broker,
    limits,
  }).on('room', { commands: { echo: (text) => text } })
  const { fetch } = new Hono()
  const options = { fetch, port: 0, hostname: '127.0.0.1', ...beforeRouter(realtime, { base: '/rt' }) }
  const port = await new Promise<number>((resolve) => {
    serve(options, (info) => resolve(info.port))
  })
  return { port, emit: (id, text) => realtime.channels.room({ id }).emit('message', text) }
}
