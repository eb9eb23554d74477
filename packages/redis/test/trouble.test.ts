/** What Redis does on bad days: it dies, forgets, is replaced by a copy that is behind, is full, or says nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createClient } from '@redis/client'
import { Recorder } from '@triwire/server/testing'
import { missingRedis, type RedisServer, type Relay, startRedis, startRelay } from '@triwire-test/services'
import { build } from 'esbuild'
import { afterEach, describe, expect, test } from 'vitest'
import { type RedisBrokerHandle, type RedisOptions, redis } from '../src/index.ts'

const history = { keep: 100, ttlMs: 300_000, bytes: 1024 * 1024 }
const toClose: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close()
})

async function server(options?: readonly string[]): Promise<RedisServer> {
  const started = await startRedis(options)
  toClose.push(() => started.stop())
  return started
}

async function relayTo(target: RedisServer): Promise<Relay> {
  const relay = await startRelay(target.port)
  toClose.push(() => relay.close())
  return relay
}

function broker(port: number, options: RedisOptions = {}): RedisBrokerHandle {
  const made = redis({ url: `redis://127.0.0.1:${port}`, onTrouble: () => {}, timeoutMs: 15_000, ...options })
  toClose.push(() => made.close())
  return made
}

async function admin(target: RedisServer) {
  const client = createClient({ url: target.url })
  client.on('error', () => {})
  await client.connect()
  toClose.push(() => client.destroy())
  return client
}

const say = (text: string) => ({ event: 'said', data: JSON.stringify(text), history })

async function appended(on: RedisBrokerHandle, text: string) {
  const outcome = await on.append('room', say(text))
  if (outcome.status !== 'appended') throw new Error(`Expected "appended", got ${outcome.status}.`)
  return outcome.cursor
}

/** A master and a replica that has everything, both behind one address. */
async function pair(): Promise<{ master: RedisServer; replica: RedisServer; relay: Relay }> {
  const master = await server()
  const replica = await server(['--replicaof', '127.0.0.1', String(master.port), '--repl-diskless-sync-delay', '0'])
  const asked = await admin(replica)
  // The link is up when the first copy is there; asking again is the only way to learn of it.
  while (!(await asked.info('replication')).includes('master_link_status:up')) await asked.ping()
  expect(await (await admin(master)).wait(1, 10_000)).toBe(1)
  return { master, replica, relay: await relayTo(master) }
}

describe.skipIf(missingRedis)('a Redis in trouble', { timeout: 30_000 }, () => {
  test('that carried an append out and lost its answer is not asked to append twice', async () => {
    const relay = await relayTo(await server())
    const on = broker(relay.port)
    await appended(on, 'first')
    relay.loseAnswerTo('"second"')
    const second = await appended(on, 'second')
    expect(relay.lost).toBe(1)
    const third = await appended(on, 'third')
    const page = await on.read('room', { tail: 10, limit: 10, bytes: 10_000 })
    expect(page.status === 'page' && page.entries.map(({ data }) => data)).toEqual([
      '"first"',
      '"second"',
      '"third"',
    ])
    expect([second.offset, third.offset]).toEqual([2, 3])
  })

  test('that gets an append late, after it was tried again, does not append twice', async () => {
    const relay = await relayTo(await server())
    const on = broker(relay.port)
    await appended(on, 'first')
    const arrive = relay.delay('"second"')
    await appended(on, 'second')
    const recorder = new Recorder()
    await on.subscribe('room', recorder)
    await arrive()
    await appended(on, 'third')
    await recorder.untilEntries(1)
    const page = await on.read('room', { tail: 10, limit: 10, bytes: 10_000 })
    expect(page.status === 'page' && page.entries.map(({ data }) => data)).toEqual([
      '"first"',
      '"second"',
      '"third"',
    ])
  })

  test('that carried a claim out and lost its answer gives it to whoever claimed', async () => {
    const relay = await relayTo(await server())
    const on = broker(relay.port)
    relay.loseAnswerTo('command:')
    const claim = await on.claim('room', 'id', 60_000)
    expect(relay.lost).toBe(1)
    if (claim.status !== 'claimed') throw new Error(`Expected "claimed", got ${claim.status}.`)
    relay.loseAnswerTo('remembered')
    expect(await on.settle('room', 'id', claim.fence, { ok: true, data: '"remembered"' }, 60_000)).toBe(true)
    expect(relay.lost).toBe(2)
  })

  test('that is cut off tells subscriptions, and they go on', async () => {
    const relay = await relayTo(await server())
    const on = broker(relay.port)
    const recorder = new Recorder()
    await on.subscribe('room', recorder)
    await appended(on, 'before')
    await recorder.untilEntries(1)
    expect(recorder.interruptions).toBe(0)
    relay.cut()
    await recorder.until('an interruption', ({ interruptions }) => interruptions > 0)
    await appended(on, 'after')
    await recorder.untilEntries(2)
    expect(recorder.data).toEqual(['"before"', '"after"'])
  })

  test('that comes back empty has another epoch', async () => {
    const first = await server()
    const relay = await relayTo(first)
    const on = broker(relay.port)
    const recorder = new Recorder()
    await on.subscribe('room', recorder)
    const cursor = await appended(on, 'lost')
    await first.stop()
    relay.target = (await server()).port
    await recorder.until('an interruption', ({ interruptions }) => interruptions > 0)
    expect(await on.read('room', { after: cursor, limit: 10, bytes: 10_000 })).toMatchObject({
      status: 'gap',
      reason: 'new_epoch',
    })
    await appended(on, 'new')
    await recorder.untilEntries(2)
    expect(recorder.data).toEqual(['"lost"', '"new"'])
  })

  test('that is replaced by a copy without its last events is found out, by reading and by following', async () => {
    const { master, replica, relay } = await pair()
    const on = broker(relay.port)
    const recorder = new Recorder()
    await on.subscribe('room', recorder)
    await appended(on, 'kept')
    const onMaster = await admin(master)
    const onReplica = await admin(replica)
    expect(await onMaster.wait(1, 10_000)).toBe(1)
    // From now on the copy is behind.
    await onReplica.sendCommand(['REPLICAOF', 'NO', 'ONE'])
    const lost = await appended(on, 'lost')
    await recorder.untilEntries(2)
    relay.target = replica.port
    await master.stop()
    await recorder.until('an interruption', ({ interruptions }) => interruptions > 0)
    const instead = await appended(on, 'instead')
    expect({ epoch: instead.epoch, offset: instead.offset }).toEqual({ epoch: lost.epoch, offset: lost.offset })
    expect(await on.read('room', { after: lost, limit: 10, bytes: 10_000 })).toMatchObject({
      status: 'gap',
      reason: 'lost_tail',
    })
    await recorder.untilEntries(3)
    expect(recorder.data).toEqual(['"kept"', '"lost"', '"instead"'])
  })

  test('that was demoted is left for the one in charge', async () => {
    const { master, replica, relay } = await pair()
    const on = broker(relay.port)
    await appended(on, 'before')
    const onMaster = await admin(master)
    const onReplica = await admin(replica)
    expect(await onMaster.wait(1, 10_000)).toBe(1)
    await onReplica.sendCommand(['REPLICAOF', 'NO', 'ONE'])
    await onMaster.replicaOf('127.0.0.1', replica.port)
    relay.target = replica.port
    // The line still leads to the old one, which says READONLY.
    expect((await appended(on, 'after')).offset).toBe(2)
  })

  test('that has no replica acknowledges nothing where one must have it, and still appends once', async () => {
    const { replica, relay } = await pair()
    const on = broker(relay.port, { ack: { replicas: 1, timeoutMs: 1000 } })
    const producer = { id: 'ann', sequence: 1, lowest: 1 }
    expect((await on.append('room', { ...say('safe'), producer })).status).toBe('appended')
    await replica.stop()
    const next = { ...say('unsafe'), producer: { ...producer, sequence: 2 } }
    for (let times = 0; times < 2; times++)
      await expect(on.append('room', next)).rejects.toMatchObject({ code: 'unavailable' })
    const page = await on.read('room', { tail: 10, limit: 10, bytes: 10_000 })
    expect(page.status === 'page' && page.entries.map(({ data }) => data)).toEqual(['"safe"', '"unsafe"'])
  })

  test('that holds something else under a key of ours says so once, and is unavailable', async () => {
    const target = await server()
    const trouble: unknown[] = []
    const on = broker(target.port, { onTrouble: (error) => trouble.push(error) })
    await (await admin(target)).set('triwire:{room}:state', 'not a hash')
    await expect(on.read('room', { limit: 0, bytes: 0 })).rejects.toMatchObject({ code: 'unavailable' })
    expect(String(trouble)).toContain('WRONGTYPE')
    expect(trouble).toHaveLength(1)
  })

  test('that is full refuses what needs room, serves what does not, and recovers', async () => {
    const full = await server()
    const on = broker(full.port, { timeoutMs: 300 })
    await appended(on, 'before')
    const asked = await admin(full)
    await asked.configSet('maxmemory', '1')
    await expect(on.append('room', say('refused'))).rejects.toMatchObject({ code: 'unavailable' })
    await expect(on.claim('room', 'id', 1000)).rejects.toMatchObject({ code: 'unavailable' })
    const page = await on.read('room', { tail: 10, limit: 10, bytes: 10_000 })
    expect(page.status === 'page' && page.entries.length).toBe(1)
    await asked.configSet('maxmemory', '0')
    expect((await appended(on, 'after')).offset).toBe(2)
  })

  test('that says nothing is unavailable, and is used again when it speaks', async () => {
    const silent = await server()
    const on = broker(silent.port, { timeoutMs: 300 })
    await appended(on, 'before')
    silent.process.kill('SIGSTOP')
    await expect(on.append('room', say('unheard'))).rejects.toMatchObject({ code: 'unavailable' })
    silent.process.kill('SIGCONT')
    const patient = broker(silent.port)
    const cursor = await appended(patient, 'after')
    expect(cursor.offset).toBeGreaterThan(1)
    expect((await on.read('room', { limit: 0, bytes: 0 })).head).toEqual(cursor)
  })

  test('that takes a subscription up after it was given up is told to let it go', async () => {
    const silent = await server()
    const trouble: unknown[] = []
    const on = broker(silent.port, { timeoutMs: 300, onTrouble: (error) => trouble.push(error) })
    await on.subscribe('other', new Recorder())
    silent.process.kill('SIGSTOP')
    await expect(on.subscribe('room', new Recorder())).rejects.toMatchObject({ code: 'unavailable' })
    // It gave up by itself, long before the line was found dead.
    expect(trouble).toEqual([])
    silent.process.kill('SIGCONT')
    const asked = await admin(silent)
    // On the same line as the others, so their orders are behind those of the one that was given up.
    await on.subscribe('third', new Recorder())
    await on.subscribe('fourth', new Recorder())
    expect(await asked.pubSubShardChannels()).not.toContain('triwire:{room}:live')
  })

  test('that is behind a line that fell silent under load is reached over another one', {
    timeout: 60_000,
  }, async () => {
    const relay = await relayTo(await server())
    const on = broker(relay.port, { timeoutMs: 30_000 })
    const recorder = new Recorder()
    await on.subscribe('room', recorder)
    relay.silence()
    // What is written goes nowhere, and that something is written hides that nothing is heard.
    let isHeard = false
    const writing = (async () => {
      while (!isHeard) {
        void on.members('elsewhere').catch(() => {})
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    })()
    await appended(on, 'heard')
    isHeard = true
    await writing
    // What is published comes over a line of its own, which fell silent as well.
    await recorder.until('the word that it is back', () => recorder.interruptions > 0)
    await appended(on, 'followed')
    await recorder.until('what came afterwards', () => recorder.data.at(-1) === '"followed"')
  })

  test('that is not there yet is waited for', async () => {
    const relay = await startRelay(1)
    toClose.push(() => relay.close())
    const on = broker(relay.port)
    const pending = appended(on, 'patient')
    relay.target = (await server()).port
    expect((await pending).offset).toBe(1)
  })

  test('that never comes is unavailable', async () => {
    const on = broker(1, { timeoutMs: 100 })
    await expect(on.read('room', { limit: 0, bytes: 0 })).rejects.toMatchObject({ code: 'unavailable' })
    await expect(on.subscribe('room', new Recorder())).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('that carries what strangers publish: it is dropped and counted', async () => {
    const target = await server()
    const on = broker(target.port)
    const recorder = new Recorder()
    await on.subscribe('room', recorder)
    const stranger = await admin(target)
    const strange = [
      '',
      'hello',
      '{"t":"ev"}',
      'e',
      'e0 ',
      'e0 a:1:b [1]\n1',
      'e0 a:1:b {}\n1',
      'pz1.1 "a"\n',
      'pj',
      's',
      's{}',
    ]
    for (const text of strange) await stranger.sPublish('triwire:{room}:live', text)
    await appended(on, 'ours')
    await recorder.untilEntries(1)
    expect(recorder.data).toEqual(['"ours"'])
    expect(recorder.calls).toBe(1)
    expect(on.stats().malformed).toBe(strange.length)
  })

  test('keeps no process alive once its broker is closed', async () => {
    const { url } = await server()
    const { outputFiles } = await build({
      stdin: {
        contents: `
          import { redis } from '@triwire/redis'
          async function run() {
            const broker = redis(${JSON.stringify(url)})
            await broker.subscribe('room', { onEntry() {}, onSignal() {}, onPresence() {}, onInterrupted() {} })
            const hold = { member: 'ann', holder: 'one', value: { data: '1', sequence: 1 }, leaseMs: 60_000 }
            await broker.hold('room', hold, { maxMembers: 2 })
            await broker.claim('room', 'id', 60_000)
            const wait = broker.settled('room', 'id', 60_000).then(({ status }) => status, ({ code }) => code)
            await broker.close()
            console.log(await wait)
          }
          void run()
        `,
        resolveDir: import.meta.dirname,
      },
      bundle: true,
      platform: 'node',
      conditions: ['@triwire/source'],
      write: false,
    })
    const child = spawn(process.execPath, ['-'], { stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin.end(outputFiles[0]?.text)
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
    })
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(output).toMatch(/^(running|unavailable)\n$/)
  })
})
