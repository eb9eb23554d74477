/** One node of the app that the cases run against: Hono on Node, on a free loopback port. */
import { serve } from '@hono/node-server'
import { triwire, webSocket } from '@triwire/hono'
import { parseAddress } from '@triwire/protocol'
import { type Broker, createRealtime, type Limits, type Logger, TriwireError } from '@triwire/server'
import { Hono } from 'hono'
import { blindfold } from './blind-host.ts'
import { conformance } from './contract.ts'
import type { Database } from './database.ts'

/** What a node is made of. */
export interface NodeOptions {
  readonly broker: Broker
  readonly database: Database
  /** Those that are not given are the defaults, but for the grace of presence, which is short. */
  readonly limits: Partial<Limits>
  /** Whether its host cannot tell how much it has buffered. */
  readonly isBlind: boolean
  readonly logger: Logger
}

/** A running node. */
export interface Node {
  readonly port: number
  /** Emits an event from server code. */
  emit(address: string, event: string, data: unknown): Promise<void>
  drain(spreadMs: number): Promise<void>
  leave(): Promise<void>
  close(): Promise<void>
}

/** The one origin that may connect besides the server's own. */
const ALLOWED_ORIGIN = 'https://app.example.com'

/** Starts one. */
export async function startNode({ broker, database, limits, isBlind, logger }: NodeOptions): Promise<Node> {
  const { banned, expelled, marks, totals } = database
  const realtime = createRealtime(conformance, {
    broker,
    auth: ({ token, expireAt }) => {
      const [, id, expiryMs] = /^conformance-([A-Za-z0-9_-]{1,40})(?::([0-9]+))?$/.exec(token ?? '') ?? []
      if (expiryMs !== undefined) expireAt(Date.now() + Number(expiryMs))
      return id === undefined || banned.has(id) ? null : { id }
    },
    origins: [ALLOWED_ORIGIN],
    limits: { presenceGraceMs: 400, ...limits },
    logger,
  })
    .on('room', {
      commands: {
        add: async ({ by }, { params, emit }) => {
          await emit('message', { text: `added ${by}` })
          return { total: database.add(params.id, by) }
        },
        total: (_input, { params }) => ({ total: totals.get(params.id) ?? 0 }),
        fail: () => {
          throw new Error('the password of the database is hunter2')
        },
        refuse: () => {
          throw new TriwireError('refused', 'Not today.')
        },
        broken: () => ({ total: 'many' as unknown as number }),
        wait: async (input, { params }) => {
          await database.gate(`${params.id} ${input.for}`).opened
          return { total: database.add(params.id, 1) }
        },
        release: (input, { params }) => {
          database.gate(`${params.id} ${input.for}`).open()
          return {}
        },
      },
    })
    .on('checked', {
      onPublish: ({ data }) => {
        if (data.text === 'bad') throw new TriwireError('refused', 'This text is not welcome here.')
        return { text: data.text.toUpperCase() }
      },
    })
    .on('board', {
      snapshot: async ({ params }): Promise<{ title: string }> => {
        if (params.id.startsWith('busy'))
          await channelOf('board', { id: params.id }).emit('message', { text: 'meanwhile' })
        return { title: `board ${params.id}` }
      },
    })
    .on('exact', {
      commands: {
        save: ({ cursor }, { params }) => {
          marks.set(params.id, cursor)
          return {}
        },
      },
      snapshot: ({ params, at }) => {
        const title = `exact ${params.id}`
        const mark = marks.get(params.id)
        return mark === undefined ? { title } : at(mark, { title })
      },
    })
    .on('club', {
      authorize: ({ user, params }) => !expelled.has(`${params.id} ${user.id}`),
      commands: {
        expel: async ({ user }, { params }) => {
          expelled.add(`${params.id} ${user}`)
          await channelOf('club', { id: params.id }).reauthorize()
          return {}
        },
        ban: async ({ user }) => {
          banned.add(user)
          await revoke(user)
          return {}
        },
      },
    })
    .on('vault', { authorize: () => false })

  /** Cases name channels and events as data, so the types of the contract end here. */
  type Emit = (event: string, data: unknown) => Promise<void>
  type AnyChannel = { readonly emit: Emit; readonly reauthorize: () => Promise<void> }
  type Open = (params: Readonly<Record<string, string>>) => AnyChannel
  function channelOf(key: string, params: Readonly<Record<string, string>>): AnyChannel {
    const open = (realtime.channels as unknown as Readonly<Record<string, Open>>)[key]
    if (open === undefined) throw new Error(`There is no channel ${key}.`)
    return open(params)
  }
  async function revoke(user: string): Promise<void> {
    await realtime.revoke(user)
  }

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
    emit: async (address, event, data) => {
      const { key, params } = parseAddress(address)
      await channelOf(key, params).emit(event, data)
    },
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
