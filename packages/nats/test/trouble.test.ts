/** What NATS does on bad days: it dies, forgets, comes back with less, says nothing, or carries what others wrote. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { Cursor } from '@triwire/server'
import { expectContiguous, Recorder } from '@triwire/server/testing'
import { missingNats, type NatsServer, type Relay, startNats, startRelay } from '@triwire-test/services'
import { build } from 'esbuild'
import { afterEach, describe, expect, test } from 'vitest'
import { type NatsBrokerHandle, type NatsOptions, nats } from '../src/index.ts'
import { Names } from '../src/names.ts'
import { withManager } from './manager.ts'

const history = { keep: 100, ttlMs: 300_000, bytes: 1024 * 1024 }
const names = new Names('triwire')
const toClose: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close()
})

async function server(): Promise<NatsServer> {
  const started = await startNats()
  toClose.push(() => started.stop())
  return started
}

async function relayTo(target: NatsServer): Promise<Relay> {
  const relay = await startRelay(target.port)
  toClose.push(() => relay.close())
  return relay
}

function broker(port: number, options: NatsOptions = {}): NatsBrokerHandle {
  const made = nats({ servers: `127.0.0.1:${port}`, onTrouble: () => {}, timeoutMs: 15_000, ...options })
  toClose.push(() => made.close())
  return made
}

/** A connection of somebody who is none of us. */
async function stranger(target: NatsServer): Promise<NatsConnection> {
  const connection = await connect({ servers: target.url })
  toClose.push(() => connection.close())
  return connection
}

const say = (text: string) => ({ event: 'said', data: JSON.stringify(text), history })

async function appended(on: NatsBrokerHandle, text: string): Promise<Cursor> {
  const outcome = await on.append('room', say(text))
  if (outcome.status !== 'appended') throw new Error(`Expected "appended", got ${outcome.status}.`)
  return outcome.cursor
}

async function logged(on: NatsBrokerHandle): Promise<readonly string[]> {
  const page = await on.read('room', { tail: 1000, limit: 1000, bytes: 1024 * 1024 })
  if (page.status !== 'page') throw new Error(`Expected a page, got a gap: ${page.reason}.`)
  expectContiguous(page.from, page.entries)
  return page.entries.map(({ data }) => JSON.parse(data) as string)
}

const gapAfter = (on: NatsBrokerHandle, after: Cursor) => on.read('room', { after, limit: 10, bytes: 10_000 })

describe.skipIf(missingNats)('a NATS in trouble', { timeout: 30_000 }, () => {
  test('that carried an append out and lost its answer is not asked to append twice', async () => {
    const relay = await relayTo(await server())
    const on = broker(relay.port)
    await appended(on, 'first')
    relay.loseAnswerTo('"second"')
    await appended(on, 'second')
    expect(relay.lost).toBe(1)
    await appended(on, 'third')
    expect(await logged(on)).toEqual(['first', 'second', 'third'])
  })

  test('that gets an append late, after it was tried again, does not append twice', async () => {
    const relay = await relayTo(await server())
    const on = broker(relay.port)
    await appended(on, 'first')
    const arrive = relay.delay('"second"')
    await appended(on, 'second')
    await arrive()
    await appended(on, 'third')
    expect(await logged(on)).toEqual(['first', 'second', 'third'])
  })

  test('that carried a publish out and lost its answer says where it lies', async () => {
    const relay = await relayTo(await server())
    const on = broker(relay.port)
    const producer = { id: 'ann', sequence: 1, lowest: 1 }
    relay.loseAnswerTo('"once"')
    const outcome = await on.append('room', { ...say('once'), producer })
    expect(relay.lost).toBe(1)
    expect(outcome.status).toBe('appended')
    expect(await on.append('room', { ...say('once'), producer })).toEqual({ ...outcome, status: 'duplicate' })
    expect(await logged(on)).toEqual(['once'])
  })

  test('that carried a claim out and lost its answer gives it to whoever claimed', async () => {
    const relay = await relayTo(await server())
    const on = broker(relay.port)
    await appended(on, 'ready')
    relay.loseAnswerTo('.command.')
    const claim = await on.claim('room', 'id', 60_000)
    if (claim.status !== 'claimed') throw new Error(`Expected "claimed", got ${claim.status}.`)
    relay.loseAnswerTo('remembered')
    expect(await on.settle('room', 'id', claim.fence, { ok: true, data: '"remembered"' }, 60_000)).toBe(true)
    expect(relay.lost).toBe(2)
    expect(await on.settle('room', 'id', claim.fence, { ok: true, data: '"other"' }, 60_000)).toBe(false)
  })

  test('between the two steps of a publish leaves the rest to whoever repeats it, on any node', async () => {
    const target = await server()
    const relay = await relayTo(target)
    const first = broker(relay.port, { timeoutMs: 1000 })
    const second = broker(target.port)
    await appended(second, 'before')
    const producer = { id: 'ann', sequence: 1, lowest: 1 }
    // The sequence is taken; the event is on its way when the line ends.
    const arrive = relay.delay('"late"')
    relay.target = 1
    await expect(first.append('room', { ...say('late'), producer })).rejects.toMatchObject({ code: 'unavailable' })
    const next = { ...say('next'), producer: { ...producer, sequence: 2 } }
    expect(await second.append('room', next)).toEqual({ status: 'sequence_gap', expected: 1 })
    const repeated = await second.append('room', { ...say('late'), producer })
    expect(repeated.status).toBe('appended')
    await arrive()
    expect((await second.append('room', next)).status).toBe('appended')
    expect(await logged(second)).toEqual(['before', 'late', 'next'])
  })

  test('between the two steps of a publish that is refused now stays refused, and late comers find that out', async () => {
    const target = await server()
    const relay = await relayTo(target)
    const first = broker(relay.port, { timeoutMs: 1000 })
    const second = broker(target.port)
    await appended(second, 'before')
    const producer = { id: 'ann', sequence: 1, lowest: 1 }
    const arrive = relay.delay('"late"')
    relay.target = 1
    await expect(first.append('room', { ...say('late'), producer })).rejects.toMatchObject({ code: 'unavailable' })
    expect(await second.refuse('room', producer, 'forbidden')).toEqual({ status: 'refused', code: 'forbidden' })
    await arrive()
    expect(await second.append('room', { ...say('late'), producer })).toEqual({
      status: 'refused',
      code: 'forbidden',
    })
    expect(await logged(second)).toEqual(['before'])
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

  test('that is killed amid appends has in its files whatever it acknowledged, once and in order', async () => {
    const target = await server()
    const on = broker(target.port)
    const other = broker(target.port)
    const acknowledged: string[] = []
    let isKilled = false
    const write = async (by: NatsBrokerHandle, name: string): Promise<void> => {
      for (let number = 1; !isKilled || number % 20 !== 0; number++) {
        await appended(by, `${name} ${number}`)
        acknowledged.push(`${name} ${number}`)
      }
    }
    const writing = Promise.all([write(on, 'one'), write(other, 'other')])
    while (acknowledged.length < 30) await new Promise((resolve) => setImmediate(resolve))
    await target.kill()
    await target.restart()
    isKilled = true
    await writing
    const found = await logged(broker(target.port))
    expect([...found].sort()).toEqual(acknowledged.slice(-100).sort())
    for (const name of ['one', 'other']) {
      const numbers = found.filter((text) => text.startsWith(`${name} `)).map((text) => Number(text.split(' ')[1]))
      expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] as number) + index))
    }
  })

  test('that comes back empty has another epoch', async () => {
    const target = await server()
    const on = broker(target.port)
    const recorder = new Recorder()
    await on.subscribe('room', recorder)
    const cursor = await appended(on, 'lost')
    await recorder.untilEntries(1)
    await target.restart({ isEmpty: true })
    await recorder.until('an interruption', ({ interruptions }) => interruptions > 0)
    expect(await gapAfter(on, cursor)).toMatchObject({ status: 'gap', reason: 'new_epoch' })
    await appended(on, 'new')
    await recorder.untilEntries(2)
    expect(recorder.data).toEqual(['"lost"', '"new"'])
  })

  test('that kept its streams in memory has another epoch after a restart', async () => {
    const target = await server()
    const on = broker(target.port, { storage: 'memory' })
    const cursor = await appended(on, 'lost')
    await target.restart()
    expect(await gapAfter(on, cursor)).toMatchObject({ status: 'gap', reason: 'new_epoch' })
    expect((await appended(on, 'new')).epoch).not.toBe(cursor.epoch)
  })

  test('that lost its last events and used their numbers again is found out, by reading and by following', async () => {
    const target = await server()
    const on = broker(target.port)
    const recorder = new Recorder()
    await on.subscribe('room', recorder)
    await appended(on, 'kept')
    await target.kill()
    const restore = target.save()
    await target.restart()
    const lost = await appended(on, 'lost')
    await appended(on, 'lost as well')
    await recorder.until('the last event', ({ data }) => data.includes('"lost as well"'))
    await target.kill()
    restore()
    await target.restart()
    const told = recorder.interruptions
    await recorder.until('another interruption', ({ interruptions }) => interruptions > told)
    const elsewhere = broker(target.port)
    const instead = await appended(elsewhere, 'instead')
    await appended(elsewhere, 'and on')
    expect({ epoch: instead.epoch, offset: instead.offset }).toEqual({ epoch: lost.epoch, offset: lost.offset })
    expect(await gapAfter(on, lost)).toMatchObject({ status: 'gap', reason: 'lost_tail' })
    // What this node remembers of the past that was lost is in nobody's way.
    expect(await logged(on)).toEqual(['kept', 'instead', 'and on'])
    await recorder.until('the last event', ({ data }) => data.includes('"and on"'))
    expect(recorder.data).toEqual(['"kept"', '"lost"', '"lost as well"', '"instead"', '"and on"'])
  })

  test('that says nothing is unavailable, and is used again when it speaks', async () => {
    const silent = await server()
    const on = broker(silent.port, { timeoutMs: 300 })
    await appended(on, 'before')
    silent.process.kill('SIGSTOP')
    const appendOn = async (): Promise<never> => {
      // It takes a signal a moment to arrive.
      for (;;) await on.append('room', say('unheard'))
    }
    await expect(appendOn()).rejects.toMatchObject({ code: 'unavailable' })
    silent.process.kill('SIGCONT')
    const patient = broker(silent.port)
    const cursor = await appended(patient, 'after')
    expect((await patient.read('room', { limit: 0, bytes: 0 })).head).toEqual(cursor)
    expect((await logged(patient)).filter((text) => text !== 'unheard')).toEqual(['before', 'after'])
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
    await expect(
      on.signal('room', { event: 'typing', key: undefined, member: undefined, data: '1' }),
    ).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('whose streams are somebody else’s says so, and is unavailable', async () => {
    const target = await server()
    await withManager(target, (manager) => manager.streams.add({ name: 'theirs', subjects: ['triwire.>'] }))
    const trouble: unknown[] = []
    const on = broker(target.port, { timeoutMs: 300, onTrouble: (error) => trouble.push(error) })
    await expect(on.read('room', { limit: 0, bytes: 0 })).rejects.toMatchObject({ code: 'unavailable' })
    expect(String(trouble)).toContain('overlap')
  })

  test('that loses its streams while it runs has another epoch', async () => {
    const target = await server()
    const on = broker(target.port)
    const cursor = await appended(on, 'lost')
    await withManager(target, async (manager) => {
      await manager.streams.delete(names.logStream)
      await manager.streams.delete(names.stateStream)
    })
    expect((await appended(on, 'new')).epoch).not.toBe(cursor.epoch)
    expect(await gapAfter(on, cursor)).toMatchObject({ status: 'gap', reason: 'new_epoch' })
  })

  test('that takes no message as large as this one says so at once', async () => {
    const on = broker((await server()).port)
    const large = { ...say('x'.repeat(2 * 1024 * 1024)) }
    await expect(on.append('room', large)).rejects.toThrow('max_payload')
    await appended(on, 'small')
    expect(await logged(on)).toEqual(['small'])
  })

  test('that carries what strangers publish: it is dropped and counted', async () => {
    const target = await server()
    const on = broker(target.port)
    const recorder = new Recorder()
    await on.subscribe('room', recorder)
    const theirs = await stranger(target)
    const live = names.live('room').slice(0, -1)
    const strange = ['', 'hello', '["e"]\n1', '{}\n', '[]', '["s",1,2]\n']
    for (const text of strange) theirs.publish(`${live}entry`, text)
    for (const text of ['', 'hello', '{}\n1', '[1,2,3]\n1', '["a",1]\n1']) theirs.publish(`${live}signal`, text)
    const changed = names.changed(names.state('room', 'set', ''))
    for (const text of ['', '[]']) theirs.publish(changed, text)
    await theirs.flush()
    await appended(on, 'ours')
    await recorder.untilEntries(1)
    expect(recorder.data).toEqual(['"ours"'])
    expect(recorder.calls).toBe(1)
    expect(on.stats().malformed).toBe(strange.length + 5 + 2)
  })

  test('that stores what strangers put into a log begins it anew, and says so', async () => {
    const target = await server()
    const on = broker(target.port)
    const recorder = new Recorder()
    await on.subscribe('room', recorder)
    const first = await appended(on, 'first')
    const theirs = await stranger(target)
    for (const text of ['hello', '["e",1,2,3]\n', '']) await theirs.request(names.log('room'), text)
    const second = await appended(on, 'second')
    await recorder.untilEntries(2)
    expect(await gapAfter(on, first)).toMatchObject({ status: 'gap', reason: 'new_epoch', head: second })
    expect(await logged(broker(target.port))).toEqual(['second'])
    expect(recorder.data).toEqual(['"first"', '"second"'])
    expect(recorder.interruptions).toBe(1)
  })

  test('that stores what strangers put into records goes on as if there were none', async () => {
    const target = await server()
    const on = broker(target.port)
    await appended(on, 'first')
    const theirs = await stranger(target)
    for (const [index, text] of ['hello', '{}', '[]', '[1,2,3,4]'].entries()) {
      for (const [kind, id] of [
        ['set', ''],
        ['member', 'ann'],
        ['producer', 'ann'],
        ['command', text],
      ] as const)
        await theirs.request(names.state('room', kind, id), text)
      const hold = {
        member: 'ann',
        holder: 'one',
        value: { data: text.length.toString(), sequence: 1 },
        leaseMs: 60_000,
      }
      expect(await on.hold('room', hold, { maxMembers: 2 })).toBe('held')
      expect((await on.members('room')).members).toEqual([{ member: 'ann', data: text.length.toString() }])
      const producer = { id: 'ann', sequence: 1, lowest: 1 }
      // Nothing is known of the producer any more, and still the log takes its event once.
      const { status } = await on.append('room', { ...say(text), producer })
      expect(status).toBe(index === 0 ? 'appended' : 'duplicate')
      expect((await on.claim('room', text, 60_000)).status).toBe('claimed')
    }
  })

  test('gets appends of many nodes to one channel in one order for all', async () => {
    const target = await server()
    const nodes = [broker(target.port), broker(target.port), broker(target.port)]
    const recorders = await Promise.all(
      nodes.map(async (node) => {
        const recorder = new Recorder()
        await node.subscribe('room', recorder)
        return recorder
      }),
    )
    await Promise.all(
      nodes.map(async (node, index) => {
        for (let number = 0; number < 40; number++) await appended(node, `${index} ${number}`)
      }),
    )
    const found = await nodes[0]?.read('room', { tail: 1000, limit: 1000, bytes: 1024 * 1024 })
    for (const recorder of recorders) {
      await recorder.untilEntries(120)
      expect(recorder.data).toHaveLength(120)
      expect(recorder.data.slice(-100)).toEqual(found?.status === 'page' && found.entries.map(({ data }) => data))
      expect(recorder.interruptions).toBe(0)
    }
  })

  test('keeps a long log readable page by page, also on a node that never saw it, and drops what is over', async () => {
    const target = await server()
    const on = broker(target.port)
    const long = { keep: 500, ttlMs: 300_000, bytes: 1024 * 1024 }
    for (let number = 1; number <= 700; number++)
      await on.append('room', { event: 'said', data: String(number), history: long })
    const cold = broker(target.port)
    const seen: number[] = []
    let request: Parameters<typeof on.read>[1] = { tail: 1000, limit: 90, bytes: 1024 * 1024 }
    for (;;) {
      const page = await cold.read('room', request)
      if (page.status !== 'page') throw new Error(`Expected a page, got a gap: ${page.reason}.`)
      expectContiguous(page.from, page.entries)
      seen.push(...page.entries.map(({ data }) => Number(data)))
      const last = page.entries.at(-1)
      if (last === undefined) break
      request = { after: last.cursor, limit: 90, bytes: 1024 * 1024 }
    }
    expect(seen).toEqual(Array.from({ length: 500 }, (_, index) => index + 201))
    const kept = await withManager(target, (manager) => manager.streams.info(names.logStream))
    expect(kept.state.messages).toBeLessThan(600)
  })

  test('forgets a channel nobody follows, and keeps one that is followed however quiet it is', async () => {
    const target = await server()
    const on = broker(target.port, { idleMs: 1000, dedupeMs: 500, timeoutMs: 500 })
    const brief = { event: 'said', data: '1', history: { ...history, ttlMs: 200 } }
    const recorder = new Recorder()
    await on.subscribe('room', recorder)
    const cursors = new Map<string, Cursor>()
    for (const channel of ['room', 'other']) {
      const outcome = await on.append(channel, brief)
      if (outcome.status === 'appended') cursors.set(channel, outcome.cursor)
    }
    await withManager(target, async (manager) => {
      const isKept = async (): Promise<boolean> => {
        const subject = names.log('other')
        const { state } = await manager.streams.info(names.logStream, { subjects_filter: subject })
        return state.subjects?.[subject] !== undefined
      }
      // Nothing tells when a stream drops what is too old.
      while (await isKept()) await new Promise((resolve) => setTimeout(resolve, 100))
    })
    for (const [channel, after] of cursors) {
      const found = await on.read(channel, { after, limit: 1, bytes: 1 })
      expect([channel, found.status]).toEqual([channel, channel === 'room' ? 'page' : 'gap'])
    }
    expect(recorder.interruptions).toBe(0)
  })

  test('keeps no process alive once its broker is closed', async () => {
    const { url } = await server()
    const { outputFiles } = await build({
      stdin: {
        contents: `
          import { nats } from '@triwire/nats'
          async function run() {
            const broker = nats(${JSON.stringify(url)})
            await broker.subscribe('room', { onEntry() {}, onSignal() {}, onPresence() {}, onInterrupted() {} })
            const hold = { member: 'ann', holder: 'one', value: { data: '1', sequence: 1 }, leaseMs: 60_000 }
            await broker.hold('room', hold, { maxMembers: 2 })
            await broker.claim('room', 'id', 60_000)
            const wait = broker.settled('room', 'id', 60_000).then(({ status }) => status, ({ code }) => code)
            const nowhere = nats('127.0.0.1:1')
            nowhere.read('room', { limit: 0, bytes: 0 }).catch(() => {})
            await nowhere.close()
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
