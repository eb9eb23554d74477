import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPresenceObserver } from '../src/presence-observer.ts'
import { CHANNEL, ChannelStage } from './channel-stage.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.runOnlyPendingTimers()
  vi.useRealTimers()
})

function watch(stage: ChannelStage, set?: unknown) {
  const observer = createPresenceObserver(stage.store, { set })
  const leave = observer.subscribe(() => {})
  stage.flush()
  return {
    observer,
    leave,
    get state() {
      stage.flush()
      vi.advanceTimersByTime(16)
      return observer.getSnapshot()
    },
  }
}

describe('a presence observer', () => {
  it('asks for the set and shows it, with oneself marked', () => {
    const stage = new ChannelStage()
    stage.server.members.set('ann', { name: 'Ann' })
    const seen = watch(stage, { name: 'Me' })
    expect(seen.state).toEqual({
      members: [
        { id: 'ann', value: { name: 'Ann' }, self: false },
        { id: 'me', value: { name: 'Me' }, self: true },
      ],
      synced: true,
      error: undefined,
    })
  })

  it('follows who comes, changes and goes', () => {
    const stage = new ChannelStage()
    const seen = watch(stage)
    const names = (): unknown[] => seen.state.members.map(({ value }) => value)
    stage.server.broadcast({ t: 'pres', ch: CHANNEL, v: '2', op: 'join', m: 'ann', d: 'Ann' })
    stage.server.broadcast({ t: 'pres', ch: CHANNEL, v: '3', op: 'join', m: 'bob', d: 'Bob' })
    expect(names()).toEqual(['Ann', 'Bob'])
    stage.server.broadcast({ t: 'pres', ch: CHANNEL, v: '4', op: 'update', m: 'ann', d: 'Anna' })
    expect(names()).toEqual(['Anna', 'Bob'])
    stage.server.broadcast({ t: 'pres', ch: CHANNEL, v: '5', op: 'leave', m: 'ann' })
    expect(names()).toEqual(['Bob'])
  })

  it('gives the same object for a member that has not changed, and the same list where none has', () => {
    const stage = new ChannelStage()
    stage.server.members.set('ann', { name: 'Ann' })
    stage.server.members.set('bob', { name: 'Bob' })
    const seen = watch(stage)
    const [ann, bob] = seen.state.members
    stage.server.broadcast({ t: 'pres', ch: CHANNEL, v: '2', op: 'update', m: 'bob', d: { name: 'Rob' } })
    const { members } = seen.state
    expect(members).toEqual([ann, { ...bob, value: { name: 'Rob' } }])
    expect(members[0]).toBe(ann)
    stage.server.members.set('bob', { name: 'Rob' })
    stage.disconnect()
    stage.connect()
    expect(seen.state).toMatchObject({ synced: true })
    expect(seen.state.members).toBe(members)
  })

  it('tells its listeners once per frame, however many members come in it', () => {
    const stage = new ChannelStage()
    const seen = watch(stage)
    expect(seen.state.members).toEqual([])
    let told = 0
    seen.observer.subscribe(() => told++)
    for (let n = 2; n <= 201; n++)
      stage.server.broadcast({ t: 'pres', ch: CHANNEL, v: String(n), op: 'join', m: `m${n}`, d: n })
    expect(seen.state.members).toHaveLength(200)
    expect(told).toBe(1)
  })

  it('keeps what it knows while the wire is down, and says that it is not up to date', () => {
    const stage = new ChannelStage()
    stage.server.members.set('ann', 'Ann')
    const seen = watch(stage)
    expect(seen.state.synced).toBe(true)
    stage.disconnect()
    expect(seen.state).toMatchObject({ synced: false, members: [{ id: 'ann' }] })
    stage.connect()
    expect(seen.state.synced).toBe(true)
  })

  it('announces its value again over every wire', () => {
    const stage = new ChannelStage()
    watch(stage, { name: 'Me' })
    stage.disconnect()
    stage.connect()
    expect(stage.server.linesOf('pres').map(({ d }) => d)).toEqual([{ name: 'Me' }, { name: 'Me' }])
  })

  it('changes its value, with a higher number each time', () => {
    const stage = new ChannelStage()
    const seen = watch(stage, { name: 'Me' })
    seen.observer.update({ name: 'You' })
    const lines = stage.server.linesOf('pres')
    expect(lines.map(({ d }) => d)).toEqual([{ name: 'Me' }, { name: 'You' }])
    expect(lines[1]?.n).toBeGreaterThan(lines[0]?.n ?? 0)
  })

  it('says goodbye one second after nobody watches any more', () => {
    const stage = new ChannelStage()
    const seen = watch(stage, { name: 'Me' })
    seen.leave()
    vi.advanceTimersByTime(1000)
    expect(stage.server.linesOf('pres').at(-1)).not.toHaveProperty('d')
    expect(stage.session.active).toBe(false)
    expect(stage.idle).toBe(true)
  })

  it('only watches where it has nothing to show', () => {
    const stage = new ChannelStage()
    watch(stage)
    expect(stage.server.linesOf('pres')).toEqual([])
  })

  it('shows the newest of several values, and the one before when that goes', () => {
    const stage = new ChannelStage()
    watch(stage, 'first')
    const second = watch(stage, 'second')
    expect(stage.server.linesOf('pres').at(-1)?.d).toBe('second')
    second.leave()
    vi.advanceTimersByTime(1000)
    expect(stage.server.linesOf('pres').at(-1)?.d).toBe('first')
  })

  it('shows that its value was refused, until it shows another one', () => {
    const stage = new ChannelStage()
    const seen = watch(stage, 'x')
    stage.server.broadcast({ t: 'err', code: 'too_many_members', msg: 'Full.', of: 'pres', ch: CHANNEL })
    expect(seen.state.error?.code).toBe('too_many_members')
    seen.observer.update('y')
    expect(seen.state.error).toBeUndefined()
  })

  it('shows the end of the channel', () => {
    const stage = new ChannelStage()
    const seen = watch(stage)
    stage.server.broadcast({ t: 'end', ch: CHANNEL, code: 'forbidden', msg: 'No.' })
    expect(seen.state).toMatchObject({ synced: false, error: { code: 'forbidden' } })
  })

  it('shows too many channels as an error instead of throwing at whoever subscribes', () => {
    const stage = new ChannelStage()
    for (let index = 0; index < 128; index++) stage.session.subscribe(`other?n=${index}`, {}, true)
    const seen = watch(stage, 'x')
    expect(seen.state.error?.code).toBe('too_many_channels')
    seen.observer.update('y')
    seen.leave()
    vi.advanceTimersByTime(1000)
    expect(stage.server.linesOf('pres')).toEqual([])
  })
})
