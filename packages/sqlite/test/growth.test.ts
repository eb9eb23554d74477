/** Nothing grows with time: neither the file nor what is in memory. */
import { statSync } from 'node:fs'
import { createManualClock, type ManualClock } from '@triwire/server/testing'
import Libsql from 'libsql'
import { afterEach, describe, expect, test } from 'vitest'
import { SqliteBroker } from '../src/sqlite-broker.ts'
import { temporaryFile } from './folder.ts'

const MINUTE_MS = 60_000
const HISTORY = { keep: 100, ttlMs: 5 * MINUTE_MS, bytes: 1024 * 1024 }
const toClose: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close()
})

function setUp(): { broker: SqliteBroker; clock: ManualClock; path: string; open: () => SqliteBroker } {
  const { path, dispose } = temporaryFile()
  toClose.push(dispose)
  const clock = createManualClock()
  const open = (): SqliteBroker => openAt(path, clock)
  return { broker: open(), clock, path, open }
}

function openAt(path: string, { now, setTimer }: ManualClock): SqliteBroker {
  const options = { path, durability: 'process', dedupeMs: 5 * MINUTE_MS, idleMs: 5 * MINUTE_MS } as const
  const broker = new SqliteBroker({
    ...options,
    onTrouble: (error) => {
      throw error
    },
    now,
    setTimer,
  })
  toClose.push(() => broker.close())
  return broker
}

/** Uses a channel in every way that leaves something in the file. */
async function useEverything(broker: SqliteBroker, name: string): Promise<void> {
  const data = JSON.stringify('x'.repeat(500))
  const producer = { id: 'ann', sequence: 1, lowest: 1 }
  const claim = await broker.claim(name, 'id', MINUTE_MS)
  await Promise.all([
    broker.append(name, { event: 'said', data, history: HISTORY, producer, once: 'key' }),
    broker.refuse(name, { ...producer, id: 'bob' }, 'forbidden'),
    claim.status === 'claimed' && broker.settle(name, 'id', claim.fence, { ok: true, data }, 5 * MINUTE_MS),
  ])
}

function rowsIn(path: string): Record<string, unknown> {
  const database = new Libsql(path)
  const tables = ['channel', 'entry', 'producer', 'answer', 'once', 'reply']
  const count = (table: string): unknown =>
    (database.prepare(`SELECT count(*) FROM ${table}`).raw().all() as readonly unknown[][])[0]?.[0]
  return Object.fromEntries(tables.map((table) => [table, count(table)]))
}

/** Lets time pass, and the sweeps it brings end. */
async function pass(broker: SqliteBroker, clock: ManualClock, minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    await clock.advance(MINUTE_MS)
    while (broker.stats().waiting > 0) await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('over time', { timeout: 60_000 }, () => {
  test('channels that nobody uses leave memory and file, and the file shrinks', async () => {
    const { broker, clock, path } = setUp()
    const names = Array.from({ length: 3000 }, (_, index) => `room?id=${index}`)
    await Promise.all(names.map((name) => useEverything(broker, name)))
    await pass(broker, clock, 20)
    expect(broker.stats()).toEqual({ channels: 0, subscriptions: 0, waiting: 0 })
    await broker.close()
    expect(rowsIn(path)).toEqual({ channel: 0, entry: 0, producer: 0, answer: 0, once: 0, reply: 0 })
    expect(statSync(path).size).toBeLessThan(5 * 1024 * 1024)
  })

  test('a file in steady use stays as long as it was', async () => {
    const { broker: first, clock, path, open } = setUp()
    const sizes: number[] = []
    let broker = first
    for (let round = 0; round < 12; round++) {
      const names = Array.from({ length: 200 }, (_, index) => `room?id=${round}-${index}`)
      await Promise.all(names.map((name) => useEverything(broker, name)))
      await pass(broker, clock, 2)
      await broker.close()
      sizes.push(statSync(path).size)
      broker = open()
    }
    // From when the first channels are dropped on their pages are used again.
    const [early, late] = [sizes[7] ?? 0, sizes[11] ?? 0]
    expect(late).toBeLessThanOrEqual(early * 1.1)
  })

  test('the journal of a file in heavy use stays short', async () => {
    const { broker, path } = setUp()
    const append = { event: 'said', data: JSON.stringify('x'.repeat(1000)), history: HISTORY }
    for (let round = 0; round < 100; round++)
      await Promise.all(Array.from({ length: 250 }, () => broker.append('room', append)))
    expect(statSync(`${path}-wal`).size).toBeLessThan(8 * 1024 * 1024)
  })

  test('a channel that is followed keeps its epoch while nothing is said in it', async () => {
    const { broker, clock } = setUp()
    const listener = { onEntry() {}, onSignal() {}, onPresence() {}, onInterrupted() {} }
    const { head, close } = await broker.subscribe('room', listener)
    await pass(broker, clock, 60)
    expect((await broker.read('room', { limit: 0, bytes: 0 })).head).toEqual(head)
    await close()
    await pass(broker, clock, 20)
    expect((await broker.read('room', { limit: 0, bytes: 0 })).head.epoch).not.toBe(head.epoch)
  })
})
