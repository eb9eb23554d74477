import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DEFAULT_WIRE_LIMITS,
  type Delivery,
  type DownstreamLine,
  encodeBatch,
  encodeLine,
  Session,
  type SessionOptions,
  TriwireError,
  type UpstreamLine,
  type Want,
} from '../src/index.ts'
import { codeOf } from './refused.ts'

const SESSION = 'AAAAAAAAAAAAAAAAAAAAAA'
const WELCOME: DownstreamLine = { t: 'welcome', v: 1, m: 'm1', hb: 25_000, max: DEFAULT_WIRE_LIMITS }

const create = (options: Partial<SessionOptions> = {}): Session => new Session({ id: SESSION, ...options }, 0)
const read = (texts: readonly string[]): UpstreamLine[] => texts.map((text) => JSON.parse(text) as UpstreamLine)
const opening = (session: Session): UpstreamLine[] => read(session.takeOpening())
const changes = (session: Session): UpstreamLine[] => read(session.takeChanges())
const lines = (session: Session, now = 0): UpstreamLine[] => read(session.takeLines(now).map(({ text }) => text))

/** The server says something; what the app is told. */
function hear(session: Session, heard: readonly DownstreamLine[], now = 0): Delivery[] {
  session.handleBatch(encodeBatch(heard.map(encodeLine)), now)
  return session.takeDeliveries()
}
const joined = (j: number, offset: number, head: number = offset): DownstreamLine => ({
  t: 'joined',
  ch: 'a',
  j,
  at: `e:${offset}:t${offset}`,
  head,
  how: 'fresh',
})
const event = (offset: number, c?: string): DownstreamLine => ({
  t: 'ev',
  ch: 'a',
  at: `e:${offset}:t${offset}`,
  e: 'x',
  ...(c === undefined ? {} : { c }),
  d: offset,
})

/** A session that is welcome and stands at an offset of channel `a`. */
function online(offset = 0, want: Want = {}): Session {
  const session = create()
  session.subscribe('a', want, true)
  session.takeOpening()
  hear(session, [WELCOME, joined(1, offset)])
  return session
}

describe('a session opens a wire', () => {
  test('with hello, its token and the time a poll may be held', () => {
    const session = create()
    expect(session.takeHello()).toBe(`{"t":"hello","v":1,"s":"${SESSION}"}`)
    expect(session.takeHello('k', 0)).toBe(`{"t":"hello","v":1,"s":"${SESSION}","k":"k","wait":0}`)
  })

  test('with every channel and every presence value', () => {
    const session = create()
    expect(session.subscribe('a', { tail: 2 }, true)).toBe(1)
    session.subscribe('b', {}, true)
    session.setPresence('a', 'here')
    expect(session).toMatchObject({ hasChanges: true, active: true, member: undefined })
    expect(opening(session)).toEqual([
      { t: 'join', ch: 'a', j: 1, tail: 2 },
      { t: 'join', ch: 'b', j: 2 },
      { t: 'pres', ch: 'a', n: 1, d: 'here' },
    ])
    expect(session.hasChanges).toBe(false)
  })

  test('again with the same after a cut, from where it stands', () => {
    const session = online(5)
    hear(session, [event(6)])
    session.setPresence('a', 'here')
    session.takeChanges()
    session.handleDetached()
    expect(session.takeDeliveries()).toEqual([{ type: 'stale', channel: 'a' }])
    expect(opening(session)).toEqual([
      { t: 'join', ch: 'a', j: 2, after: 'e:6:t6' },
      { t: 'pres', ch: 'a', n: 1, d: 'here' },
    ])
  })
})

describe('a session delivers', () => {
  test('welcome, and takes its name and limits from it', () => {
    const session = create()
    const max = { ...DEFAULT_WIRE_LIMITS, channels: 1 }
    expect(hear(session, [{ ...WELCOME, max }])).toEqual([{ type: 'welcome', heartbeatMs: 25_000 }])
    expect(session.member).toBe('m1')
    expect(session.limits).toEqual(max)
    session.subscribe('a', {}, true)
    expect(codeOf(() => session.subscribe('b', {}, true))).toBe('too_many_channels')
    session.subscribe('a', { tail: 1 }, true)
  })

  test('a start, a snapshot, history, what was current, and live events', () => {
    const session = create()
    session.subscribe('a', { snapshot: true, tail: 2 }, true)
    session.takeOpening()
    const told = hear(session, [
      WELCOME,
      joined(1, 3, 5),
      { t: 'snap', ch: 'a', at: 'e:3:t3', to: 4, d: ['s'] },
      event(4),
      event(5),
      event(6),
    ])
    const common = { type: 'event', channel: 'a', event: 'x', cause: undefined, own: false }
    expect(told).toEqual([
      { type: 'welcome', heartbeatMs: 25_000 },
      { type: 'start', channel: 'a', who: 'anew', number: 1, at: { epoch: 'e', offset: 3, tag: 't3' } },
      { type: 'snapshot', channel: 'a', data: ['s'], at: { epoch: 'e', offset: 3, tag: 't3' } },
      { ...common, data: 4, cursor: { epoch: 'e', offset: 4, tag: 't4' }, kind: 'history', overlap: true },
      { ...common, data: 5, cursor: { epoch: 'e', offset: 5, tag: 't5' }, kind: 'history', overlap: false },
      { type: 'current', channel: 'a' },
      { ...common, data: 6, cursor: { epoch: 'e', offset: 6, tag: 't6' }, kind: 'live', overlap: false },
    ])
    expect(session.cursorOf('a')?.offset).toBe(6)
  })

  test('what was missed as replayed, and history that a cut interrupted still as history', () => {
    const session = create()
    session.subscribe('a', { tail: 3 }, true)
    session.takeOpening()
    const kinds = (told: readonly Delivery[]): unknown[] =>
      told.map((delivery) => (delivery.type === 'event' ? delivery.kind : delivery.type))
    expect(kinds(hear(session, [WELCOME, joined(1, 2, 5), event(3)]))).toEqual(['welcome', 'start', 'history'])
    session.handleDetached()
    session.takeOpening()
    const told = hear(session, [WELCOME, joined(2, 3, 7), event(4), event(5), event(6), event(7), event(8)])
    expect(kinds(told)).toEqual([
      'stale',
      'welcome',
      'history',
      'history',
      'replayed',
      'replayed',
      'current',
      'live',
    ])
  })

  test('the past to newcomers, without moving', () => {
    const session = online(5, { tail: 2 })
    expect(session.subscribe('a', { tail: 2 }, true)).toBe(2)
    expect(changes(session)).toEqual([{ t: 'join', ch: 'a', j: 2, after: 'e:5:t5', tail: 2, fresh: true }])
    const told = hear(session, [joined(2, 3, 5), event(4), event(5), event(6)])
    expect(told.map((delivery) => (delivery.type === 'event' ? [delivery.kind, delivery.data] : delivery))).toEqual(
      [
        { type: 'start', channel: 'a', who: 'newcomers', number: 2, at: { epoch: 'e', offset: 3, tag: 't3' } },
        { type: 'current', channel: 'a' },
        ['past', 4],
        ['past', 5],
        ['live', 6],
      ],
    )
  })

  test('nothing twice, whichever wire it comes over', () => {
    const session = online(5)
    expect(hear(session, [event(6), event(6), event(5), event(1)])).toHaveLength(1)
  })

  test('its own events as its own, and those of a member whose name begins alike as another’s', () => {
    const session = online()
    const told = hear(
      session,
      ['m1#1', 'm1.c', 'm12#1', 'm1', 'x.m1', ''].map((c, index) => event(index + 1, c)),
    )
    expect(told.map((delivery) => delivery.type === 'event' && delivery.own)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ])
  })

  test('one gap, and then a start before any later event', () => {
    const session = online(5)
    const gap: DownstreamLine = {
      t: 'gap',
      ch: 'a',
      from: 'e:5:t5',
      to: 'e:8:t8',
      reason: 'trimmed',
    }
    const told = hear(session, [gap, gap, event(9), joined(1, 8), event(9)])
    expect(told.map(({ type }) => type)).toEqual(['gap', 'start', 'current', 'event'])
    expect(told[0]).toEqual({
      type: 'gap',
      channel: 'a',
      from: 'e:5:t5',
      to: 'e:8:t8',
      reason: 'trimmed',
      everybody: true,
    })
    const lost: DownstreamLine = { t: 'gap', ch: 'a', from: 'e:9:t9', to: null, reason: 'lost_tail' }
    expect(hear(session, [lost])).toMatchObject([{ type: 'gap', to: undefined, reason: 'lost_tail' }])
  })

  test('signals, presence and a pong', () => {
    const session = online(0, { presence: true })
    session.ping(100)
    expect(lines(session, 100)).toEqual([{ t: 'ping', n: 1 }])
    const told = hear(
      session,
      [
        { t: 'sig', ch: 'a', e: 'typing', m: 'm2', d: 1 },
        { t: 'sig', ch: 'a', e: 'typing', d: 2 },
        // Its own: that comes on a wire that it shares.
        { t: 'sig', ch: 'a', e: 'typing', m: 'm1', d: 3 },
        { t: 'pres', ch: 'a', v: '1', op: 'all', d: [{ m: 'm1', d: 'me' }] },
        { t: 'pres', ch: 'a', v: '2', op: 'join', m: '__proto__', d: 'you' },
        { t: 'pres', ch: 'a', v: '3', op: 'leave', m: '__proto__' },
        { t: 'hb' },
        { t: 'pong', n: 1 },
        { t: 'pong', n: 1 },
      ],
      130,
    )
    expect(told).toEqual([
      { type: 'signal', channel: 'a', event: 'typing', data: 1, member: 'm2' },
      { type: 'signal', channel: 'a', event: 'typing', data: 2, member: undefined },
      { type: 'members', channel: 'a', members: new Map([['m1', 'me']]) },
      {
        type: 'members',
        channel: 'a',
        members: new Map([
          ['m1', 'me'],
          ['__proto__', 'you'],
        ]),
      },
      { type: 'members', channel: 'a', members: new Map([['m1', 'me']]) },
      { type: 'pong', rttMs: 30 },
    ])
    session.handleDetached()
    expect(opening(session)).toMatchObject([{ t: 'join', pres: '3' }])
  })

  test('acknowledged publishes and answered commands as settled, once', () => {
    const session = online()
    const published = session.publish('a', 'x', 1, 0)
    const called = session.command('a', 'c', 2, 0)
    expect(lines(session)).toEqual([
      { t: 'pub', ch: 'a', n: 1, e: 'x', d: 1 },
      { t: 'cmd', ch: 'a', id: called.slice(2), c: 'c', d: 2 },
    ])
    expect(session.pending).toBe(2)
    const answers: DownstreamLine[] = [
      { t: 'ack', ch: 'a', n: 1, at: 'e:1:t1' },
      { t: 'res', id: called.slice(2), at: 'e:2:t2', d: { ok: true } },
    ]
    expect(hear(session, [...answers, ...answers])).toEqual([
      { type: 'settled', key: published, data: undefined, at: 'e:1:t1' },
      { type: 'settled', key: called, data: { ok: true }, at: 'e:2:t2' },
    ])
    expect(session.pending).toBe(0)
  })

  test('what was refused for good as failed, and what has no address as refused', () => {
    const session = online()
    const published = session.publish('a', 'x', 1, 0)
    const called = session.command('a', 'c', 2, 0)
    lines(session)
    const told = hear(session, [
      { t: 'err', code: 'forbidden', msg: 'No.', of: 'pub', ch: 'a', n: 1 },
      { t: 'err', code: 'bad_payload', msg: 'No.', of: 'cmd', id: called.slice(2) },
      { t: 'err', code: 'forbidden', msg: 'No.', of: 'sig', ch: 'a' },
      { t: 'err', code: 'forbidden', msg: 'No.', of: 'pub', ch: 'a', n: 1 },
    ])
    expect(told).toMatchObject([
      { type: 'failed', key: published, error: { code: 'forbidden' } },
      { type: 'failed', key: called, error: { code: 'bad_payload' } },
      { type: 'refused', channel: 'a', of: 'sig', error: { code: 'forbidden' } },
    ])
    expect(told).toHaveLength(3)
  })

  test('the end of a channel, and nothing of it afterwards', () => {
    const session = online(5)
    session.setPresence('a', 'here')
    session.takeChanges()
    session.subscribe('a', { tail: 1 }, true)
    expect(hear(session, [{ t: 'end', ch: 'a', code: 'ended', msg: 'Over.' }, event(6)])).toMatchObject([
      { type: 'ended', channel: 'a', error: { code: 'ended', message: 'Over.' } },
    ])
    expect(session.hasChanges).toBe(false)
    session.handleDetached()
    expect(session.takeDeliveries()).toEqual([])
    expect(opening(session)).toEqual([])
    session.subscribe('a', {}, true)
    expect(changes(session)).toEqual([{ t: 'join', ch: 'a', j: 2 }])
  })

  test('what is open when the client is closed: everything unanswered as failed, every channel as ended, once', () => {
    const session = online(5)
    const published = session.publish('a', 'x', 1, 0)
    const error = new TriwireError('closed', 'Closed.')
    session.handleClosed(error)
    session.handleClosed(error)
    expect(session.takeDeliveries()).toEqual([
      { type: 'failed', key: published, error },
      { type: 'ended', channel: 'a', error },
    ])
    expect(session).toMatchObject({ pending: 0, hasChanges: false })
    expect(session.deadline(0)).toBe(Number.POSITIVE_INFINITY)
  })

  test('goodbye', () => {
    const session = online()
    expect(
      hear(session, [
        { t: 'bye', code: 'rotate' },
        { t: 'bye', code: 'draining', retry: 500 },
      ]),
    ).toEqual([
      { type: 'bye', error: expect.objectContaining({ code: 'rotate', advice: 'stop' }) },
      { type: 'bye', error: expect.objectContaining({ code: 'draining', retryMs: 500, advice: 'retry' }) },
    ])
  })
})

describe('a session joins again', () => {
  test('at a hole, from where it stands, and once', () => {
    const session = online(5)
    expect(hear(session, [event(7), event(8)])).toEqual([])
    expect(session.hasChanges).toBe(true)
    expect(changes(session)).toEqual([{ t: 'join', ch: 'a', j: 2, after: 'e:5:t5' }])
    expect(hear(session, [event(9)])).toEqual([])
    expect(session.hasChanges).toBe(false)
    const told = hear(session, [joined(2, 5, 9), event(6), event(7)])
    expect(told).toMatchObject([
      { type: 'event', data: 6, kind: 'replayed' },
      { type: 'event', data: 7, kind: 'replayed' },
    ])
  })

  test('when the time has come that a refusal named', () => {
    const session = create()
    session.subscribe('a', { tail: 1 }, true)
    session.takeOpening()
    hear(session, [WELCOME, { t: 'err', code: 'unavailable', msg: '', of: 'join', ch: 'a', retry: 500 }], 100)
    expect(session.deadline(100)).toBe(600)
    session.handleTimeout(599)
    expect(session.hasChanges).toBe(false)
    session.handleTimeout(600)
    expect(changes(session)).toMatchObject([{ t: 'join', ch: 'a', j: 2, tail: 1 }])
    expect(session.deadline(600)).toBe(Number.POSITIVE_INFINITY)
  })

  test('not after the end, even if a retry was due', () => {
    const session = create()
    session.subscribe('a', {}, true)
    session.takeOpening()
    hear(session, [
      { t: 'err', code: 'unavailable', msg: '', of: 'join', ch: 'a', retry: 500 },
      { t: 'end', ch: 'a', code: 'forbidden', msg: '' },
    ])
    expect(session.deadline(0)).toBe(Number.POSITIVE_INFINITY)
    session.handleTimeout(1000)
    expect(session.hasChanges).toBe(false)
  })

  test('a channel that it let go and wants back, without leaving it', () => {
    const session = online(5)
    session.unsubscribe('a')
    session.unsubscribe('a')
    expect(session.cursorOf('a')).toBeUndefined()
    session.subscribe('a', {}, true)
    expect(changes(session)).toEqual([{ t: 'join', ch: 'a', j: 2 }])
    session.unsubscribe('a')
    expect(changes(session)).toEqual([{ t: 'leave', ch: 'a' }])
    expect(hear(session, [event(6)])).toEqual([])
  })
})

describe('a session sends', () => {
  test('everything without an answer again after a cut, the same bytes in the same order', () => {
    const session = online()
    for (let index = 1; index <= 3; index++) session.publish('a', 'x', index, 0)
    session.command('a', 'c', 0, 0)
    const first = session.takeLines(0)
    session.handleDetached()
    expect(session.takeLines(0)).toEqual(first)
    hear(session, [{ t: 'ack', ch: 'a', n: 1 }])
    session.handleDetached()
    expect(lines(session)).toMatchObject([{ n: 2 }, { n: 3, lo: 2 }, { t: 'cmd' }])
  })

  test('again from where a sequence gap asks', () => {
    const session = online()
    for (let index = 1; index <= 3; index++) session.publish('a', 'x', index, 0)
    lines(session)
    hear(session, [{ t: 'err', code: 'sequence_gap', msg: '', of: 'pub', ch: 'a', n: 3, want: 2, retry: 0 }])
    expect(lines(session)).toMatchObject([
      { n: 2, lo: 1 },
      { n: 3, lo: 1 },
    ])
  })

  test('publishes as fast as the server lets it, and says when the next one is due', () => {
    const session = create()
    hear(session, [{ ...WELCOME, max: { ...DEFAULT_WIRE_LIMITS, rate: 10, burst: 3 } }])
    for (let index = 1; index <= 5; index++) session.publish('a', 'x', index, 0)
    expect(lines(session)).toHaveLength(3)
    expect(session.deadline(0)).toBe(100)
    expect(lines(session, 99)).toEqual([])
    expect(lines(session, 100)).toMatchObject([{ n: 4 }])
    expect(lines(session, 10_000)).toMatchObject([{ n: 5 }])
    expect(session.deadline(10_000)).toBe(240_000)
    session.handleTimeout(240_000)
    expect(session.takeDeliveries()).toHaveLength(5)
    expect(session.deadline(240_000)).toBe(Number.POSITIVE_INFINITY)
  })

  test('of waiting signals with one key the newest, and drops the oldest beyond its bound', () => {
    const session = create({ signals: 3 })
    session.signal('a', 'at', 0, 'k')
    expect(lines(session)).toEqual([])
    hear(session, [WELCOME])
    session.signal('a', 'at', 1, 'k')
    session.signal('a', 'at', 2, 'other')
    session.signal('a', 'at', 3, 'k')
    expect(lines(session)).toEqual([
      { t: 'sig', ch: 'a', e: 'at', k: 'other', d: 2 },
      { t: 'sig', ch: 'a', e: 'at', k: 'k', d: 3 },
    ])
    for (let index = 1; index <= 5; index++) session.signal('a', 'at', index)
    expect(lines(session)).toMatchObject([{ d: 3 }, { d: 4 }, { d: 5 }])
    session.signal('a', 'at', 6)
    session.handleDetached()
    expect(lines(session)).toEqual([])
  })

  describe('signals at an interval', () => {
    const spaced = (session: Session, data: number, now: number, key?: string): unknown[] => {
      session.signal('a', 'at', data, key, 50)
      return lines(session, now)
    }

    test('the first at once, then the newest whenever the interval is over, and always the last', () => {
      const session = create()
      hear(session, [WELCOME])
      expect(spaced(session, 1, 0, 'k')).toMatchObject([{ k: 'k', d: 1 }])
      expect(spaced(session, 2, 16, 'k')).toEqual([])
      expect(spaced(session, 3, 32, 'k')).toEqual([])
      expect(session.deadline(32)).toBe(50)
      expect(lines(session, 49)).toEqual([])
      expect(lines(session, 50)).toMatchObject([{ d: 3 }])
      expect(session.deadline(50)).toBe(Number.POSITIVE_INFINITY)
      expect(spaced(session, 4, 99, 'k')).toEqual([])
      expect(lines(session, 100)).toMatchObject([{ d: 4 }])
      expect(spaced(session, 5, 1000, 'k')).toMatchObject([{ d: 5 }])
    })

    test('each name and key by itself, with or without a key', () => {
      const session = create()
      hear(session, [WELCOME])
      expect(spaced(session, 1, 0)).toMatchObject([{ d: 1 }])
      expect(spaced(session, 2, 10)).toEqual([])
      expect(spaced(session, 3, 10, 'k')).toMatchObject([{ d: 3 }])
      session.signal('a', 'other', 4, undefined, 50)
      session.signal('b', 'at', 5, undefined, 50)
      session.signal('a', 'at', 6)
      expect(lines(session, 10)).toMatchObject([{ d: 4 }, { d: 5 }, { d: 6 }])
      expect(lines(session, 50)).toMatchObject([{ d: 2 }])
    })

    test('not before pacing lets them', () => {
      const session = create()
      hear(session, [{ ...WELCOME, max: { ...DEFAULT_WIRE_LIMITS, rate: 10, burst: 1 } }])
      expect(spaced(session, 1, 0)).toMatchObject([{ d: 1 }])
      expect(spaced(session, 2, 1)).toEqual([])
      expect(session.deadline(1)).toBe(100)
      expect(lines(session, 100)).toMatchObject([{ d: 2 }])
    })

    test('at once where the clock has jumped back, and where too many intervals run to remember them all', () => {
      const session = create({ signals: 3 })
      hear(session, [WELCOME])
      expect(spaced(session, 1, 10_000)).toMatchObject([{ d: 1 }])
      expect(spaced(session, 2, 0)).toMatchObject([{ d: 2 }])
      for (const key of ['x', 'y', 'z']) spaced(session, 3, 1, key)
      expect(spaced(session, 4, 2, 'x')).toEqual([])
      expect(spaced(session, 5, 2)).toMatchObject([{ d: 5 }])
    })

    test('no more, once the wire they waited for is gone', () => {
      const session = create()
      hear(session, [WELCOME])
      spaced(session, 1, 0)
      spaced(session, 2, 1)
      session.handleDetached()
      expect(session.deadline(1)).toBe(Number.POSITIVE_INFINITY)
      expect(lines(session, 50)).toEqual([])
    })
  })

  test('of a presence value that changes too often the newest, as pacing allows, and signs of life at once', () => {
    const session = create()
    hear(session, [{ ...WELCOME, max: { ...DEFAULT_WIRE_LIMITS, rate: 10, burst: 2 } }])
    session.setPresence('a', 0)
    changes(session)
    for (const value of [1, 2, 3, 4]) {
      session.setPresence('a', value)
      lines(session)
    }
    session.ping(0)
    expect(lines(session)).toMatchObject([{ t: 'ping' }])
    expect(session.deadline(0)).toBe(100)
    expect(lines(session, 100)).toMatchObject([{ t: 'pres', d: 4 }])
    expect(session.deadline(100)).toBe(Number.POSITIVE_INFINITY)
  })

  test('paced signals behind publishes', () => {
    const session = create()
    hear(session, [{ ...WELCOME, max: { ...DEFAULT_WIRE_LIMITS, rate: 10, burst: 1 } }])
    session.signal('a', 'at', 1)
    session.publish('a', 'x', 1, 0)
    expect(lines(session)).toMatchObject([{ t: 'pub' }])
    expect(session.deadline(0)).toBe(100)
    expect(lines(session, 100)).toMatchObject([{ t: 'sig' }])
  })

  test('a presence value again with its wire that was refused for the moment, and not one that was refused for good', () => {
    const session = online()
    const refusal = { t: 'err', code: 'too_many_members', msg: 'Full.', of: 'pres', ch: 'a' } as const
    session.setPresence('a', { name: 'Ann' })
    expect(changes(session)).toMatchObject([{ t: 'pres', n: 1 }])
    hear(session, [{ ...refusal, retry: 5000 }])
    expect(session.deadline(0)).toBe(5000)
    session.handleTimeout(4999)
    expect(session.hasChanges).toBe(false)
    session.handleTimeout(5000)
    expect(session.hasChanges).toBe(true)
    expect(lines(session, 5000)).toEqual([])
    expect(changes(session)).toMatchObject([{ t: 'pres', n: 1, d: { name: 'Ann' } }])
    hear(session, [refusal], 5000)
    expect(session.deadline(5000)).toBe(Number.POSITIVE_INFINITY)
  })

  test('values of other sessions once to every wire, again where they were refused for the moment, and a last line once', () => {
    const session = online()
    const shown = (n: number, name: string): UpstreamLine => ({ t: 'pres', ch: 'a', n, s: 's2', d: { name } })
    const refusal = { t: 'err', code: 'too_many_members', msg: 'Full.', of: 'pres', ch: 'a', retry: 5000 } as const
    session.holdPresence('s2 a', encodeLine(shown(1, 'Ann')))
    session.setPresence('ba', 1)
    expect(changes(session)).toEqual([shown(1, 'Ann'), { t: 'pres', ch: 'ba', n: 2, d: 1 }])
    // Its session has said so itself.
    session.holdPresence('s2 a', encodeLine(shown(2, 'Anna')))
    expect(session.hasChanges).toBe(false)
    session.handleDetached()
    expect(opening(session)).toEqual([expect.objectContaining({ t: 'join' }), shown(2, 'Anna'), expect.anything()])
    hear(session, [refusal])
    session.handleTimeout(5000)
    expect(changes(session)).toEqual([shown(2, 'Anna')])
    hear(session, [refusal], 5000)
    session.holdPresence('s2 a', encodeLine(shown(3, 'Annie')))
    expect(changes(session)).toEqual([shown(3, 'Annie')])
    session.holdPresence('s2 a', encodeLine({ t: 'pres', ch: 'a', n: 3, s: 's2' }), true)
    expect(changes(session)).toEqual([{ t: 'pres', ch: 'a', n: 3, s: 's2' }])
    session.handleDetached()
    expect(opening(session)).toMatchObject([{ t: 'join' }, { ch: 'ba' }])
  })

  test('a goodbye again that was refused for the moment, unless somebody is shown again before', () => {
    const session = online()
    const refusal = { t: 'err', code: 'unavailable', msg: 'Down.', of: 'pres', ch: 'a', retry: 1000 } as const
    session.setPresence('a', { name: 'Ann' })
    changes(session)
    session.setPresence('a', undefined)
    expect(lines(session)).toMatchObject([{ t: 'pres', n: 2 }])
    hear(session, [refusal])
    expect([session.deadline(0), lines(session, 999)]).toEqual([1000, []])
    session.handleTimeout(1000)
    const [goodbye] = lines(session, 1000)
    expect(goodbye).toEqual({ t: 'pres', ch: 'a', n: 3 })
    hear(session, [refusal], 1000)
    session.setPresence('a', { name: 'Ann' })
    session.handleTimeout(5000)
    expect(changes(session)).toMatchObject([{ t: 'pres', n: 4, d: { name: 'Ann' } }])
    expect(lines(session, 5000)).toEqual([])
  })

  test('a presence value again that the server has shown and then shows no more', () => {
    const session = online()
    session.setPresence('a', { name: 'Ann' })
    changes(session)
    const pres = { t: 'pres', ch: 'a', v: 'x' } as const
    hear(session, [{ ...pres, op: 'all', d: [] }])
    expect(session.hasChanges).toBe(false)
    hear(session, [{ ...pres, op: 'join', m: 'm1', d: { name: 'Ann' } }])
    hear(session, [{ ...pres, op: 'all', d: [{ m: 'm1', d: { name: 'Ann' } }] }])
    expect(session.hasChanges).toBe(false)
    hear(session, [{ ...pres, op: 'all', d: [{ m: 'm1', d: { name: 'A' } }] }])
    expect(changes(session)).toMatchObject([{ t: 'pres', n: 1, d: { name: 'Ann' } }])
    hear(session, [{ ...pres, op: 'all', d: [] }])
    expect(changes(session)).toMatchObject([{ t: 'pres', n: 1, d: { name: 'Ann' } }])
  })

  test('a gap from where it stands, whatever the server believed', () => {
    const session = online(2)
    const gap = { t: 'gap', ch: 'a', from: 'e:3:t3', to: 'e:7:t7', reason: 'trimmed' } as const
    expect(hear(session, [gap])).toMatchObject([{ type: 'gap', from: 'e:2:t2', to: 'e:7:t7' }])
  })

  test('nothing more for a channel that has ended while it was being joined', () => {
    const session = create()
    session.subscribe('a', {}, true)
    session.takeOpening()
    hear(session, [WELCOME, { t: 'end', ch: 'a', code: 'forbidden', msg: 'No.' }])
    expect([session.joining, session.hasChanges]).toEqual([false, false])
  })

  test('joins that have no answer under their numbers where several wires race, and others under new ones', () => {
    const session = create()
    session.subscribe('a', {}, true)
    expect(read(session.takeOpening(true))).toMatchObject([{ ch: 'a', j: 1 }])
    expect(read(session.takeOpening(true))).toMatchObject([{ ch: 'a', j: 1 }])
    session.subscribe('b', {}, true)
    expect(read(session.takeOpening(true))).toMatchObject([
      { ch: 'a', j: 1 },
      { ch: 'b', j: 2 },
    ])
    session.subscribe('a', { tail: 5 }, true)
    expect(read(session.takeOpening(true))).toMatchObject([
      { ch: 'b', j: 2 },
      { ch: 'a', j: 3 },
    ])
    // Not so where both wires are listened to.
    expect(read(session.takeOpening())).toMatchObject([{ j: 4 }, { j: 5 }])
  })

  test('everything without an answer to a wire that has taken over, and is at no time stale', () => {
    const session = online()
    session.publish('a', 'x', 1, 0)
    session.command('a', 'do', 1, 0)
    expect(lines(session)).toMatchObject([{ t: 'pub', n: 1 }, { t: 'cmd' }])
    session.handleRejoin()
    expect(session.hasChanges).toBe(true)
    expect(changes(session)).toMatchObject([{ t: 'join', ch: 'a', j: 2, after: 'e:0:t0' }])
    expect(hear(session, [event(1), joined(2, 0, 1), event(1)])).toMatchObject([
      { type: 'event' },
      { type: 'current' },
    ])
    session.handleMoved()
    expect(session.takeDeliveries()).toEqual([])
    expect(lines(session)).toMatchObject([{ t: 'pub', n: 1 }, { t: 'cmd' }])
  })

  test('what was seen last, where it is asked for, and that only to the wire that has asked', () => {
    const session = online()
    hear(session, [
      { t: 'mark', n: 1 },
      { t: 'mark', n: 2 },
    ])
    expect(lines(session)).toEqual([{ t: 'seen', n: 2 }])
    hear(session, [{ t: 'mark', n: 3 }])
    session.handleMoved()
    expect(lines(session)).toEqual([])
  })

  test('presence changes under rising numbers, and the newest value to every new wire', () => {
    const session = online()
    session.setPresence('a', 1)
    expect(lines(session)).toEqual([])
    expect(changes(session)).toEqual([{ t: 'pres', ch: 'a', n: 1, d: 1 }])
    session.setPresence('a', 2)
    expect(lines(session)).toEqual([{ t: 'pres', ch: 'a', n: 2, d: 2 }])
    session.handleDetached()
    expect(opening(session)).toMatchObject([{ t: 'join' }, { t: 'pres', n: 2, d: 2 }])
    session.setPresence('a', undefined)
    session.setPresence('a', undefined)
    expect(lines(session)).toEqual([{ t: 'pres', ch: 'a', n: 3 }])
    session.handleDetached()
    expect(opening(session)).toMatchObject([{ t: 'join' }])
  })
})

test('a session is behind until every join has its answer and all is read up to it, and where it may not be it is not', () => {
  const session = create()
  expect(session.behind).toBe(false)
  session.subscribe('a', {}, true)
  session.takeOpening()
  expect(session.behind).toBe(true)
  hear(session, [WELCOME, joined(1, 3, 5)])
  expect(session.behind).toBe(true)
  hear(session, [event(4), event(5)])
  expect(session.behind).toBe(false)
  session.subscribe('b', {}, true)
  changes(session)
  hear(session, [{ t: 'err', code: 'unavailable', msg: 'Down.', of: 'join', ch: 'b', retry: 1000 }])
  expect(session.behind).toBe(false)
  session.handleTimeout(1000)
  changes(session)
  expect(session.behind).toBe(true)
  hear(session, [{ t: 'end', ch: 'b', code: 'forbidden', msg: 'No.' }])
  expect(session.behind).toBe(false)
})

describe('a session survives', () => {
  test('lines that are none, of another time, or about what it does not know', () => {
    const session = online(5)
    const noise = [
      '',
      'x',
      '{',
      '[]',
      '{"t":"of_tomorrow","ch":"a"}',
      '{"t":"ev","ch":"b","at":"e:1:t","e":"x","d":1}',
    ]
    session.handleBatch([...noise, encodeLine(event(6)), '{"t":"ack","ch":"a","n":9}', '\ufeff'].join('\n'), 0)
    expect(session.takeDeliveries()).toMatchObject([{ type: 'event', data: 6 }])
  })

  test('any field of any line being anything', () => {
    const valid: readonly DownstreamLine[] = [
      WELCOME,
      joined(1, 5, 9),
      { t: 'snap', ch: 'a', at: 'e:5:t5', to: 7, d: null },
      event(6, 'm1#1'),
      { t: 'gap', ch: 'a', from: 'e:5:t5', to: 'e:8:t8', reason: 'trimmed' },
      { t: 'sig', ch: 'a', e: 'x', k: 'k', m: 'm', d: 1 },
      { t: 'pres', ch: 'a', v: '1', op: 'all', d: [] },
      { t: 'pres', ch: 'a', v: '1', op: 'join', m: 'm', d: 1 },
      { t: 'ack', ch: 'a', n: 1, at: 'e:6:t6' },
      { t: 'res', id: '1', d: null },
      { t: 'err', code: 'sequence_gap', msg: '', of: 'pub', ch: 'a', n: 1, id: '1', retry: 5, want: 1 },
      { t: 'err', code: 'unavailable', msg: '', of: 'join', ch: 'a', retry: 5 },
      { t: 'end', ch: 'a', code: 'ended', msg: '' },
      { t: 'pong', n: 1 },
      { t: 'bye', code: 'rotate', retry: 5 },
    ]
    const values = [undefined, null, true, '', 'x', '__proto__', -1, 0.5, 1e300, {}, [], ['a'], 'e:01:t', 'e:5:t']
    for (const line of valid) {
      for (const field of Object.keys(line).filter((name) => name !== 't')) {
        for (const value of values) {
          const session = online(5)
          session.publish('a', 'x', 1, 0)
          lines(session)
          expect(() => session.handleBatch(JSON.stringify({ ...line, [field]: value }), 0)).not.toThrow()
          session.handleDetached()
          expect(opening(session).length).toBeLessThanOrEqual(1)
        }
      }
    }
  })

  test('any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        const session = online(5)
        session.handleBatch(text, 0)
        expect(session.takeDeliveries()).toEqual([])
      }),
    )
  })
})
