// `pnpm chaos append`: what one append with history costs. What Redis does for it, as Redis counts it, and how many a second
// one process gets out of each broker, all of them in one run and in turns.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@redis/client'
import { nats } from '@triwire/nats'
import { redis } from '@triwire/redis'
import { type Append, type Broker, memory } from '@triwire/server'
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

/** What Redis does for an append of each kind. */
async function measureRedis(appends: number): Promise<void> {
  const server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'everysec'])
  const admin = createClient({ url: server.url })
  await admin.connect()
  const broker = redis(server.url)
  await broker.subscribe('channel-0', { onEntry() {}, onSignal() {}, onPresence() {}, onInterrupted() {} })
  let sequence = 0
  const kinds: Readonly<Record<string, (index: number) => Partial<Append>>> = {
    'of the server': () => ({}),
    'of a client': (index) => {
      const number = Math.floor(index / CHANNELS) + 1 + sequence
      return { producer: { id: 'ann', sequence: number, lowest: sequence + 1 } }
    },
    'of a command': (index) => ({ once: `command-${sequence}-${index}` }),
  }
  console.log(`one append on Redis, history of ${HISTORY.keep}, counted by Redis over ${appends} appends`)
  for (const [name, identity] of Object.entries(kinds)) {
    await appendAll(broker, CHANNELS * HISTORY.keep, 50, identity)
    sequence += HISTORY.keep
    await admin.sendCommand(['CONFIG', 'RESETSTAT'])
    const before = await cpuOf(admin)
    const seconds = await appendAll(broker, appends, 50, identity)
    sequence += Math.ceil(appends / CHANNELS)
    const busy = (await cpuOf(admin)) - before
    const stats = parseStats(String(await admin.sendCommand(['INFO', 'commandstats'])))
    const script = stats.get('evalsha')
    if (script === undefined || script.calls !== appends) throw new Error('Redis has counted something else.')
    const inside = [...stats].filter(
      ([command]) => !['evalsha', 'info', 'config|resetstat', 'ping'].includes(command),
    )
    const calls = inside.reduce((sum, [, one]) => sum + one.calls, 0)
    const list = inside
      .sort(([, one], [, other]) => other.calls - one.calls)
      .map(([command, one]) => `${command} ${(one.calls / appends).toFixed(2)}`)
    console.log(
      `  ${name.padEnd(14)} ${(script.usec / appends).toFixed(1)} µs in one script, ` +
        `${((busy * 1e6) / appends).toFixed(1)} µs of processor in all, ${(calls / appends).toFixed(1)} commands inside ` +
        `(${list.join(', ')}); ${Math.round(appends / seconds)} a second`,
    )
  }
  await broker.close()
  admin.destroy()
  await server.stop()
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
  const startedAt = performance.now()
  let next = 0
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      const append = { event: 'said', data: DATA, history: HISTORY, ...identity(index) }
      const { status } = await broker.append(`channel-${index % CHANNELS}`, append)
      if (status !== 'appended') throw new Error(`Expected "appended", got "${status}".`)
    }
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
