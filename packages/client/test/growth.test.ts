/** What a client does grows with what there is to do, and not with the square of it: counted, not timed. */
import { DEFAULT_WIRE_LIMITS, Session } from '@triwire/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Client, createClient, view } from '../src/index.ts'
import type { Api } from './api.ts'
import { FakeServer } from './fake-server.ts'
import { countWork } from './work-meter.ts'

/** Events of one batch. */
const PAGE = 250
const UNPACED = { ...DEFAULT_WIRE_LIMITS, rate: 1_000_000, burst: 1_000_000 }

let client: Client<Api>

beforeEach(() => void vi.useFakeTimers())
afterEach(async () => {
  client?.close()
  await vi.advanceTimersByTimeAsync(8000)
  vi.useRealTimers()
})

const frame = (ms = 16): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

function open(): FakeServer {
  const server = new FakeServer()
  server.limits = UNPACED
  client = createClient<Api>({ url: 'https://x.test/rt', webSocket: server.webSocket, wires: ['websocket'] })
  return server
}

function batch(size: number, lineOf: (n: number) => object): object[] {
  return Array.from({ length: size }, (_, index) => lineOf(index + 1))
}

/** How much more twice as much costs: 2 where it is linear, 4 where it is the square. What is done once makes it less. */
async function growth(size: number, countFor: (size: number) => Promise<number>): Promise<number> {
  const once = await countFor(size)
  return (await countFor(2 * size)) / once
}

/** A little above 2, for what a clock that is moved by hand counts besides. */
const LINEAR = 2.2

describe('the meter', () => {
  it('counts what is copied, walked over and searched, and nothing for a look-up', async () => {
    const list = Array.from({ length: 1000 }, (_, index) => index)
    const map = new Map(list.map((index) => [index, index]))
    const works = [() => [...map.values()], () => new Map(map), () => [...list, 1], () => list.includes(999)]
    for (const work of works) expect((await countWork(work)) / 1000).toBeCloseTo(1, 0)
    expect((await countWork(() => map.get(1))) / 1000).toBeCloseTo(0, 0)
  })

  it('sees a square', async () => {
    const square = (size: number): Promise<number> =>
      countWork(() => {
        let list: readonly number[] = []
        for (let index = 0; index < size; index++) list = [...list, index]
      })
    expect(await growth(300, square)).toBeGreaterThan(3.5)
  })
})

describe('work grows with', () => {
  it('the history that is joined: each event is folded once for all who share a view, and shown in one go', async () => {
    const join = async (size: number): Promise<number> => {
      const server = open()
      const add = vi.fn((count: number) => count + 1)
      const shown = vi.fn()
      const lobby = view(client.channels.lobby, { initial: 0, tail: size, reduce: { message: add } })
      const observers = Array.from({ length: 3 }, () => lobby({ room: '1' }).observe())
      for (const observer of observers) observer.subscribe(shown)
      await frame(100)
      shown.mockClear()
      const ch = 'lobby?room=1'
      const [attachment] = server.attachments
      const work = await countWork(async () => {
        attachment?.write({ t: 'joined', ch, j: 1, at: 'e1:0:0', head: size, how: 'resumed' })
        const event = (n: number) => ({ t: 'ev', ch, at: `e1:${n}:t${n}`, e: 'message', d: { text: '' } })
        // A page of replay at a time, as servers write it.
        for (let from = 0; from < size; from += PAGE) attachment?.write(...batch(PAGE, (n) => event(from + n)))
        await frame()
      })
      expect(observers.map((observer) => observer.getSnapshot().data)).toEqual([size, size, size])
      expect([add.mock.calls.length, shown.mock.calls.length]).toEqual([size, 3])
      client.close()
      return work
    }
    expect(await growth(10_000, join)).toBeLessThan(LINEAR)
  })

  it('publishes without an answer', async () => {
    const publish = (size: number): Promise<number> => {
      const session = new Session({ id: 'A', outbox: { entries: size } }, 0)
      const hear = (lines: readonly object[]): void =>
        session.handleBatch(lines.map((line) => JSON.stringify(line)).join('\n'), 0)
      hear([{ t: 'welcome', v: 1, m: 'me', hb: 25_000, max: UNPACED }])
      return countWork(() => {
        for (let n = 1; n <= size; n++) session.publish('a', 'message', n, 0)
        for (const end of ['lost', 'answered']) {
          expect(session.takeLines(0)).toHaveLength(size)
          session.deadline(0)
          if (end === 'lost') session.handleDetached()
        }
        hear(batch(size, (n) => ({ t: 'ack', ch: 'a', n })))
        session.handleTimeout(0)
        session.deadline(0)
        expect(session.pending).toBe(0)
      })
    }
    expect(await growth(1000, publish)).toBeLessThan(LINEAR)
  })

  it('commands that show before they are confirmed, over a state that is not folded again', async () => {
    const call = async (size: number): Promise<number> => {
      const server = open()
      const add = vi.fn((count: number) => count + 1)
      const guess = vi.fn((count: number) => count + 1)
      const room = view(client.channels.chat, {
        initial: () => 0,
        reduce: { message: add },
        optimistic: { send: guess },
      })
      const chat = room({ roomId: '1' })
      const observer = chat.observe()
      observer.subscribe(() => {})
      await frame(100)
      server.answers = false
      const [attachment] = server.attachments
      const event = (n: number, c?: string) => ({
        t: 'ev',
        ch: chat.address,
        at: `e1:${n}:t${n}`,
        e: 'message',
        c,
        d: {},
      })
      const work = await countWork(async () => {
        for (let n = 0; n < size; n++) void chat.commands.send({ text: 'a' })
        await frame()
        attachment?.write(...batch(size, (n) => event(n)))
        await frame()
      })
      // Once per frame: before the events, and behind them.
      expect([add.mock.calls.length, guess.mock.calls.length]).toEqual([size, 2 * size])
      expect(observer.getSnapshot().data).toBe(2 * size)
      const rest = await countWork(async () => {
        attachment?.write(...batch(size, (n) => event(size + n, `me.${n.toString(36)}`)))
        await frame()
        const at = `e1:${2 * size}:t${2 * size}`
        attachment?.write(...batch(size, (n) => ({ t: 'res', id: n.toString(36), d: {}, at })))
        await frame()
      })
      expect(observer.getSnapshot()).toMatchObject({ data: 2 * size, underWay: [] })
      expect([add.mock.calls.length, guess.mock.calls.length]).toEqual([2 * size, 2 * size])
      client.close()
      return work + rest
    }
    expect(await growth(250, call)).toBeLessThan(LINEAR)
  })

  it('the changes of a presence set, which is listed once per frame', async () => {
    const change = async (size: number): Promise<number> => {
      const server = open()
      const presence = client.channels.chat({ roomId: '1' }).observePresence()
      const shown = vi.fn()
      presence.subscribe(shown)
      await frame(100)
      shown.mockClear()
      const [attachment] = server.attachments
      const work = await countWork(async () => {
        attachment?.write(
          ...batch(size, (n) => ({
            t: 'pres',
            ch: 'chat?roomId=1',
            v: `${n}`,
            op: 'update',
            m: `m${n % 200}`,
            d: { n },
          })),
        )
        await frame()
      })
      expect([presence.getSnapshot().members.length, shown.mock.calls.length]).toEqual([200, 1])
      client.close()
      return work
    }
    expect(await growth(2000, change)).toBeLessThan(LINEAR)
  })
})
