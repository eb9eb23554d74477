import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createChannelObserver } from '../src/channel-observer.ts'
import { CHANNEL, ChannelStage } from './channel-stage.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.runOnlyPendingTimers()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const nextFrame = (): void => void vi.advanceTimersByTime(16)

type Options = Parameters<typeof createChannelObserver>[1]

/** Collects the ids of messages. */
const reduce = { message: (list: unknown, message: unknown) => [...(list as unknown[]), message] }

function observe(stage: ChannelStage, options: Record<string, unknown>) {
  const observer = createChannelObserver(stage.store, options as Options)
  const renders: unknown[] = []
  const leave = observer.subscribe(() => renders.push(observer.getSnapshot().data))
  stage.flush()
  return {
    observer,
    renders,
    leave,
    get state() {
      stage.flush()
      nextFrame()
      return observer.getSnapshot()
    },
  }
}

describe('an observer', () => {
  it('has no effect before it is subscribed to', () => {
    const stage = new ChannelStage()
    createChannelObserver(stage.store, {})
    expect(stage.server.linesOf('join')).toEqual([])
  })

  it('joins, folds what comes and is live', () => {
    const stage = new ChannelStage()
    const seen = observe(stage, { initial: [], reduce })
    expect(seen.observer.getSnapshot().status).toBe('joining')
    stage.emit('message', 1)
    stage.emit('message', 2)
    expect(seen.state).toEqual({ status: 'live', data: [1, 2], error: undefined, pending: 0 })
  })

  it('renders once per frame while every one of 1,000 events reaches reducers and handlers', () => {
    const stage = new ChannelStage()
    const handled: unknown[] = []
    const seen = observe(stage, { initial: [], reduce, on: { message: (data: unknown) => handled.push(data) } })
    nextFrame()
    seen.renders.length = 0
    const all = Array.from({ length: 1000 }, (_, index) => index)
    for (const index of all) stage.emit('message', index)
    expect(seen.renders).toEqual([])
    nextFrame()
    expect(seen.renders).toEqual([all])
    expect(handled).toEqual(all)
  })

  it('returns the same state until something has changed', () => {
    const stage = new ChannelStage()
    const seen = observe(stage, { initial: [], reduce })
    const before = seen.state
    stage.emit('deleted', { id: '1' })
    expect(seen.state).toBe(before)
  })

  it('starts from the last events with `tail`', () => {
    const stage = new ChannelStage()
    for (let id = 1; id <= 5; id++) stage.emit('message', id)
    expect(observe(stage, { tail: 3, initial: [], reduce }).state.data).toEqual([3, 4, 5])
  })

  it('starts from the snapshot where `initial` is a function', () => {
    const stage = new ChannelStage()
    stage.emit('message', 1)
    stage.server.snapshot = () => ({ messages: [1] })
    const seen = observe(stage, {
      initial: (snapshot: { messages: unknown[] }) => snapshot.messages,
      reduce,
    })
    stage.emit('message', 2)
    expect(seen.state).toMatchObject({ status: 'live', data: [1, 2] })
  })

  it('keeps the newest payload of one event with `latest`, from history on', () => {
    const stage = new ChannelStage()
    stage.emit('tick', 1)
    stage.emit('other', 'x')
    const seen = observe(stage, { latest: 'tick' })
    expect(seen.state).toMatchObject({ status: 'live', data: 1 })
    stage.emit('tick', 2)
    stage.emit('other', 'y')
    expect(seen.state.data).toBe(2)
  })

  it('is live without data where the latest event has never happened', () => {
    expect(observe(new ChannelStage(), { latest: 'tick' }).state).toMatchObject({
      status: 'live',
      data: undefined,
    })
  })

  it('takes the newest reducers and handlers', () => {
    const stage = new ChannelStage()
    const seen = observe(stage, { initial: 0, reduce: { add: (sum: number, by: number) => sum + by } })
    stage.emit('add', 1)
    const on = vi.fn()
    seen.observer.setOptions({
      on: { add: on },
      reduce: { add: (sum: number, by: number) => sum + by * 100 },
    } as Options)
    stage.emit('add', 1)
    expect(seen.state.data).toBe(101)
    expect(on).toHaveBeenCalledTimes(1)
  })

  it('reports a reducer or handler that throws and goes on', () => {
    const report = vi.fn()
    vi.stubGlobal('reportError', report)
    const stage = new ChannelStage()
    const seen = observe(stage, {
      initial: [],
      reduce: {
        message: (list: unknown[], id: number) => {
          if (id === 2) throw new Error('reducer')
          return [...list, id]
        },
      },
      on: {
        message: (id: number) => {
          if (id === 1) throw new Error('handler')
        },
      },
    })
    for (const id of [1, 2, 3]) stage.emit('message', id)
    expect(seen.state).toMatchObject({ status: 'live', data: [1, 3] })
    expect(report.mock.calls.map(([error]) => (error as Error).message)).toEqual(['handler', 'reducer'])
  })

  it('says so where `initial` throws, instead of looking as if it were about to begin', () => {
    const report = vi.fn()
    vi.stubGlobal('reportError', report)
    const stage = new ChannelStage()
    stage.server.snapshot = () => ({ messages: undefined })
    const seen = observe(stage, {
      initial: (snapshot: { messages?: unknown[] }) => [...(snapshot.messages as unknown[])],
      reduce,
    })
    expect(seen.state).toMatchObject({ status: 'error', error: { code: 'initial_failed' } })
    expect(report).toHaveBeenCalledTimes(1)
  })

  it('takes names like __proto__ and constructor for events nobody handles', () => {
    const stage = new ChannelStage()
    const seen = observe(stage, { initial: [], reduce, on: {} })
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) stage.emit(name, {})
    expect(seen.state).toMatchObject({ status: 'live', data: [] })
  })
})

describe('a newcomer on a live channel', () => {
  function start() {
    const stage = new ChannelStage()
    for (let id = 1; id <= 4; id++) stage.server.append(CHANNEL, 'message', id)
    const handled: unknown[] = []
    const first = observe(stage, {
      tail: 2,
      initial: [],
      reduce,
      on: { message: (data: unknown) => handled.push(data) },
    })
    stage.emit('message', 5)
    return { stage, first, handled }
  }

  it('with a tail sees all of it, and the first one sees nothing twice', () => {
    const { stage, first, handled } = start()
    const second = observe(stage, { tail: 4, initial: [], reduce })
    stage.emit('message', 6)
    expect(second.state).toMatchObject({ status: 'live', data: [2, 3, 4, 5, 6] })
    expect(first.state).toMatchObject({ status: 'live', data: [3, 4, 5, 6] })
    expect(handled).toEqual([5, 6])
  })

  it('with a snapshot begins from it, and the first one goes on as it was', () => {
    const { stage, first, handled } = start()
    stage.server.snapshot = () => ({ messages: [1, 2, 3, 4, 5] })
    const second = observe(stage, {
      initial: (snapshot: { messages: unknown[] }) => snapshot.messages,
      reduce,
    })
    stage.emit('message', 6)
    expect(second.state).toMatchObject({ status: 'live', data: [1, 2, 3, 4, 5, 6] })
    expect(first.state.data).toEqual([3, 4, 5, 6])
    expect(handled).toEqual([5, 6])
  })

  it('without a starting state is live at once and asks the server for nothing', () => {
    const { stage } = start()
    const joins = stage.server.linesOf('join').length
    const second = observe(stage, { initial: [], reduce })
    expect(second.state).toMatchObject({ status: 'live', data: [] })
    stage.emit('message', 6)
    expect(second.state.data).toEqual([6])
    expect(stage.server.linesOf('join')).toHaveLength(joins)
  })

  it('who comes while the wire is down gets all of it when it is back', () => {
    const { stage, first, handled } = start()
    stage.disconnect()
    const second = observe(stage, { tail: 3, initial: [], reduce })
    expect(second.state.status).toBe('joining')
    expect(first.state).toMatchObject({ status: 'stale', data: [3, 4, 5] })
    stage.server.append(CHANNEL, 'message', 6)
    stage.connect()
    expect(first.state).toMatchObject({ status: 'live', data: [3, 4, 5, 6] })
    expect(second.state).toMatchObject({ status: 'live', data: [4, 5, 6] })
    expect(handled).toEqual([5, 6])
  })

  it('many of them at once each see what they asked for', () => {
    const { stage } = start()
    const all = [1, 2, 3, 4, 5].map((tail) => observe(stage, { tail, initial: [], reduce }))
    stage.emit('message', 6)
    for (const seen of all) {
      const { data } = seen.state as { data: number[] }
      expect(data).toEqual(Array.from({ length: data.length }, (_, index) => 7 - data.length + index))
    }
  })
})

describe('handlers', () => {
  it('are not called for history, but for what is recovered, which says so', () => {
    const stage = new ChannelStage()
    stage.emit('message', 'history')
    const handled: unknown[] = []
    const seen = observe(stage, {
      tail: 10,
      initial: [],
      reduce,
      on: { message: (data: unknown, meta: { replayed: boolean }) => handled.push([data, meta.replayed]) },
    })
    stage.emit('message', 'live')
    stage.disconnect()
    stage.server.append(CHANNEL, 'message', 'missed')
    stage.connect()
    stage.emit('message', 'live again')
    expect(handled).toEqual([
      ['live', false],
      ['missed', true],
      ['live again', false],
    ])
    expect(seen.state.data).toEqual(['history', 'live', 'missed', 'live again'])
  })

  it('get signals with their sender', () => {
    const stage = new ChannelStage()
    const typing = vi.fn()
    observe(stage, { on: { typing } })
    stage.server.broadcast({ t: 'sig', ch: CHANNEL, e: 'typing', m: 'ann', d: { on: true } })
    stage.server.broadcast({ t: 'sig', ch: CHANNEL, e: 'typing', d: { on: false } })
    expect(typing.mock.calls).toEqual([
      [{ on: true }, { from: 'ann' }],
      [{ on: false }, { from: undefined }],
    ])
  })

  it('learn that a signal of their own was refused, and nothing of other refusals', () => {
    const stage = new ChannelStage()
    const refused: unknown[] = []
    observe(stage, { on: { $refused: ({ code }: { code: string }) => refused.push(code) } })
    const refusal = { t: 'err', msg: 'No.', ch: CHANNEL }
    stage.server.broadcast({ ...refusal, code: 'forbidden', of: 'sig' })
    stage.server.broadcast({ ...refusal, code: 'too_many_members', of: 'pres' })
    expect(refused).toEqual(['forbidden'])
  })

  it('are not called any more after the last listener has left, though the channel lingers', () => {
    const stage = new ChannelStage()
    const on = vi.fn()
    const seen = observe(stage, { on: { message: on, typing: on, $gap: on } })
    seen.leave()
    stage.emit('message', 1)
    stage.server.broadcast({ t: 'sig', ch: CHANNEL, e: 'typing', d: {} })
    expect(on).not.toHaveBeenCalled()
    expect(stage.server.linesOf('leave')).toEqual([])
  })

  it('learn where an event stands, what caused it and whether it was our own', () => {
    const stage = new ChannelStage()
    const on = vi.fn()
    observe(stage, { on: { message: on } })
    stage.server.emit(CHANNEL, 'message', 1, 'me.7')
    stage.server.emit(CHANNEL, 'message', 2, 'another.7')
    stage.server.emit(CHANNEL, 'message', 3, 'megan.7')
    expect(on.mock.calls.map(([, meta]) => meta)).toEqual([
      { cursor: 'e1:1:t1', replayed: false, overlap: false, cause: 'me.7', own: true },
      { cursor: 'e1:2:t2', replayed: false, overlap: false, cause: 'another.7', own: false },
      { cursor: 'e1:3:t3', replayed: false, overlap: false, cause: 'megan.7', own: false },
    ])
  })
})

describe('reducers of signals', () => {
  const points = {
    at: (all: unknown, x: unknown, { from }: { from: string }) => ({ ...(all as object), [from]: x }),
  }
  const move = (stage: ChannelStage, m: string, d: number): void =>
    stage.server.broadcast({ t: 'sig', ch: CHANNEL, e: 'at', m, d })

  it('fold what is heard, and whoever shows it is told once per frame', () => {
    const stage = new ChannelStage()
    const seen = observe(stage, { initial: {}, reduce: points })
    expect(seen.state).toMatchObject({ status: 'live', data: {} })
    seen.renders.length = 0
    for (let x = 0; x < 1000; x++) move(stage, x % 2 ? 'ann' : 'bob', x)
    expect(seen.state.data).toEqual({ bob: 998, ann: 999 })
    expect(seen.renders).toHaveLength(1)
  })

  it('are not asked before there is a state, and begin anew with it', () => {
    const stage = new ChannelStage()
    stage.server.snapshot = () => ({ seen: { ann: 0 } })
    const seen = observe(stage, { initial: (snapshot: { seen: object }) => snapshot.seen, reduce: points })
    move(stage, 'bob', 1)
    expect(seen.state.data).toEqual({ ann: 0, bob: 1 })
    stage.disconnect()
    for (const id of [1, 2]) stage.server.append(CHANNEL, 'message', id)
    stage.server.trim(CHANNEL, 2)
    stage.connect()
    expect(seen.state.data).toEqual({ ann: 0 })
  })
})

describe('a gap', () => {
  function loseSome(stage: ChannelStage): void {
    stage.disconnect()
    for (const id of [2, 3, 4]) stage.server.append(CHANNEL, 'message', id)
    stage.server.trim(CHANNEL, 3)
    stage.connect()
  }

  it('is told once, before any later event', () => {
    const stage = new ChannelStage()
    const told: unknown[] = []
    const seen = observe(stage, {
      tail: 10,
      initial: [],
      reduce,
      on: {
        message: (data: unknown) => told.push(data),
        $gap: ({ reason, from }: { reason: string; from: string }) => told.push([reason, from]),
      },
    })
    stage.emit('message', 1)
    loseSome(stage)
    stage.emit('message', 5)
    expect(told.filter(Array.isArray)).toEqual([['trimmed', 'e1:1:t1']])
    expect(told.indexOf(1)).toBe(0)
    expect(told[1]).toEqual(['trimmed', 'e1:1:t1'])
    expect(told.at(-1)).toBe(5)
    const { data, status } = seen.state as { data: number[]; status: string }
    expect(status).toBe('live')
    expect(data.slice(-2)).toEqual([4, 5])
    expect(new Set(data).size).toBe(data.length)
    expect(data).not.toContain(3)
  })

  it('is followed by a fresh snapshot; until it is there the old state stays', () => {
    const stage = new ChannelStage()
    stage.server.snapshot = () => ({ messages: ['old'] })
    const gap = vi.fn()
    const seen = observe(stage, {
      initial: (snapshot: { messages: unknown[] }) => snapshot.messages,
      reduce,
      on: { $gap: gap },
    })
    stage.emit('message', 1)
    expect(seen.state.data).toEqual(['old', 1])
    stage.disconnect()
    expect(seen.state).toMatchObject({ status: 'stale', data: ['old', 1] })
    stage.server.snapshot = () => ({ messages: ['new'] })
    for (const id of [2, 3]) stage.server.append(CHANNEL, 'message', id)
    stage.server.trim(CHANNEL, 3)
    stage.connect()
    expect(gap).toHaveBeenCalledTimes(1)
    expect(seen.state).toMatchObject({ status: 'live', data: ['new'] })
    stage.emit('message', 4)
    expect(seen.state.data).toEqual(['new', 4])
  })
})

describe('the end of a stay', () => {
  const end = (stage: ChannelStage, code: string): void =>
    stage.server.broadcast({ t: 'end', ch: CHANNEL, code, msg: 'It is over.' })

  it.each([
    ['ended', 'ended'],
    ['forbidden', 'denied'],
    ['unauthorized', 'denied'],
    ['bad_cursor', 'error'],
  ])('with code %s shows as %s and keeps what was there', (code, status) => {
    const stage = new ChannelStage()
    const seen = observe(stage, { initial: [], reduce })
    stage.emit('message', 1)
    end(stage, code)
    stage.emit('message', 2)
    expect(seen.state).toMatchObject({ status, data: [1], error: { code, message: 'It is over.' } })
  })

  it('is not asked about again over the next wire', () => {
    const stage = new ChannelStage()
    observe(stage, { initial: [], reduce })
    end(stage, 'forbidden')
    const joins = stage.server.linesOf('join').length
    stage.disconnect()
    stage.connect()
    expect(stage.server.linesOf('join')).toHaveLength(joins)
  })

  it('is over when the last follower has left and a new one comes', () => {
    const stage = new ChannelStage()
    const seen = observe(stage, { initial: [], reduce })
    end(stage, 'forbidden')
    seen.leave()
    vi.advanceTimersByTime(1000)
    const again = observe(stage, { initial: [], reduce })
    expect(again.state.status).toBe('live')
  })
})

describe('coming and going', () => {
  it('leaves a channel one second after its last observer, and comes back to it anew', () => {
    const stage = new ChannelStage()
    const seen = observe(stage, { initial: [], reduce })
    stage.emit('message', 1)
    seen.leave()
    vi.advanceTimersByTime(999)
    expect(stage.server.linesOf('leave')).toEqual([])
    vi.advanceTimersByTime(1)
    expect(stage.server.linesOf('leave')).toHaveLength(1)
    stage.emit('message', 2)
    seen.observer.subscribe(() => {})
    stage.flush()
    stage.emit('message', 3)
    expect(seen.state).toMatchObject({ status: 'live', data: [3] })
  })

  it('costs nothing to come back within that second: one join, nothing missed', () => {
    const stage = new ChannelStage()
    const seen = observe(stage, { initial: [], reduce })
    seen.leave()
    stage.emit('message', 1)
    seen.observer.subscribe(() => {})
    stage.flush()
    stage.emit('message', 2)
    expect(seen.state.data).toEqual([1, 2])
    expect(stage.server.linesOf('join')).toHaveLength(1)
  })

  it('leaves nothing behind after 1,000 cycles', () => {
    const stage = new ChannelStage()
    for (let cycle = 0; cycle < 1000; cycle++) {
      const seen = observe(stage, { tail: 1, initial: [], reduce })
      seen.leave()
      vi.advanceTimersByTime(1000)
      stage.flush()
    }
    expect(stage.idle).toBe(true)
    expect(stage.session.active).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
    expect(stage.server.linesOf('leave')).toHaveLength(1000)
  })

  it('leaves nothing behind after 1,000 cycles within the lingering', () => {
    const stage = new ChannelStage()
    const seen = observe(stage, { initial: [], reduce })
    for (let cycle = 0; cycle < 1000; cycle++) seen.observer.subscribe(() => {})()
    seen.leave()
    vi.advanceTimersByTime(1000)
    expect(stage.session.active).toBe(false)
    expect(stage.server.linesOf('join')).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('shows too many channels as an error, and tries again when it is subscribed to again', () => {
    const stage = new ChannelStage()
    for (let index = 0; index < 128; index++) stage.session.subscribe(`other?n=${index}`, {}, true)
    const seen = observe(stage, { initial: [], reduce })
    expect(seen.state).toMatchObject({ status: 'error', error: { code: 'too_many_channels' } })
    seen.leave()
    vi.advanceTimersByTime(1000)
    stage.session.unsubscribe('other?n=0')
    seen.observer.subscribe(() => {})
    expect(seen.state.status).toBe('live')
  })

  it('counts what waits for an answer', () => {
    const stage = new ChannelStage()
    const seen = observe(stage, { initial: [], reduce })
    stage.store.countPending(1)
    stage.store.countPending(1)
    expect(seen.state.pending).toBe(2)
    stage.store.countPending(-1)
    expect(seen.state.pending).toBe(1)
  })
})
