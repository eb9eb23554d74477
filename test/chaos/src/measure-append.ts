// `pnpm chaos append`: what one append with history costs. What Redis does for it, as Redis counts it, and how many a second
// one process gets out of each broker, all of them in one run and in turns.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@redis/client'
import { nats } from '@triwire/nats'
import { redis } from '@triwire/redis'
import { type Append, type Broker, type Cursor, memory } from '@triwire/server'
import { sqlite } from '@triwire/sqlite'
import { startNats, startRedis } from '@triwire-test/services'

const HISTORY = { keep: 100, ttlMs: 300_000, bytes: 1024 * 1024 }
const DATA = JSON.stringify({ text: 'x'.repeat(100) })
const CHANNELS = 50

/** Appends in flight at a time. */
const AT_ONCE = [1, 10, 100]

interface Subject {
  readonly name: string
  readonly broker: Broker
  readonly rates: Map<number, number[]>
  close(): Promise<void>
}

/** Measures, and prints. */
export async function measureAppend({ appends, turns }: { appends: number; turns: number }): Promise<number> {
  await measureRedis(appends)
  const subjects = [
    await memorySubject(),
    await redisSubject(),
    await natsSubject(),
    await sqliteSubject('full'),
    await sqliteSubject('process'),
  ]
  for (let turn = -1; turn < turns; turn++) {
    for (const atOnce of AT_ONCE) {
      for (const { broker, rates } of subjects) {
        const count = atOnce === 1 ? appends / 4 : appends
        const seconds = await appendAll(broker, count, atOnce, () => ({}))
        if (turn >= 0) rates.set(atOnce, [...(rates.get(atOnce) ?? []), count / seconds])
      }
    }
  }
  console.log(`\nappends per second of one process, middle of ${turns} turns of ${appends}, ${CHANNELS} channels`)
  console.log(`${''.padEnd(28)}${AT_ONCE.map((count) => `${count} at once`.padEnd(14)).join('')}`)
  for (const { name, rates, close } of subjects) {
    const cells = AT_ONCE.map((atOnce) => String(Math.round(middle(rates.get(atOnce) ?? []))).padEnd(14))
    console.log(`${name.padEnd(28)}${cells.join('')}`)
    await close()
  }
  return 0
}

/** What Redis does for an append of each kind, and for what clients cost while nothing happens. */
async function measureRedis(times: number): Promise<void> {
  const server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'everysec'])
  const admin = createClient({ url: server.url })
  await admin.connect()
  const broker = redis(server.url)
  await broker.subscribe('channel-0', { onEntry() {}, onSignal() {}, onPresence() {}, onInterrupted() {} })
  let sequence = 0
  const fill = (identity: (index: number) => Partial<Append>): Promise<number> =>
    appendAll(broker, CHANNELS * HISTORY.keep, 50, identity)
  const append = (identity: (index: number) => Partial<Append>) => async (): Promise<Cost> => {
    await fill(identity)
    sequence += HISTORY.keep
    const cost = await costOf(admin, () => appendAll(broker, times, 50, identity))
    sequence += Math.ceil(times / CHANNELS)
    return cost
  }
  const repeat = (act: (index: number) => Promise<unknown>) => async (): Promise<Cost> => {
    for (let index = 0; index < CHANNELS; index++) await act(index)
    return costOf(admin, () => runAll(times, 50, act))
  }
  const kinds: Readonly<Record<string, () => Promise<Cost>>> = {
    'event of the server': append(() => ({})),
    'publish of a client': append((index) => {
      const number = Math.floor(index / CHANNELS) + 1 + sequence
      return { producer: { id: 'ann', sequence: number, lowest: sequence + 1 } }
    }),
    'event of a command': append((index) => ({ once: `command-${sequence}-${index}` })),
    'presence lease renewed': repeat((index) =>
      broker.hold(
        `channel-${index % CHANNELS}`,
        { member: 'ann', holder: 'one', value: { data: DATA, sequence: 1 }, leaseMs: 30_000 },
        { maxMembers: 200 },
      ),
    ),
    'read with nothing new': repeat(async (index) => {
      const channel = `channel-${index % CHANNELS}`
      const after = heads.get(channel)
      const result = await broker.read(channel, { after, limit: 300, bytes: 1024 * 1024 })
      heads.set(channel, result.head)
    }),
  }
  const heads = new Map<string, Cursor>()
  console.log(`what Redis does, history of ${HISTORY.keep}, as it counted over ${times} of each\n`)
  console.log(
    `${''.padEnd(25)}${'script'.padEnd(12)}${'processor'.padEnd(12)}${'a second'.padEnd(12)}commands inside`,
  )
  for (const [name, measure] of Object.entries(kinds)) {
    const { seconds, busySeconds, stats } = await measure()
    const script = stats.get('evalsha')
    if (script === undefined || script.calls !== times) throw new Error('Redis has counted something else.')
    const inside = [...stats].filter(
      ([command]) => !['evalsha', 'info', 'config|resetstat', 'ping'].includes(command),
    )
    const calls = inside.reduce((sum, [, one]) => sum + one.calls, 0)
    const list = inside
      .sort(([, one], [, other]) => other.calls - one.calls)
      .map(([command, one]) => `${command} ${(one.calls / times).toFixed(2)}`)
    console.log(
      name.padEnd(25) +
        `${(script.usec / times).toFixed(1)} µs`.padEnd(12) +
        `${((busySeconds * 1e6) / times).toFixed(1)} µs`.padEnd(12) +
        String(Math.round(times / seconds)).padEnd(12) +
        `${(calls / times).toFixed(1)} (${list.join(', ')})`,
    )
  }
  await broker.close()
  admin.destroy()
  await server.stop()
}

interface Cost {
  readonly seconds: number
  /** Seconds of processor time of Redis, network and file included. */
  readonly busySeconds: number
  readonly stats: ReturnType<typeof parseStats>
}

/** What Redis spends on an act that takes so many seconds. */
async function costOf(admin: Admin, act: () => Promise<number>): Promise<Cost> {
  await admin.sendCommand(['CONFIG', 'RESETSTAT'])
  const before = await cpuOf(admin)
  const seconds = await act()
  const busySeconds = (await cpuOf(admin)) - before
  const stats = parseStats(String(await admin.sendCommand(['INFO', 'commandstats'])))
  return { seconds, busySeconds, stats }
}

type Admin = { sendCommand(args: string[]): Promise<unknown> }

/** Seconds of processor time Redis has used, its threads included. */
async function cpuOf(admin: Admin): Promise<number> {
  const info = String(await admin.sendCommand(['INFO', 'cpu']))
  const of = (name: string): number => Number(new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1])
  return of('used_cpu_sys') + of('used_cpu_user')
}

function parseStats(text: string): Map<string, { readonly calls: number; readonly usec: number }> {
  const lines = [...text.matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm)]
  return new Map(lines.map(([, name = '', calls, usec]) => [name, { calls: Number(calls), usec: Number(usec) }]))
}

/** Appends over all channels in turn, so many at once; the seconds it took. */
async function appendAll(
  broker: Broker,
  count: number,
  atOnce: number,
  identity: (index: number) => Partial<Append>,
): Promise<number> {
  return runAll(count, atOnce, async (index) => {
    const append = { event: 'said', data: DATA, history: HISTORY, ...identity(index) }
    const { status } = await broker.append(`channel-${index % CHANNELS}`, append)
    if (status !== 'appended') throw new Error(`Expected "appended", got "${status}".`)
  })
}

/** Does something so often, so many at once; the seconds it took. */
async function runAll(count: number, atOnce: number, act: (index: number) => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  let next = 0
  const work = async (): Promise<void> => {
    while (next < count) await act(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return (performance.now() - startedAt) / 1000
}

async function memorySubject(): Promise<Subject> {
  const broker = memory()
  return { name: 'memory', broker, rates: new Map(), close: () => broker.close() }
}

async function redisSubject(): Promise<Subject> {
  const server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'everysec'])
  const broker = redis(server.url)
  return {
    name: 'Redis, AOF every second',
    broker,
    rates: new Map(),
    close: async () => {
      await broker.close()
      await server.stop()
    },
  }
}

async function natsSubject(): Promise<Subject> {
  const server = await startNats()
  const broker = nats(server.url)
  return {
    name: 'NATS, file',
    broker,
    rates: new Map(),
    close: async () => {
      await broker.close()
      await server.stop()
    },
  }
}

async function sqliteSubject(durability: 'full' | 'process'): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-sqlite-'))
  const broker = sqlite({ path: join(folder, 'triwire.db'), durability })
  return {
    name: `SQLite, ${durability}`,
    broker,
    rates: new Map(),
    close: async () => {
      await broker.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function middle(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
}
