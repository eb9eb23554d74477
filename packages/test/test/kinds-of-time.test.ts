/** The same network on somebody else's fake timers, and on real time. */
import { ModernFakeTimers } from '@jest/fake-timers'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type TestNetwork, testNetwork } from '../src/index.ts'
import { type Api, createApp } from './app.ts'

const realtime = createApp()

let net: TestNetwork<Api> | undefined

afterEach(async () => {
  await net?.close()
  net = undefined
  vi.useRealTimers()
})

/** A story that needs the wire, time and frames: what is seen in it is the same on all of them. */
async function tell(own: TestNetwork<Api>): Promise<unknown> {
  const ann = own.client({ auth: () => 'ann' })
  const lobby = ann.channels.lobby({ room: 'a' })
  const observer = lobby.observe({
    initial: [] as string[],
    reduce: { message: (list, { text }) => [...list, text] },
  })
  observer.subscribe(() => {})
  await own.settle()
  const first = observer.getSnapshot().status
  own.offline()
  await realtime.channels.lobby({ room: 'a' }).emit('message', { text: 'hello' })
  await own.advance(1200)
  const second = observer.getSnapshot().status
  own.online()
  await own.settle()
  return [first, second, observer.getSnapshot()]
}

const STORY = ['live', 'stale', { status: 'live', data: ['hello'], error: undefined, pending: 0 }]

describe('fake timers of Vitest', () => {
  test('are the time of a network that is made on them, and none of them is left', async () => {
    vi.useFakeTimers()
    const { setTimeout: fake } = globalThis
    net = testNetwork(realtime)
    expect(globalThis.setTimeout).toBe(fake)
    expect(await tell(net)).toEqual(STORY)
    await net.close()
    expect(vi.getTimerCount()).toBe(0)
    expect(globalThis.setTimeout).toBe(fake)
  })

  test('may be moved by the runner, with settle behind it', async () => {
    vi.useFakeTimers()
    net = testNetwork(realtime)
    const { channels } = net.client({ auth: () => 'ann' })
    const observer = channels.board().observe({ latest: 'line' })
    observer.subscribe(() => {})
    await net.settle()
    const then = Date.now()
    net.offline()
    await realtime.channels.board().emit('line', { n: 1 })
    await vi.advanceTimersByTimeAsync(60_000)
    net.online()
    await net.settle()
    expect(Date.now()).toBeGreaterThanOrEqual(then + 60_000)
    expect(observer.getSnapshot()).toMatchObject({ status: 'live', data: { n: 1 } })
  })

  test('leave none behind in the middle of everything', async () => {
    vi.useFakeTimers()
    net = testNetwork(realtime)
    net.latency(80)
    for (const wires of [['websocket'], ['sse'], ['polling']] as const) {
      const { channels } = net.client({ auth: () => 'ann', wires })
      channels
        .lobby({ room: 'a' })
        .observePresence({ set: { name: 'Ann' } })
        .subscribe(() => {})
      channels
        .lobby({ room: 'a' })
        .publish('message', { text: 'hello' })
        .catch(() => {})
      channels
        .chat({ roomId: '1' })
        .commands.send({ text: 'hi', ms: 0 })
        .catch(() => {})
    }
    await net.advance(700)
    net.drop()
    await net.advance(10)
    expect(vi.getTimerCount()).toBeGreaterThan(0)
    await net.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('that come too late, or go too early, are an error that says so', async () => {
    net = testNetwork(realtime)
    vi.useFakeTimers()
    await expect(net.settle()).rejects.toMatchObject({ code: 'timers_replaced' })
    vi.useRealTimers()
    await net.close()
    vi.useFakeTimers()
    net = testNetwork(realtime)
    vi.useRealTimers()
    await expect(net.advance(5)).rejects.toMatchObject({ code: 'timers_replaced' })
    await net.close()
    // The next one finds everything in order.
    net = testNetwork(realtime)
    expect(await tell(net)).toEqual(STORY)
  })
})

test('two networks may be open at once on fake timers of the runner', async () => {
  vi.useFakeTimers()
  net = testNetwork(realtime)
  const other = testNetwork(createApp())
  expect(await tell(net)).toEqual(STORY)
  await other.close()
  await net.close()
  expect(vi.getTimerCount()).toBe(0)
})

describe('fake timers of Jest', () => {
  test.each([{}, { doNotFake: ['nextTick' as const, 'queueMicrotask' as const] }])(
    'are the time of a network that is made on them: %j',
    async (config) => {
      const jest = new ModernFakeTimers({ global: globalThis as never, config: config as never })
      jest.useFakeTimers({ ...config, now: Date.now(), advanceTimers: false, legacyFakeTimers: false } as never)
      try {
        net = testNetwork(realtime)
        expect(await tell(net)).toEqual(STORY)
        await net.close()
        expect(jest.getTimerCount()).toBe(0)
      } finally {
        jest.useRealTimers()
      }
    },
  )
})

test('fake timers that do not show when they are due are moved step by step', async () => {
  vi.useFakeTimers()
  const faked = globalThis.setTimeout as unknown as { clock: Clock }
  const { clock } = faked
  faked.clock = {
    get now() {
      return clock.now
    },
    countTimers: () => clock.countTimers(),
    tick: (ms) => clock.tick(ms),
    tickAsync: (ms) => clock.tickAsync(ms),
  }
  net = testNetwork(realtime)
  expect(await tell(net)).toEqual(STORY)
})

interface Clock {
  readonly now: number
  countTimers(): number
  tick(ms: number): unknown
  tickAsync(ms: number): Promise<unknown>
}

describe('real time', () => {
  test('passes by itself', async () => {
    const { setTimeout: real } = globalThis
    net = testNetwork(realtime, { time: 'real' })
    expect(globalThis.setTimeout).toBe(real)
    expect(await tell(net)).toEqual(STORY)
    const ann = net.client({ auth: () => 'ann', wires: ['polling'] })
    const seen: number[] = []
    ann.channels.board().on({ line: ({ n }) => seen.push(n) })
    await net.until(() => ann.connection.getSnapshot().state === 'online')
    await realtime.channels.board().emit('line', { n: 1 })
    await expect.poll(() => seen).toEqual([1])
  })
})

test('a frame of virtual time lasts, although time was moved by parts of a millisecond', async () => {
  vi.stubGlobal('requestAnimationFrame', () => 0)
  onTestFinished(() => void vi.unstubAllGlobals())
  net = testNetwork(realtime, { now: Date.UTC(2026, 0) })
  // The next frame would begin after 400 ms; rounding leaves some ten-thousandths of one.
  for (let step = 0; step < 12; step++) await net.advance(1000 / 30)
  let frames = 0
  const draw = (): void => {
    frames++
    requestAnimationFrame(draw)
  }
  requestAnimationFrame(draw)
  await net.advance(16)
  expect(frames).toBe(1)
})
