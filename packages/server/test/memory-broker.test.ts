import type { Cursor } from '@triwire/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type MemoryBroker, memory } from '../src/memory-broker.ts'
import type { MemoryBrokerOptions } from '../src/memory-channels.ts'
import { DeadlineQueue, type Due } from '../src/memory-deadlines.ts'
import { brokerContract, createManualClock, type ManualClock, Recorder } from '../src/testing/index.ts'

const history = { keep: 100, ttlMs: 300_000, bytes: 1024 * 1024 }
const TEN_MINUTES = 600_000
const NO_LINE = {
  'an interrupted subscription says so, and goes on': 'there is no line between this broker and its store',
}

brokerContract(
  'memory, on a virtual clock',
  async ({ dedupeMs }) => {
    const clock = createManualClock()
    const { now, setTimer, advance, timers } = clock
    const broker = memory({ now, setTimer, onListenerError: () => undefined, limits: { dedupeMs } })
    // Long enough for the longest history of the suite.
    const forget = (): Promise<void> => advance(100_000_000)
    return { broker, advance, timers, forget }
  },
  { leaveOut: NO_LINE },
)

brokerContract(
  'memory, in real time',
  async ({ dedupeMs }) => {
    const broker = memory({ onListenerError: () => undefined, limits: { dedupeMs, sweepMs: 10 } })
    return { broker, advance: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) }
  },
  {
    unitMs: 100,
    concurrent: true,
    leaveOut: {
      ...NO_LINE,
      'closing leaves no timer behind': 'real timers cannot be counted; the virtual clock counts them',
      'a channel that was lost comes back under another epoch':
        'real time is too slow for it; the virtual clock is not',
    },
  },
)

function setUp(options: MemoryBrokerOptions = {}): { broker: MemoryBroker; clock: ManualClock } {
  const clock = createManualClock()
  return { broker: memory({ now: clock.now, setTimer: clock.setTimer, ...options }), clock }
}

describe('memory broker', () => {
  test('offsets count from 1 without holes', async () => {
    const { broker } = setUp()
    for (let offset = 1; offset <= 300; offset++) {
      const outcome = await broker.append('chat', { event: 'said', data: '1', history })
      expect(outcome).toMatchObject({ status: 'appended', cursor: { offset } })
    }
  })

  test('cursors are short and fit the protocol', async () => {
    const broker = memory()
    const { head } = await broker.read('chat', { limit: 0, bytes: 0 })
    const outcome = await broker.append('chat', { event: 'said', data: '1', history })
    expect(head.epoch).toMatch(/^[A-Za-z0-9_-]{8}$/)
    expect(outcome.status === 'appended' && outcome.cursor.tag).toMatch(/^[A-Za-z0-9_-]{8}$/)
    await broker.close()
  })

  test('tags and epochs do not repeat in 100,000 draws', async () => {
    const broker = memory()
    const seen = new Set<string>()
    const roomy = { ...history, keep: 1 }
    for (let index = 0; index < 100_000; index++) {
      const outcome = await broker.append('chat', { event: 'said', data: '1', history: roomy })
      if (outcome.status === 'appended') seen.add(outcome.cursor.tag)
    }
    expect(seen.size).toBe(100_000)
    await broker.close()
  })

  test('10,000 channels that were used in every way leave nothing behind once all has expired', async () => {
    const { broker, clock } = setUp()
    await touchEverything(broker, 10_000)
    expect(broker.stats().channels).toBe(10_000)
    await clock.advance(TEN_MINUTES)
    expect(broker.stats()).toEqual({ channels: 0, subscriptions: 0, waiting: 0 })
    expect(clock.timers()).toBe(0)
  })

  test('one timer serves ten thousand channels', async () => {
    const { broker, clock } = setUp()
    await touchEverything(broker, 10_000)
    expect(clock.timers()).toBe(1)
    await broker.close()
    expect(clock.timers()).toBe(0)
  })

  test('whatever one operation leaves behind goes by itself', async () => {
    const append = { event: 'said', data: '1', history: { ...history, ttlMs: 1 } }
    const producer = { id: 'ann', sequence: 1, lowest: 1 }
    const hold = { member: 'ann', holder: 'one', value: { data: '1', sequence: 1 }, leaseMs: 400_000 }
    const operations: ((broker: MemoryBroker) => Promise<unknown>)[] = [
      (broker) => broker.read('chat', { limit: 1, bytes: 1 }),
      (broker) => broker.append('chat', { ...append, history: { ...history, ttlMs: 400_000 } }),
      (broker) => broker.append('chat', { ...append, producer }),
      (broker) => broker.append('chat', { ...append, once: 'key' }),
      (broker) => broker.hold('chat', hold, { maxMembers: 10 }),
      (broker) => broker.depart('chat', 'ann', 1),
      (broker) => broker.claim('chat', 'id', 400_000),
      async (broker) => {
        const claim = await broker.claim('chat', 'id', 1)
        if (claim.status === 'claimed')
          await broker.settle('chat', 'id', claim.fence, { ok: true, data: '1' }, 400_000)
      },
    ]
    for (const operation of operations) {
      const { broker, clock } = setUp({ limits: { dedupeMs: 400_000 } })
      await operation(broker)
      expect(broker.stats().channels).toBe(1)
      await clock.advance(TEN_MINUTES)
      expect(broker.stats().channels).toBe(0)
      expect(clock.timers()).toBe(0)
    }
  })

  test('a channel lives as long as the longest of what it remembers, however short its idle time', async () => {
    const append = { event: 'said', data: '1', history: { ...history, ttlMs: 1 } }
    const { broker, clock } = setUp({ limits: { idleMs: 1 } })
    await broker.append('keyed', { ...append, once: 'key' })
    await broker.append('produced', { ...append, producer: { id: 'ann', sequence: 1, lowest: 1 } })
    await broker.depart('departed', 'ann', 5)
    const claim = await broker.claim('settled', 'id', 1000)
    if (claim.status === 'claimed')
      await broker.settle('settled', 'id', claim.fence, { ok: true, data: '1' }, 300_000)
    await clock.advance(290_000)
    expect((await broker.append('keyed', { ...append, once: 'key' })).status).toBe('duplicate')
    expect((await broker.refuse('produced', { id: 'ann', sequence: 1, lowest: 1 }, 'forbidden')).status).toBe(
      'duplicate',
    )
    const hold = { member: 'ann', holder: 'one', value: { data: '1', sequence: 4 }, leaseMs: 1000 }
    expect(await broker.hold('departed', hold, { maxMembers: 10 })).toBe('unknown')
    expect((await broker.claim('settled', 'id', 1000)).status).toBe('settled')
  })

  test('a channel that is only subscribed to needs no timer', async () => {
    const { broker, clock } = setUp()
    const subscription = await broker.subscribe('chat', new Recorder())
    await broker.append('chat', { event: 'said', data: '1', history })
    await clock.advance(TEN_MINUTES)
    expect(clock.timers()).toBe(0)
    expect(broker.stats().channels).toBe(1)
    await subscription.close()
    expect(clock.timers()).toBe(1)
    await clock.advance(TEN_MINUTES)
    expect(broker.stats().channels).toBe(0)
    expect(clock.timers()).toBe(0)
  })

  test('a channel keeps its epoch as long as its history may be asked for', async () => {
    const { broker, clock } = setUp()
    const week = { ...history, ttlMs: 7 * 86_400_000 }
    const outcome = await broker.append('chat', { event: 'said', data: '1', history: week })
    await clock.advance(week.ttlMs - 1000)
    const after = outcome.status === 'appended' ? outcome.cursor : undefined
    expect((await broker.read('chat', { after, limit: 1, bytes: 1 })).status).toBe('page')
  })

  test('a channel that readers keep asking for keeps its epoch', async () => {
    const { broker, clock } = setUp()
    const outcome = await broker.append('chat', { event: 'said', data: '1', history })
    const after = outcome.status === 'appended' ? outcome.cursor : undefined
    for (let times = 0; times < 100; times++) {
      await clock.advance(250_000)
      expect((await broker.read('chat', { after, limit: 1, bytes: 1 })).status).toBe('page')
    }
  })

  test('a channel that comes back after it was dropped tells its readers', async () => {
    const { broker, clock } = setUp()
    const outcome = await broker.append('chat', { event: 'said', data: '1', history })
    const { version } = await broker.members('chat')
    await clock.advance(TEN_MINUTES)
    await broker.append('chat', { event: 'said', data: '2', history })
    const after = outcome.status === 'appended' ? outcome.cursor : undefined
    expect(await broker.read('chat', { after, limit: 1, bytes: 1 })).toMatchObject({
      status: 'gap',
      reason: 'new_epoch',
    })
    expect((await broker.members('chat')).version).not.toBe(version)
  })

  test('leases end on the millisecond', async () => {
    const { broker, clock } = setUp()
    const recorder = new Recorder()
    await broker.subscribe('chat', recorder)
    for (const [member, leaseMs] of [
      ['ann', 1234],
      ['bob', 777],
    ] as const) {
      const hold = { member, holder: 'one', value: { data: '1', sequence: 1 }, leaseMs }
      await broker.hold('chat', hold, { maxMembers: 10 })
    }
    await clock.advance(776)
    expect(recorder.presence).toEqual(['join ann 1', 'join bob 1'])
    await clock.advance(1)
    expect(recorder.presence.at(-1)).toBe('leave bob')
    await clock.advance(456)
    expect(recorder.presence.length).toBe(3)
    await clock.advance(1)
    expect(recorder.presence.at(-1)).toBe('leave ann')
  })

  test('a late timer changes no answer', async () => {
    let now = 0
    const broker = memory({ now: () => now, setTimer: () => () => undefined })
    const hold = { member: 'ann', holder: 'one', value: { data: '1', sequence: 1 }, leaseMs: 10 }
    await broker.hold('chat', hold, { maxMembers: 10 })
    await broker.claim('chat', 'id', 10)
    const wait = broker.settled('chat', 'id', 1000)
    now = 10
    expect((await broker.members('chat')).members).toEqual([])
    expect(await wait).toEqual({ status: 'lapsed' })
    expect((await broker.claim('chat', 'id', 10)).status).toBe('claimed')
  })

  test('beyond the bound of channels the ones unused for longest go, and never those in use', async () => {
    const { broker, clock } = setUp({ limits: { channels: 100 } })
    await broker.subscribe('subscribed', new Recorder())
    const hold = { member: 'ann', holder: 'one', value: { data: '1', sequence: 1 }, leaseMs: TEN_MINUTES }
    await broker.hold('held', hold, { maxMembers: 10 })
    await broker.claim('claimed', 'id', TEN_MINUTES)
    const epochs = new Map<string, string>()
    const epochOf = async (name: string): Promise<string> =>
      (await broker.read(name, { limit: 0, bytes: 0 })).head.epoch
    for (const name of ['subscribed', 'held', 'claimed', 'busy']) epochs.set(name, await epochOf(name))
    for (let index = 0; index < 1000; index++) {
      await clock.advance(1)
      expect(await epochOf('busy')).toBe(epochs.get('busy'))
      await broker.append(`chat?id=${index}`, { event: 'said', data: '1', history })
      expect(broker.stats().channels).toBeLessThanOrEqual(100)
    }
    for (const [name, epoch] of epochs) expect(await epochOf(name)).toBe(epoch)
    expect((await broker.read('chat?id=999', { tail: 1, limit: 1, bytes: 1 })).head.offset).toBe(1)
  })

  test('where every channel is in use, one more is unavailable', async () => {
    const { broker } = setUp({ limits: { channels: 3 } })
    for (const name of ['a', 'b', 'c']) await broker.subscribe(name, new Recorder())
    await expect(broker.subscribe('d', new Recorder())).rejects.toMatchObject({ code: 'unavailable' })
    expect((await broker.append('a', { event: 'said', data: '1', history })).status).toBe('appended')
  })

  test('producers, keys, replies, claims and waits are bounded', async () => {
    const limits = { producers: 10, onceKeys: 10, commands: 10, replyBytes: 1000, waiters: 10 }
    const { broker, clock } = setUp({ limits })
    const append = { event: 'said', data: '1', history }
    for (let index = 0; index < 20; index++) {
      await broker.append('chat', {
        ...append,
        once: `k${index}`,
        producer: { id: `p${index}`, sequence: 1, lowest: 1 },
      })
    }
    expect((await broker.append('chat', { ...append, once: 'k19' })).status).toBe('duplicate')
    expect((await broker.append('chat', { ...append, once: 'k0' })).status).toBe('appended')
    expect(
      (await broker.append('chat', { ...append, producer: { id: 'p19', sequence: 1, lowest: 1 } })).status,
    ).toBe('duplicate')
    expect(
      (await broker.append('chat', { ...append, producer: { id: 'p0', sequence: 1, lowest: 1 } })).status,
    ).toBe('appended')

    for (let index = 0; index < 10; index++) await broker.claim('chat', `c${index}`, 1000)
    await expect(broker.claim('chat', 'c10', 1000)).rejects.toMatchObject({ code: 'unavailable' })
    const waits = Array.from({ length: 15 }, () => broker.settled('chat', 'c0', 1000))
    expect(broker.stats().waiting).toBe(10)
    expect(await waits[14]).toEqual({ status: 'running' })
    const woken = await broker.claim('chat', 'c1', 1000)
    expect(woken.status).toBe('running')
    await clock.advance(1000)
    expect(broker.stats().waiting).toBe(0)
    await broker.claim('chat', 'c0', 1000)
    waits.push(broker.settled('chat', 'c0', 1000))
    expect(broker.stats().waiting).toBe(1)
    await broker.close()
    const outcomes = (await Promise.all(waits)).map(({ status }) => status)
    // The ten that waited when the claim lapsed, the five beyond the bound, the one that waited until the end.
    expect(outcomes).toEqual([...Array(10).fill('lapsed'), ...Array(6).fill('running')])
    expect(broker.stats()).toEqual({ channels: 0, subscriptions: 0, waiting: 0 })
  })

  test('replies beyond their bytes are forgotten, oldest first, the newest never', async () => {
    const { broker } = setUp({ limits: { replyBytes: 1000 } })
    for (const [id, size] of [
      ['a', 400],
      ['b', 400],
      ['c', 400],
      ['d', 5000],
    ] as const) {
      const claim = await broker.claim('chat', id, 1000)
      if (claim.status !== 'claimed') throw new Error('unreachable')
      await broker.settle('chat', id, claim.fence, { ok: true, data: 'x'.repeat(size) }, 1000)
      if (id !== 'c') continue
      expect(await broker.settled('chat', 'a', 0)).toEqual({ status: 'lapsed' })
      expect(await broker.settled('chat', 'b', 0)).toMatchObject({ status: 'settled' })
    }
    expect(await broker.settled('chat', 'c', 0)).toEqual({ status: 'lapsed' })
    expect(await broker.settled('chat', 'd', 0)).toMatchObject({ status: 'settled' })
  })

  test('departed members beyond their bound are forgotten, oldest first', async () => {
    const { broker } = setUp({ limits: { departed: 10 } })
    for (let index = 0; index < 20; index++) await broker.depart('chat', `m${index}`, 5)
    const late = (member: string): Promise<string> =>
      broker.hold(
        'chat',
        { member, holder: 'one', value: { data: '1', sequence: 4 }, leaseMs: 1000 },
        { maxMembers: 100 },
      )
    expect(await late('m10')).toBe('unknown')
    expect(await late('m9')).toBe('held')
  })

  test('leases of one member are bounded: the one that ends soonest goes, and the member stays', async () => {
    const { broker, clock } = setUp()
    const hold = (holder: number, leaseMs: number): Promise<string> =>
      broker.hold(
        'chat',
        { member: 'ann', holder: `${holder}`, value: { data: '1', sequence: 1 }, leaseMs },
        { maxMembers: 10 },
      )
    for (let holder = 0; holder < 100; holder++) await hold(holder, 1000 + holder)
    // Those that are left are held by the last 64.
    for (let holder = 36; holder < 100; holder++) {
      expect((await broker.members('chat')).members).toHaveLength(1)
      await broker.release('chat', 'ann', `${holder}`, 0)
    }
    expect((await broker.members('chat')).members).toEqual([])
    await clock.advance(1)
  })

  test('what a listener throws is reported, and an append succeeds regardless', async () => {
    const errors: unknown[] = []
    const { broker } = setUp({ onListenerError: (error) => errors.push(error) })
    const fault = new Error('fault')
    const recorder = new Recorder()
    const listener = {
      onEntry: (): never => {
        throw fault
      },
      onSignal: recorder.onSignal,
      onPresence: recorder.onPresence,
      onInterrupted: recorder.onInterrupted,
    }
    await broker.subscribe('chat', listener)
    expect((await broker.append('chat', { event: 'said', data: '1', history })).status).toBe('appended')
    expect(errors).toEqual([fault])
  })

  test('closing from inside a listener stops the delivery under way', async () => {
    const { broker, clock } = setUp()
    const closes: Promise<void>[] = []
    const [first, second] = [new Recorder(), new Recorder()]
    await broker.subscribe('chat', {
      onEntry: (entry) => {
        first.onEntry(entry)
        closes.push(broker.close())
      },
      onSignal: first.onSignal,
      onPresence: first.onPresence,
      onInterrupted: first.onInterrupted,
    })
    await broker.subscribe('chat', second)
    await broker.append('chat', { event: 'said', data: '1', history })
    await Promise.all(closes)
    expect([first.calls, second.calls]).toEqual([1, 0])
    expect(clock.timers()).toBe(0)
  })

  test('closing from inside a listener that hears a lease end leaves no timer', async () => {
    const { broker, clock } = setUp()
    const closes: Promise<void>[] = []
    const recorder = new Recorder()
    const onPresence = (): void => {
      if (recorder.presence.length === 0) recorder.onPresence({ op: 'leave', member: 'first', version: '' })
      else closes.push(broker.close())
    }
    const { onEntry, onSignal, onInterrupted } = recorder
    await broker.subscribe('chat', { onEntry, onSignal, onPresence, onInterrupted })
    const hold = { holder: 'one', value: { data: '1', sequence: 1 }, leaseMs: 1000 }
    await broker.hold('chat', { ...hold, member: 'ann' }, { maxMembers: 10 })
    await broker.append('chat', { event: 'said', data: '1', history, once: 'key' })
    await clock.advance(1000)
    expect(closes.length).toBe(1)
    expect(clock.timers()).toBe(0)
  })

  test('one seed and one clock give one history', async () => {
    const play = async (): Promise<string> => {
      let names = 0
      const { broker, clock } = setUp({ random: () => `n${names++}` })
      await touchEverything(broker, 3)
      await clock.advance(1000)
      const read = await broker.read('room?id=1', { tail: 10, limit: 10, bytes: 1000 })
      return JSON.stringify([read, await broker.members('room?id=1')])
    }
    expect(await play()).toBe(await play())
  })
})

describe('deadline queue', () => {
  test('the first is always the one that is due first', () => {
    const moves = fc.array(
      fc.record({
        item: fc.nat(15),
        dueAt: fc.nat(50),
        kind: fc.constantFrom('set', 'set', 'hasten', 'delete', 'never'),
      }),
      { maxLength: 200 },
    )
    fc.assert(
      fc.property(moves, (steps) => {
        const queue = new DeadlineQueue<Due & { readonly name: number }>()
        const items = Array.from({ length: 16 }, (_, name) => ({ name, slot: -1, dueAt: 0 }))
        const model = new Map<number, number>()
        for (const { item: name, dueAt, kind } of steps) {
          const item = items[name]
          if (item === undefined) throw new Error('unreachable')
          if (kind === 'set') queue.set(item, dueAt)
          else if (kind === 'hasten') queue.hasten(item, dueAt)
          else if (kind === 'never') queue.set(item, Number.POSITIVE_INFINITY)
          else queue.delete(item)
          if (kind === 'set') model.set(name, dueAt)
          else if (kind === 'hasten') model.set(name, Math.min(dueAt, model.get(name) ?? dueAt))
          else model.delete(name)
          expect(queue.first?.dueAt).toBe(model.size === 0 ? undefined : Math.min(...model.values()))
        }
        const drained: number[] = []
        for (let first = queue.first; first !== undefined; first = queue.first) {
          expect(first.dueAt).toBe(model.get(first.name))
          drained.push(first.dueAt)
          queue.delete(first)
        }
        expect(drained).toEqual([...model.values()].sort((one, other) => one - other))
      }),
    )
  })
})

describe('memory log', () => {
  /** The log as one would explain it: an array, filtered from scratch for every question. */
  class NaiveLog {
    readonly all: { readonly cursor: Cursor; readonly data: string; readonly at: number }[] = []
    trimmed = 0

    trim(now: number, { keep, ttlMs, bytes }: typeof history): void {
      while (this.trimmed < this.all.length) {
        const kept = this.all.slice(this.trimmed)
        const size = kept.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0)
        const isOld = now - (kept[0]?.at ?? 0) >= ttlMs
        if (kept.length <= keep && (size <= bytes || kept.length === 1) && !isOld) return
        this.trimmed++
      }
    }

    expectedPage(position: number, limit: number, bytes: number): string[] {
      const page: string[] = []
      for (const { data } of this.all.slice(position)) {
        const size = [...page, data].reduce((sum, text) => sum + Buffer.byteLength(text), 0)
        if (page.length === limit || (page.length > 0 && size > bytes)) break
        page.push(data)
      }
      return page
    }
  }

  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        data: fc.string({ unit: 'grapheme', maxLength: 60 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(8000) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('read' as const),
        position: fc.nat(80),
        limit: fc.integer({ min: 1, max: 20 }),
        bytes: fc.nat(300),
        forged: fc.constantFrom(...(['no', 'no', 'no', 'tag', 'epoch'] as const)),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('tail' as const),
        tail: fc.nat(40),
        limit: fc.integer({ min: 1, max: 20 }),
      }),
    },
  )

  test('appends, waits and reads in any order agree with a naive model', async () => {
    const bounds = fc.record({
      keep: fc.integer({ min: 1, max: 30 }),
      ttlMs: fc.integer({ min: 1, max: 20_000 }),
      bytes: fc.integer({ min: 1, max: 800 }),
    })
    await fc.assert(
      fc.asyncProperty(bounds, fc.array(step, { minLength: 1, maxLength: 120 }), async (bound, steps) => {
        const { broker, clock } = setUp()
        const model = new NaiveLog()
        const recorder = new Recorder()
        const start = (await broker.subscribe('chat', recorder)).head
        const cursorAt = (position: number): Cursor =>
          position === 0
            ? start
            : (model.all[position - 1]?.cursor ?? { ...start, offset: position, tag: 'future' })
        for (const move of steps) {
          if (move.kind === 'wait') {
            await clock.advance(move.ms)
          } else if (move.kind === 'append') {
            const outcome = await broker.append('chat', { event: 'said', data: move.data, history: bound })
            if (outcome.status !== 'appended') throw new Error(outcome.status)
            expect(outcome.cursor.offset).toBe(model.all.length + 1)
            model.all.push({ cursor: outcome.cursor, data: move.data, at: clock.now() })
          }
          model.trim(clock.now(), bound)
          const head = cursorAt(model.all.length)
          if (move.kind === 'tail') {
            const position = Math.max(model.trimmed, model.all.length - move.tail)
            const result = await broker.read('chat', { tail: move.tail, limit: move.limit, bytes: 1_000_000 })
            if (result.status !== 'page') throw new Error(result.reason)
            expect(result.entries.map(({ data }) => data)).toEqual(
              model.expectedPage(position, move.limit, 1_000_000),
            )
            expect([result.from, result.head]).toEqual([cursorAt(position), head])
          } else if (move.kind === 'read') {
            const { position, limit, bytes, forged } = move
            const real = cursorAt(position)
            const after = { ...real, ...(forged === 'no' ? {} : { [forged]: 'forged' }) }
            const result = await broker.read('chat', { after, limit, bytes })
            const boundary = cursorAt(model.trimmed)
            if (forged === 'epoch')
              expect(result).toEqual({ status: 'gap', reason: 'new_epoch', next: boundary, head })
            else if (position < model.trimmed)
              expect(result).toEqual({ status: 'gap', reason: 'trimmed', next: boundary, head })
            else if (forged === 'tag' || position > model.all.length) {
              expect(result).toEqual({ status: 'gap', reason: 'lost_tail', next: undefined, head })
            } else {
              if (result.status !== 'page') throw new Error(result.reason)
              expect(result.entries.map(({ data }) => data)).toEqual(model.expectedPage(position, limit, bytes))
              expect([result.from, result.head]).toEqual([after, head])
            }
          }
        }
        expect(recorder.entries.map(({ cursor }) => cursor)).toEqual(model.all.map(({ cursor }) => cursor))
        await broker.close()
      }),
      { numRuns: 300 },
    )
  })

  test('the log is whole after every single one of 1,000 trims', async () => {
    const { broker } = setUp()
    const cursors: Cursor[] = []
    for (let index = 0; index < 1000; index++) {
      const outcome = await broker.append('chat', {
        event: 'said',
        data: String(index),
        history: { ...history, keep: 4 },
      })
      if (outcome.status === 'appended') cursors.push(outcome.cursor)
      const expected = cursors.map((_, position) => String(position)).slice(-4)
      const tail = await broker.read('chat', { tail: 10, limit: 10, bytes: 1000 })
      expect(tail.status === 'page' && tail.entries.map(({ data }) => data)).toEqual(expected)
      const resumed = await broker.read('chat', { after: cursors.at(-3), limit: 10, bytes: 1000 })
      if (index >= 2)
        expect(resumed.status === 'page' && resumed.entries.map(({ data }) => data)).toEqual(expected.slice(-2))
    }
  })

  test('a producer that repeats and skips at random is logged once and in order', async () => {
    const tries = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 100 })
    await fc.assert(
      fc.asyncProperty(tries, fc.nat(12), async (sequences, refused) => {
        const { broker } = setUp()
        let last = 0
        for (const sequence of sequences) {
          const producer = { id: 'ann', sequence, lowest: 1 }
          const outcome =
            sequence === refused
              ? await broker.refuse('chat', producer, 'forbidden')
              : await broker.append('chat', { event: 'said', data: String(sequence), history, producer })
          if (sequence > last + 1) expect(outcome).toEqual({ status: 'sequence_gap', expected: last + 1 })
          else if (sequence === refused) expect(outcome).toEqual({ status: 'refused', code: 'forbidden' })
          else expect(outcome.status).toBe(sequence === last + 1 ? 'appended' : 'duplicate')
          last = Math.max(last, sequence === last + 1 ? sequence : 0)
        }
        const result = await broker.read('chat', { tail: 100, limit: 100, bytes: 10_000 })
        const expected = Array.from({ length: last }, (_, index) => index + 1).filter(
          (sequence) => sequence !== refused,
        )
        expect(result.status === 'page' && result.entries.map(({ data }) => Number(data))).toEqual(expected)
      }),
    )
  })
})

/** Uses each of so many channels in every way that leaves something behind. */
async function touchEverything(broker: MemoryBroker, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const name = `room?id=${index}`
    const producer = { id: 'ann', sequence: 1, lowest: 1 }
    await broker.append(name, { event: 'said', data: '"hello"', history, producer, once: 'key' })
    await broker.refuse(name, { ...producer, id: 'bob' }, 'forbidden')
    const hold = { member: 'ann', holder: 'one', value: { data: '1', sequence: 1 }, leaseMs: 30_000 }
    await broker.hold(name, hold, { maxMembers: 10 })
    await broker.depart(name, 'bob', 1)
    const claim = await broker.claim(name, 'settled', 30_000)
    if (claim.status === 'claimed')
      await broker.settle(name, 'settled', claim.fence, { ok: true, data: '1' }, 300_000)
    await broker.claim(name, 'lapsing', 30_000)
    const subscription = await broker.subscribe(name, new Recorder())
    await subscription.close()
  }
}
