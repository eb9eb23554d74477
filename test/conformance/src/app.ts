/**
 * The app that the cases run against: its handlers, and nothing of any runtime. Whoever hosts it gives it to an adapter,
 * beside a way to act on it from inside (inside.ts).
 */
import { parseAddress } from '@triwire/protocol'
import { type Broker, createRealtime, type Limits, type Logger, TriwireError } from '@triwire/server'
import { conformance } from './contract.ts'
import type { Database } from './database.ts'

/** What the app is made of. */
export interface AppOptions {
  /** Left out: where its host says, otherwise memory. */
  readonly broker?: Broker | undefined
  /** What the handlers of all its nodes remember. */
  readonly database: Database
  /** Those that are not given are the defaults, but for the grace of presence, which is short. */
  readonly limits?: Partial<Limits> | undefined
  readonly logger?: Logger | undefined
}

/** The app, and how to emit in it: cases name channels and events as data, so the types of the contract end here. */
export interface App {
  readonly realtime: ReturnType<typeof implement>
  emit(address: string, event: string, data: unknown): Promise<void>
}

/** The one origin that may connect besides the server's own. */
const ALLOWED_ORIGIN = 'https://app.example.com'

/** Makes one. */
export function createApp(options: AppOptions): App {
  const realtime = implement(options)
  return {
    realtime,
    emit: async (address, event, data) => {
      const { key, params } = parseAddress(address)
      await channelOf(realtime.channels, key, params).emit(event, data)
    },
  }
}

type AnyChannel = {
  readonly emit: (event: string, data: unknown) => Promise<void>
  readonly reauthorize: () => Promise<void>
}

function channelOf(channels: object, key: string, params: Readonly<Record<string, string>>): AnyChannel {
  const open = (channels as Readonly<Record<string, (params: object) => AnyChannel>>)[key]
  if (open === undefined) throw new Error(`There is no channel ${key}.`)
  return open(params)
}

function implement({ broker, database, limits, logger }: AppOptions) {
  const { banned, expelled, marks, totals } = database
  const realtime = createRealtime(conformance, {
    ...(broker ? { broker } : {}),
    auth: ({ token, expireAt }) => {
      const [, id, expiryMs] = /^conformance-([A-Za-z0-9_-]{1,40})(?::([0-9]+))?$/.exec(token ?? '') ?? []
      if (expiryMs !== undefined) expireAt(Date.now() + Number(expiryMs))
      return id === undefined || banned.has(id) ? null : { id }
    },
    origins: [ALLOWED_ORIGIN],
    limits: { presenceGraceMs: 400, ...limits },
    ...(logger ? { logger } : {}),
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
          await channelOf(realtime.channels, 'board', { id: params.id }).emit('message', { text: 'meanwhile' })
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
          await channelOf(realtime.channels, 'club', { id: params.id }).reauthorize()
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

  // Its type would be that of the server it belongs to.
  async function revoke(user: string): Promise<void> {
    await realtime.revoke(user)
  }
  return realtime
}
