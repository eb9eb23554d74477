// The guide says what the library says to those who make a mistake. Here the mistakes are made, all of them, and every
// sentence of those tables must have been heard.

import { channelOrIdle, createClient } from '@triwire/client'
import { type ChannelMap, type Contract, channel, contract, Session, TriwireError } from '@triwire/protocol'
import { createRealtime, memory } from '@triwire/server'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { rowsOf } from '../src/markdown.ts'
import { loadSnippet, serveOnFreePort } from '../src/page-server.ts'
import { guidePages } from '../src/repository.ts'
import { compile, snippetsOf, type Workshop, writeSnippets } from '../src/snippets.ts'

/** Channels without their types: the compiler would not let these mistakes pass. */
type Loose = (params?: object) => {
  publish(event: string, data: unknown): Promise<void>
  signal(signal: string, data: unknown): Promise<void>
  emit(event: string, data: unknown): Promise<void>
  last(count: number): Promise<{ readonly cursor: string }>
  commands: Record<string, (input: unknown) => Promise<unknown>>
  on(handlers: object): () => void
  signal(name: string, data: object): void
  events(options?: object): AsyncIterableIterator<unknown>
  observe(options: object): Watched
  observePresence(options: object): Watched
}
interface Question {
  readonly user: { readonly id: string }
  readonly action: string
  readonly name?: string
}
interface Watched {
  subscribe(listener: () => void): () => void
  getSnapshot(): { readonly error: TriwireError | undefined; readonly status: string }
}
type Channels = Record<'orders' | 'board' | 'page' | 'seats' | 'tasks' | 'alerts', Loose>

const pages = guidePages().filter(({ path }) => path.startsWith('docs/guide/'))
/** What was said, and with which codes. What stands in the log has the code `log`, what the compiler says `compiler`. */
const heard = new Map<string, Set<string>>()
let workshop: Workshop
let api: Contract
let origin: string
let stop: () => Promise<void>
let onServer: Channels
const clients: { close(): void }[] = []

function note(sentence: string, code: string): void {
  heard.set(sentence, (heard.get(sentence) ?? new Set()).add(code))
}

/** Makes a mistake, and takes note of what is said. */
async function hear(mistake: () => unknown): Promise<void> {
  const error = await Promise.resolve()
    .then(mistake)
    .then(
      () => undefined,
      (reason: unknown) => reason,
    )
  expect(error, `${mistake}`).toBeInstanceOf(TriwireError)
  const { code, message } = error as TriwireError
  note(message, code)
}

/** Hears the error of something that is watched. */
async function hearState(watched: Watched): Promise<void> {
  const unsubscribe = watched.subscribe(() => {})
  await expect.poll(() => watched.getSnapshot().error, { timeout: 5000 }).toBeDefined()
  await hear(() => Promise.reject(watched.getSnapshot().error))
  unsubscribe()
}

function connect(
  token: string | null,
  url = `${origin}/rt`,
): { client: ReturnType<typeof createClient>; rt: Channels } {
  const client = createClient({ url, auth: () => token })
  clients.push(client)
  return { client, rt: client.channels as unknown as Channels }
}

beforeAll(async () => {
  workshop = writeSnippets(pages.flatMap(snippetsOf))
  const contracts = await Promise.all(
    ['README', 'events', 'signals', 'presence', 'commands', 'snapshot'].map((page) =>
      loadSnippet<{ api: Contract }>(workshop, `docs/guide/${page}.md`, 'contract.ts'),
    ),
  )
  const channels: ChannelMap = Object.assign({}, ...contracts.map((module) => module.api.channels))
  api = contract(channels) as Contract
  const broker = memory()
  const log = (_fields: object, message: string): void => note(message, 'log')
  const realtime = createRealtime(api, {
    auth: ({ token }) => (token === 'nobody' ? null : { id: token ?? '' }),
    broker,
    logger: { warn: log, error: log },
  })
    .on('page', { authorize: ({ user, action }: Question) => action === 'join' || user.id !== 'guest' } as never)
    .on('board', {
      authorize: ({ action, name }: Question) => action === 'join' || name === 'cursor',
    } as never)
    .on('seats', {
      authorize: ({ user }: Question) => user.id !== 'guest',
      commands: {
        book: ({ seat }: { seat: string }) => {
          if (seat === 'A1') throw new TriwireError('seat_taken', 'Seat A1 is taken. Choose another one.')
          if (seat === 'A2') throw new Error('the database is away')
          return { ticket: 1 }
        },
      },
    } as never)
    .on('tasks', {
      snapshot: ({ params }: { params: { listId: string } }) =>
        params.listId === 'broken' ? 'this' : { tasks: [] },
    } as never)
  const members = Array.from({ length: 200 }, (_, index) => ({
    member: `m${index}`,
    holder: 'test',
    value: { data: '{}', sequence: 1 },
    leaseMs: 60_000,
  }))
  for (const member of members) await broker.hold('page?path=full', member, { maxMembers: 200 })
  const served = await serveOnFreePort(realtime as never)
  origin = served.origin
  stop = served.close
  onServer = realtime.channels as unknown as Channels
})

afterAll(async () => {
  for (const client of clients) client.close()
  await stop()
  workshop.remove()
})

test('mistakes that are thrown at once', async () => {
  const { rt } = connect('ann')
  const auth = (): null => null
  const cursor = z.object({})
  await hear(() => (channelOrIdle(undefined) as unknown as ReturnType<Loose>).publish('note', {}))
  await hear(() =>
    (channelOrIdle(undefined) as never as { observePresence(): { update(value: object): void } })
      .observePresence()
      .update({}),
  )
  await hear(() => rt.orders({ shopId: '' }))
  await hear(() => contract({ lobby: channel('room/lobby', {}), room: channel('room/:id', {}) }))
  await hear(() => contract({ room: channel('room/:id', {}), lobby: channel('room/lobby', {}) }))
  await hear(() =>
    createRealtime(api, { auth })
      .on('orders', {} as never)
      .on('orders', {} as never),
  )
  await hear(() => createRealtime(api, {} as never))
  await hear(() => createRealtime(api, { auth, origins: ['https://app.example.com/'] }))
  await hear(() => channel('orders/:shopId', { events: {}, publish: ['memo' as never] }))
  await hear(() => channel('orders/:shopId', { history: { ttl: '24' as never } }))
  await hear(() => channel('board/:id', { events: { cursor }, signals: { cursor } }))
  await hear(() => channel('board/:id', { signals: { cursor: {} as never } }))
})

test('mistakes of server code', async () => {
  await hear(() => onServer.orders({ shopId: 's' }).emit('lost', {}))
  await hear(() => onServer.board({ id: 'b' }).signal('lost', {}))
  await hear(() => onServer.board({ id: 'b' }).signal('saving', { done: 2 }))
  await hear(() => onServer.tasks({ listId: 'l' }).last(0))
})

test('what a client is refused', async () => {
  const { rt } = connect('ann')
  const orders = rt.orders({ shopId: 's' })
  await hear(() => orders.publish('placed', { id: '1', total: 1, at: '' }))
  await hear(() => orders.publish('note', { text: 'x'.repeat(201) }))
  await hear(() => orders.publish('note', undefined))
  await hear(() => orders.publish('note', { text: 'x'.repeat(70_000) }))
  const { book, lost } = rt.seats({ showId: 's' }).commands
  await hear(() => book?.({ seat: 1 }))
  await hear(() => book?.({ seat: 'A1' }))
  await hear(() => book?.({ seat: 'A2' }))
  await hear(() => book?.({ seat: 'A3' }))
  await hear(() => lost?.({}))
  await hear(() => connect('guest').rt.seats({ showId: 's' }).commands.book?.({ seat: 'A1' }))
  const me = { userId: '1', name: 'Ann', at: 'reading' }
  await hearState(rt.page({ path: 'a' }).observePresence({ set: { ...me, name: 1 } }))
  await hearState(rt.page({ path: 'b' }).observePresence({ set: { ...me, name: 'x'.repeat(1024) } }))
  await hearState(rt.page({ path: 'full' }).observePresence({ set: me }))
  await hearState(connect('guest').rt.page({ path: 'c' }).observePresence({ set: me }))
  const board = rt.board({ id: 'b' })
  await hear(() => {
    // Said until the channel is joined, and then refused.
    const saying = setInterval(() => board.signal('saving', { done: 1 }), 10)
    const refused = new Promise((_, reject) => board.on({ $refused: reject }))
    return refused.finally(() => clearInterval(saying))
  })
})

test('what nobody lets in hears', async () => {
  const response = await fetch(`${origin}/rt/log/alerts`, { headers: { origin: 'https://elsewhere.example' } })
  const { code, msg } = (await response.json()) as { code: string; msg: string }
  await hear(() => Promise.reject(new TriwireError(code, msg)))
  const { client, rt } = connect('nobody')
  await hear(() => rt.orders({ shopId: 's' }).publish('note', { text: '' }))
  await expect.poll(() => client.connection.getSnapshot().state).toBe('closed')
})

test('mistakes with a public log', async () => {
  const { api: open } = await loadSnippet<{ api: Contract }>(workshop, 'docs/guide/public-logs.md', 'contract.ts')
  const realtime = createRealtime(open, { auth: () => null })
  await hear(() => realtime.on('scores', { authorize: () => true } as never))
  const served = await serveOnFreePort(realtime as never)
  for (const query of ['snapshot', 'after=7']) {
    const response = await fetch(`${served.origin}/rt/log/scores/final?${query}`)
    const { code, msg } = (await response.json()) as { code: string; msg: string }
    await hear(() => Promise.reject(new TriwireError(code, msg)))
  }
  await served.close()
})

test('bounds of a client', async () => {
  // Nobody listens there.
  const { client, rt } = connect('ann', 'http://127.0.0.1:9/rt')
  const orders = rt.orders({ shopId: 's' })
  const waiting = Array.from({ length: 1000 }, () => orders.publish('note', { text: '' }))
  await hear(() => orders.publish('note', { text: '' }))
  client.close()
  await hear(() => waiting[0])
  for (const outcome of await Promise.allSettled(waiting)) expect(outcome.status).toBe('rejected')

  // Four minutes of its clock, which is an argument.
  const session = new Session({ id: 'x' }, 0)
  session.publish('orders?shopId=s', 'note', {}, 0)
  session.handleTimeout(240_000)
  const [failed] = session.takeDeliveries()
  await hear(() => Promise.reject((failed as { error: TriwireError }).error))
})

test('an iteration that is too slow, and one that begins beyond the log', async () => {
  const room = { shopId: 'busy' }
  const emit = (count: number): Promise<unknown> =>
    Promise.all(Array.from({ length: count }, () => onServer.orders(room).emit('note', { text: '' })))
  await emit(1)
  const { cursor: after } = await onServer.orders(room).last(1)
  const orders = connect('ann').rt.orders(room)
  const slow = orders.events({ after })
  let seen = 0
  const unsubscribe = orders.on({ note: () => seen++ })
  const first = slow.next()
  await vi.waitFor(async () => {
    await emit(1)
    expect(seen).toBeGreaterThan(0)
  })
  await first
  // In portions that the log keeps, as the client would otherwise be told of a gap.
  for (let before = seen; seen < 10_100; before = seen) {
    await emit(300)
    await vi.waitFor(() => expect(seen).toBeGreaterThanOrEqual(before + 300), { interval: 5 })
  }
  unsubscribe()
  await hear(async () => {
    for await (const _ of slow);
  })
  await hear(async () => {
    for await (const _ of connect('ann').rt.orders(room).events({ after }));
  })
})

test('a snapshot that cannot be made, and one that cannot be taken', async () => {
  const { rt } = connect('ann')
  const report = vi.spyOn(console, 'error').mockImplementation(() => {})
  const initial = (): never => {
    throw new Error('no')
  }
  await hearState(rt.tasks({ listId: 'l' }).observe({ initial }))
  expect(report).toHaveBeenCalledOnce()
  report.mockRestore()
  const broken = rt.tasks({ listId: 'broken' }).observe({ initial: () => [] })
  const unsubscribe = broken.subscribe(() => {})
  await expect.poll(() => heard.has('a snapshot failed')).toBe(true)
  expect(broken.getSnapshot().status).toBe('joining')
  unsubscribe()
})

test('a forgotten handler does not compile', { timeout: 60_000 }, async () => {
  const [start, page] = ['docs/guide/README.md', 'docs/guide/snapshot.md']
  const all = pages.flatMap(snippetsOf)
  const mounted = all.filter((snippet) => snippet.page === start && snippet.name === 'server.ts')
  const own = all.filter(
    (snippet) => snippet.page === page && /^(?:contract|realtime)\.ts$/.test(snippet.name ?? ''),
  )
  const unfinished = writeSnippets([...own, ...mounted.map((snippet) => ({ ...snippet, page }))], ({ code }) =>
    code.replace(/\.on\('tasks', \{[\s\S]*?\n\}\)/, ''),
  )
  const lines = (await compile(unfinished)).split('\n')
  unfinished.remove()
  for (const line of lines) note(line.trim(), 'compiler')
})

test('every sentence that the guide quotes was heard, with its code', () => {
  const quoted = pages.flatMap(({ path, text }) => {
    let quotes = false
    return rowsOf(text).flatMap(({ cells: [, where = '', sentence = '', ...rest], line }) => {
      if (sentence === 'what it says') quotes = true
      else if (sentence === '' || rest.length > 0) quotes = false
      else if (quotes && !/^-+$/.test(sentence)) return [{ at: `${path}:${line}`, where, sentence }]
      return []
    })
  })
  expect(quoted.length).toBeGreaterThan(40)
  const unheard = quoted.filter(({ where, sentence }) => {
    const codes = [...(heard.get(sentence) ?? [])]
    return !codes.some(
      (code) => where.includes(`\`${code}\``) || (/log|compiler/.test(code) && where.includes(code)),
    )
  })
  expect(unheard).toEqual([])
  expect([heard.has('No such sentence.'), heard.get('You may not do this here.')]).toEqual([
    false,
    new Set(['forbidden']),
  ])
})
