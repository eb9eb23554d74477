/** What a file does on bad days: it is in use, damaged, somebody else's, full, or its process goes. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Recorder } from '@triwire/server/testing'
import Libsql from 'libsql'
import { afterEach, describe, expect, test } from 'vitest'
import { type SqliteBrokerHandle, SqliteOpenError, type SqliteOptions, sqlite } from '../src/index.ts'
import { bundle } from './bundle.mjs'
import { temporaryFile } from './folder.ts'

const history = { keep: 100_000, ttlMs: 300_000, bytes: 1024 * 1024 * 1024 }
const toClose: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close()
})

function file(): string {
  const { path, dispose } = temporaryFile()
  toClose.push(dispose)
  return path
}

function open(path: string, options: Partial<SqliteOptions> = {}): SqliteBrokerHandle {
  const broker = sqlite({ path, onTrouble: () => {}, ...options })
  toClose.push(() => broker.close())
  return broker
}

function refusal(path: string): SqliteOpenError {
  try {
    open(path)
  } catch (error) {
    if (error instanceof SqliteOpenError) return error
    throw error
  }
  throw new Error('Expected the file to be refused.')
}

async function script(entry: string): Promise<string> {
  const bundled = await bundle(entry)
  toClose.push(() => rmSync(bundled))
  return bundled
}

const say = (text: string) => ({ event: 'said', data: JSON.stringify(text), history })

async function logged(broker: SqliteBrokerHandle): Promise<string[]> {
  const page = await broker.read('room', { tail: 100_000, limit: 100_000, bytes: 1024 * 1024 * 1024 })
  if (page.status !== 'page') throw new Error(`Expected a page, got ${page.reason}.`)
  return page.entries.map(({ data }) => JSON.parse(data) as string)
}

describe('a file', { timeout: 60_000 }, () => {
  test('remembers everything that was acknowledged, and nobody who was present', async () => {
    const path = file()
    const before = open(path)
    const producer = { id: 'ann', sequence: 1, lowest: 1 }
    const first = await before.append('room', { ...say('first'), producer, cause: 'ann#1' })
    await before.refuse('room', { ...producer, sequence: 2 }, 'forbidden')
    const keyed = await before.append('room', { ...say('keyed'), once: 'key' })
    const claim = await before.claim('room', 'id', 60_000)
    if (claim.status !== 'claimed') throw new Error('unreachable')
    const reply = { ok: true, data: '"done"' } as const
    expect(await before.settle('room', 'id', claim.fence, reply, 60_000)).toBe(true)
    await before.claim('room', 'running', 60_000)
    const hold = { member: 'ann', holder: 'one', value: { data: '1', sequence: 1 }, leaseMs: 60_000 }
    await before.hold('room', hold, { maxMembers: 2 })
    const present = await before.members('room')
    const page = await before.read('room', { tail: 10, limit: 10, bytes: 1000 })
    await before.close()

    const after = open(path)
    expect(await after.read('room', { tail: 10, limit: 10, bytes: 1000 })).toEqual(page)
    expect(await after.append('room', { ...say('first'), producer })).toEqual({ ...first, status: 'duplicate' })
    const refused = await after.append('room', { ...say('again'), producer: { ...producer, sequence: 2 } })
    expect(refused).toEqual({ status: 'refused', code: 'forbidden' })
    expect(await after.append('room', { ...say('keyed'), once: 'key' })).toEqual({ ...keyed, status: 'duplicate' })
    expect(await after.claim('room', 'id', 60_000)).toEqual({ status: 'settled', reply })
    expect((await after.claim('room', 'running', 60_000)).status).toBe('claimed')
    const { members, version } = await after.members('room')
    expect(members).toEqual([])
    expect(version).not.toBe(present.version)
    expect(await logged(after)).toEqual(['first', 'keyed'])
  })

  test('has an event when its append is acknowledged, and when subscriptions are told', async () => {
    const path = file()
    const broker = open(path)
    const has = (text: string): boolean =>
      [path, `${path}-wal`].some((name) => existsSync(name) && readFileSync(name).includes(text))
    const told: boolean[] = []
    const { onSignal, onPresence, onInterrupted } = new Recorder()
    await broker.subscribe('room', {
      onEntry: ({ data }) => told.push(has(data)),
      onSignal,
      onPresence,
      onInterrupted,
    })
    for (let index = 0; index < 20; index++) {
      const text = `acknowledged-${index}`
      expect(has(text)).toBe(false)
      await broker.append('room', say(text))
      expect(has(text)).toBe(true)
    }
    expect(told).toEqual(Array(20).fill(true))
  })

  test('is in use by one process at a time, and is free when it is closed', async () => {
    const path = file()
    const first = open(path)
    await first.append('room', say('first'))
    expect(refusal(path)).toMatchObject({ code: 'in_use' })
    expect(refusal(path).message).toMatch(/in use.*One process.*@triwire\/redis/)
    const { stdout } = spawnSync(process.execPath, [await script('processes/ending.ts'), path], {
      encoding: 'utf8',
    })
    expect(stdout).toBe('')
    await first.append('room', say('second'))
    await first.close()
    expect(existsSync(`${path}-wal`)).toBe(false)
    expect(await logged(open(path))).toEqual(['first', 'second'])
  })

  test('that is no SQLite file is refused and left as it is', () => {
    const path = file()
    const garbage = 'not a database '.repeat(1000)
    writeFileSync(path, garbage)
    expect(refusal(path)).toMatchObject({ code: 'corrupt' })
    expect(refusal(path).message).toContain('Move it away')
    expect(readFileSync(path, 'utf8')).toBe(garbage)
  })

  test('with damaged pages is refused', async () => {
    const path = file()
    const broker = open(path)
    await Promise.all(Array.from({ length: 200 }, (_, index) => broker.append('room', say(`${index}`.repeat(200)))))
    await broker.close()
    const bytes = readFileSync(path)
    bytes.fill(0xff, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 4096)
    writeFileSync(path, bytes)
    expect(refusal(path)).toMatchObject({ code: 'corrupt' })
    expect(readFileSync(path).equals(bytes)).toBe(true)
  })

  test('of something else is refused and left as it is', () => {
    const path = file()
    const other = new Libsql(path)
    other.exec('CREATE TABLE theirs (x)')
    other.close()
    const before = readFileSync(path)
    expect(refusal(path)).toMatchObject({ code: 'not_ours' })
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  test('of a newer version is refused', async () => {
    const path = file()
    await open(path).close()
    const newer = new Libsql(path)
    newer.exec('PRAGMA user_version = 99')
    newer.close()
    expect(refusal(path)).toMatchObject({ code: 'newer_schema' })
    expect(refusal(path).message).toContain('schema 99')
  })

  test('in a folder that is not there cannot be opened', () => {
    expect(refusal(`${file()}/missing/broker.db`)).toMatchObject({ code: 'cannot_open' })
  })

  test('needs a path', () => {
    for (const path of ['', ':memory:', 'libsql://example.com']) expect(() => sqlite(path)).toThrow(RangeError)
    expect(() => sqlite({ path: file(), idleMs: Number.NaN })).toThrow(RangeError)
  })

  test('closed in the middle has exactly what was acknowledged', async () => {
    const path = file()
    const broker = open(path)
    await broker.append('room', say('first'))
    const recorder = new Recorder()
    await broker.subscribe('room', recorder)
    const appends = Array.from({ length: 600 }, (_, index) =>
      broker.append('room', say(String(index))).then(
        () => [String(index)],
        ({ code }: { code: string }) => (code === 'unavailable' ? [] : [code]),
      ),
    )
    // The first group is on its way to the disk when its first half has been asked.
    await new Promise((resolve) => setImmediate(resolve))
    // On a busy machine the disk may have had it by now.
    const calls = recorder.calls
    await broker.close()
    const acknowledged = (await Promise.all(appends)).flat()
    expect(acknowledged.length).toBeGreaterThan(0)
    expect(acknowledged.length).toBeLessThan(600)
    expect(recorder.calls).toBe(calls)
    expect(await logged(open(path))).toEqual(['first', ...acknowledged])
  })

  test('does not take more than it can keep up with', async () => {
    const broker = open(file())
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10_100 }, () => broker.read('room', { limit: 0, bytes: 0 })),
    )
    const refused = outcomes.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(100)
    expect(refused[0]).toMatchObject({ reason: { code: 'unavailable' } })
    const large = { event: 'said', data: JSON.stringify('x'.repeat(8 * 1024 * 1024)), history }
    const heavy = await Promise.allSettled(Array.from({ length: 8 }, () => broker.append('room', large)))
    expect(heavy.map(({ status }) => status)).toEqual([...Array(7).fill('fulfilled'), 'rejected'])
    expect(broker.stats()).toMatchObject({ waiting: 0 })
  })

  // Other systems have no way to lift the limit of a process from outside.
  test.skipIf(process.platform !== 'linux')(
    'that cannot grow acknowledges and delivers nothing of it, is read, and recovers',
    async () => {
      const path = file()
      const limited = `ulimit -S -f 4096; exec "${process.execPath}" "$0" "$1"`
      const child = spawn('sh', ['-c', limited, await script('processes/full-disk.ts'), path], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      const exit = once(child, 'exit')
      const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
      const next = async (): Promise<Record<string, unknown>> =>
        JSON.parse(String((await lines.next()).value)) as Record<string, unknown>
      const full = await next()
      expect(full).toMatchObject({ isLogTaken: true, isDeliveredTaken: true, refused: 8 })
      expect(full.codes).toEqual(['unavailable', 'unavailable'])
      expect(full.taken).toBeGreaterThan(0)
      expect(full.trouble).toHaveLength(1)
      spawnSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited'])
      child.stdin.end('go\n')
      expect(await next()).toEqual({ taken: 80, refused: 0, isLogTaken: true, isDeliveredTaken: true })
      expect(await exit).toEqual([0, null])
      expect(await logged(open(path))).toHaveLength(Number(full.taken) + 80)
    },
  )

  test('keeps no process alive, and survives one that does not close it', async () => {
    const path = file()
    const ending = await script('processes/ending.ts')
    const run = (...rest: string[]): string =>
      spawnSync(process.execPath, [ending, path, ...rest], { encoding: 'utf8', timeout: 20_000 }).stdout
    expect(run('close')).toBe('running\n')
    expect(run()).toBe('open\n')
    expect(await logged(open(path))).toEqual([1, 1])
  })
})
