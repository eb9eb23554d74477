/**
 * What one client can have a node do, counted instead of timed: calls of the broker and of the app, and bytes that wait,
 * while a clock that nobody waits for goes on. Whatever a client sends, and however often it comes back, the work is
 * bounded by its rates.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Broker } from '../src/broker.ts'
import { DEFAULT_LIMITS } from '../src/limits.ts'
import { memory } from '../src/memory-broker.ts'
import { HubStage, hello, newSession, settle, until } from './hub-stage.ts'

const CHAT = 'chat?roomId=1'
const LOBBY = 'lobby?room=1'

/** Seconds of a flood. */
const SECONDS = 10

/** Lines of each second: many times what may be said. */
const PER_SECOND = 1000

const SESSION = newSession()

const { rate, burst, channels, connectionsPerUser } = DEFAULT_LIMITS

/** Lines a session may have answered in that time: a tenth and a fifth more than it is told (`meters.ts`). */
const MOST_LINES = burst * 1.2 + rate * 1.1 * SECONDS

/** Joins a connection may have answered in that time, once it is open. */
const MOST_JOINS = channels * 2 + (channels / 4) * SECONDS

/** Calls of a broker by name. */
type Calls = Map<keyof Broker, number>

/** Counts what a broker is asked. */
function counting(broker: Broker): { readonly broker: Broker; readonly calls: Calls } {
  const calls: Calls = new Map()
  const counted = new Proxy(broker, {
    get(target, name: keyof Broker) {
      const method = target[name]
      if (typeof method !== 'function') return method
      return (...args: readonly unknown[]) => {
        calls.set(name, (calls.get(name) ?? 0) + 1)
        return Reflect.apply(method, target, args) as unknown
      }
    },
  })
  return { broker: counted, calls }
}

let stages: HubStage[] = []

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }))
afterEach(async () => {
  for (const stage of stages) await stage.close()
  stages = []
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

function start(options: ConstructorParameters<typeof HubStage>[0] = {}): { stage: HubStage; calls: Calls } {
  const { broker, calls } = counting(memory())
  const stage = new HubStage({ ...options, broker })
  stages.push(stage)
  return { stage, calls }
}

/** What is done once a second, for as long as a flood lasts. */
async function everySecond(work: () => void | Promise<void>): Promise<void> {
  for (let second = 0; second < SECONDS; second++) {
    await work()
    await vi.advanceTimersByTimeAsync(1000)
    await settle()
  }
}

const times = <TLine>(count: number, make: (n: number) => TLine): TLine[] =>
  Array.from({ length: count }, (_, index) => make(index + 1))

function sum(calls: Calls, ...names: readonly (keyof Broker)[]): number {
  return names.reduce((all, name) => all + (calls.get(name) ?? 0), 0)
}

describe('what a connection has its node do', () => {
  it.each([
    [
      'publishes',
      ['append', 'refuse'],
      (n: number) => ({ t: 'pub', ch: LOBBY, n, lo: n, e: 'message', d: { text: '' } }),
    ],
    [
      'publishes that do not fit',
      ['append', 'refuse'],
      (n: number) => ({ t: 'pub', ch: LOBBY, n, lo: n, e: 'message', d: 1 }),
    ],
    ['signals', ['signal'], (n: number) => ({ t: 'sig', ch: CHAT, e: 'typing', k: `${n}`, d: { on: true } })],
    ['presence', ['hold', 'depart'], (n: number) => ({ t: 'pres', ch: CHAT, n, d: { name: `${n}` } })],
    [
      'comings and goings of members',
      ['hold', 'depart'],
      (n: number) => ({ t: 'pres', ch: CHAT, n, ...(n % 2 && { d: { name: '' } }) }),
    ],
  ] as const)('is bounded by its rate: %s', async (_what, names, line) => {
    const { stage, calls } = start()
    const socket = await stage.connect()
    let n = 0
    await everySecond(() => socket.send(...times(PER_SECOND, () => line(++n))))
    expect(sum(calls, ...names)).toBeGreaterThan(burst)
    expect(sum(calls, ...names)).toBeLessThanOrEqual(MOST_LINES)
  })

  it('is bounded by its rate: commands, and those that are repeated', async () => {
    const { stage, calls } = start({
      implementations: { chat: { commands: { send: () => ({ id: '1' }) } } },
    })
    const socket = await stage.connect()
    let n = 0
    await everySecond(() =>
      socket.send(
        ...times(PER_SECOND, () => ({ t: 'cmd', ch: CHAT, id: `${++n % 700}`, c: 'send', d: { text: '' } })),
      ),
    )
    expect(sum(calls, 'claim')).toBeGreaterThan(0)
    expect(sum(calls, 'claim', 'settled')).toBeLessThanOrEqual(MOST_LINES)
  })

  it('is bounded by what may wait for a hook: publishes of one lane', async () => {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const onPublish = vi.fn(() => held)
    const { stage } = start({
      limits: { rate: 10_000, burst: 10_000 },
      implementations: { lobby: { onPublish } },
    })
    const socket = await stage.connect()
    for (let batch = 0; batch < 2; batch++) {
      socket.send(
        ...times(PER_SECOND, (k) => ({
          t: 'pub',
          ch: LOBBY,
          n: batch * PER_SECOND + k,
          e: 'message',
          d: { text: '' },
        })),
      )
    }
    const refused = await socket.take('err', 2 * PER_SECOND - 1024)
    await settle()
    expect(refused[0]).toMatchObject({ code: 'rate_limited', of: 'pub', n: 1025 })
    expect(socket.linesOf('err')).toHaveLength(2 * PER_SECOND - 1024)
    expect(onPublish).toHaveBeenCalledOnce()
    release()
    await socket.take('ack', 1024)
  })

  it('is bounded by its rate: second hellos', async () => {
    let asked = 0
    const { stage } = start({
      auth: ({ token }) => {
        asked++
        return { id: token?.split(':')[0] }
      },
    })
    const session = 's'.repeat(22)
    const socket = await stage.connect('ann', { session })
    await everySecond(() => socket.send(...times(PER_SECOND, (n) => hello(`ann:${n}`, session))))
    expect(asked).toBeGreaterThan(burst)
    expect(asked).toBeLessThanOrEqual(MOST_LINES + 1)
  })

  it('is bounded by the rate of joins: whole histories, and channels one after another', async () => {
    const { stage, calls } = start()
    for (let n = 1; n <= 300; n++) await stage.emit(LOBBY, 'message', { text: `${n}` })
    const before = new Map(calls)
    const socket = await stage.connect()
    let j = 0
    await everySecond(() => socket.send(...times(PER_SECOND, () => ({ t: 'join', ch: LOBBY, j: ++j, tail: 300 }))))
    // One page each, and a look at its end.
    expect(sum(calls, 'read') - sum(before, 'read')).toBeLessThanOrEqual(2 * MOST_JOINS)
    const other = await stage.connect('bob')
    await everySecond(() =>
      other.send(
        ...times(PER_SECOND, () =>
          ++j % 2 ? { t: 'join', ch: `lobby?room=${j}`, j } : { t: 'leave', ch: `lobby?room=${j - 1}` },
        ),
      ),
    )
    expect(sum(calls, 'subscribe')).toBeGreaterThan(channels)
    expect(sum(calls, 'subscribe') - sum(before, 'subscribe')).toBeLessThanOrEqual(2 + MOST_JOINS)
  })

  it('is bounded by the rate of joins: one channel again and again, right behind its hello', async () => {
    const { stage, calls } = start()
    for (let n = 1; n <= 300; n++) await stage.emit(LOBBY, 'message', { text: `${n}` })
    const socket = stage.open()
    socket.send(hello('ann'), ...times(PER_SECOND, (j) => ({ t: 'join', ch: LOBBY, j, tail: 300 })))
    // Let go for those that are refused.
    await until(() => socket.sink.closed !== undefined)
    await settle()
    // The first one costs nothing.
    expect(sum(calls, 'read')).toBeLessThanOrEqual(2 * (1 + channels * 2))
  })

  it('is nothing for what it leaves without having been there', async () => {
    const { stage, calls } = start()
    const socket = await stage.connect()
    const before = new Map(calls)
    await everySecond(() => socket.send(...times(PER_SECOND, (n) => ({ t: 'leave', ch: `lobby?room=${n}` }))))
    expect(calls).toEqual(before)
    expect(socket.lines).toHaveLength(1)
  })
})

describe('what a user has a node do', () => {
  it('is bounded however many sessions it draws: publishes', async () => {
    const { stage, calls } = start({ limits: { connectionsPerUser: 2 } })
    await everySecond(async () => {
      for (let count = 0; count < 20; count++)
        stage.request('/send', [
          hello('ann'),
          ...times(burst, (n) => ({ t: 'pub', ch: LOBBY, n, lo: n, e: 'message', d: { text: '' } })),
        ])
      await settle()
    })
    expect(sum(calls, 'append')).toBeGreaterThan(MOST_LINES)
    expect(sum(calls, 'append')).toBeLessThanOrEqual(8 * MOST_LINES)
  })

  it('is no less for one session where another one floods', async () => {
    const { stage } = start({ limits: { connectionsPerUser: 2 } })
    const flood = await stage.connect('ann')
    const calm = await stage.connect('ann')
    let n = 0
    await everySecond(() => {
      flood.send(...times(PER_SECOND, () => ({ t: 'ping', n: 0 })))
      calm.send(...times(rate, () => ({ t: 'ping', n: ++n })))
    })
    expect(calm.linesOf('err')).toEqual([])
    expect(calm.linesOf('pong')).toHaveLength(rate * SECONDS)
  })

  it('is bounded however often it comes: channels that nobody had open', async () => {
    const { stage, calls } = start()
    const before = sum(calls, 'subscribe')
    let room = 0
    await everySecond(async () => {
      for (let visit = 0; visit < 10; visit++) {
        const socket = stage.open()
        socket.send(hello('ann'), ...times(channels, (j) => ({ t: 'join', ch: `lobby?room=${++room}`, j })))
        await settle()
        socket.leave()
      }
    })
    expect(sum(calls, 'subscribe') - before).toBeLessThanOrEqual(
      1 + connectionsPerUser * channels + (channels / 4) * SECONDS,
    )
  })
})

describe('what waits for a client that reads nothing', () => {
  it.each([
    ['publishes', (n: number) => ({ t: 'pub', ch: LOBBY, n, e: 'message', d: { text: '' } })],
    ['joins', (n: number) => ({ t: 'join', ch: LOBBY, j: n })],
    ['lines that cannot be read', () => 'nonsense'],
    ['pings', (n: number) => ({ t: 'ping', n })],
    ['second hellos', () => hello('ann', SESSION)],
  ])('is bounded, however much it says: %s', async (_what, line) => {
    const { stage } = start()
    const socket = await stage.connect('ann', { session: SESSION })
    socket.sink.stalled = true
    for (let batch = 0; batch < 20; batch++) {
      socket.send(...times(PER_SECOND, (n) => line(batch * PER_SECOND + n)))
      await settle()
    }
    expect(socket.sink.peakBytes).toBeLessThan(3 * DEFAULT_LIMITS.outboundBytes)
    expect(socket.sink.closed?.reason).toBe('rate_limited')
    expect(stage.connections).toBe(0)
  })
})
