import { describe, expect, it } from 'vitest'
import { createChannelObserver } from '../src/channel-observer.ts'
import { iterateEvents } from '../src/event-iterator.ts'
import { CHANNEL, ChannelStage } from './channel-stage.ts'

/** Takes so many events. */
async function take(stage: ChannelStage, count: number, after?: string): Promise<unknown[]> {
  const taken: unknown[] = []
  const loop = (async () => {
    for await (const event of iterateEvents(stage.store, after)) {
      taken.push(event.data)
      if (taken.length === count) break
    }
  })()
  stage.flush()
  await loop
  return taken
}

describe('iterating over events', () => {
  it('begins now, without history, and follows from the first step on', async () => {
    const stage = new ChannelStage()
    stage.emit('message', 'history')
    const events = iterateEvents(stage.store, undefined)
    expect(stage.server.linesOf('join')).toEqual([])
    const next = events.next()
    stage.emit('message', 1)
    expect((await next).value).toMatchObject({ type: 'message', data: 1, meta: { replayed: false } })
    await events.return()
  })

  it('begins behind its cursor and not before, also where somebody else wants more of the past', async () => {
    const stage = new ChannelStage()
    for (let id = 1; id <= 5; id++) stage.server.append(CHANNEL, 'message', id)
    createChannelObserver(stage.store, { tail: 5, initial: [] }).subscribe(() => {})
    const taken = take(stage, 2, 'e1:3:t3')
    stage.flush()
    expect(await taken).toEqual([4, 5])
  })

  it('loses nothing that comes while the body of the loop is busy', async () => {
    const stage = new ChannelStage()
    const taken = take(stage, 100)
    for (let id = 1; id <= 100; id++) stage.emit('message', id)
    expect(await taken).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
  })

  it('stops following with break', async () => {
    const stage = new ChannelStage()
    const taken = take(stage, 1)
    stage.emit('message', 1)
    await taken
    expect(stage.server.linesOf('leave')).toHaveLength(1)
    expect(stage.idle).toBe(true)
    expect(stage.session.active).toBe(false)
  })

  it('stops following when the body throws', async () => {
    const stage = new ChannelStage()
    const loop = (async () => {
      for await (const event of iterateEvents(stage.store, undefined)) throw new Error(`body ${event.data}`)
    })()
    stage.emit('message', 1)
    await expect(loop).rejects.toThrow('body 1')
    expect(stage.idle).toBe(true)
  })

  it('resumes behind a cursor', async () => {
    const stage = new ChannelStage()
    for (let id = 1; id <= 5; id++) stage.server.append(CHANNEL, 'message', id)
    expect(await take(stage, 3, 'e1:2:t2')).toEqual([3, 4, 5])
  })

  it('resumes behind a cursor on a channel that others follow already', async () => {
    const stage = new ChannelStage()
    for (let id = 1; id <= 3; id++) stage.server.append(CHANNEL, 'message', id)
    const live = take(stage, 2)
    stage.emit('message', 4)
    const resumed = take(stage, 4, 'e1:1:t1')
    stage.emit('message', 5)
    expect(await resumed).toEqual([2, 3, 4, 5])
    expect(await live).toEqual([4, 5])
  })

  it('goes on over a broken wire, in order and without repetition', async () => {
    const stage = new ChannelStage()
    const taken = take(stage, 4)
    stage.emit('message', 1)
    stage.disconnect()
    stage.server.append(CHANNEL, 'message', 2)
    stage.server.append(CHANNEL, 'message', 3)
    stage.connect()
    stage.emit('message', 4)
    expect(await taken).toEqual([1, 2, 3, 4])
  })

  it('fails where events are missing, after those before the gap and none behind it', async () => {
    const stage = new ChannelStage()
    const events = iterateEvents(stage.store, undefined)
    const first = events.next()
    stage.emit('message', 1)
    stage.disconnect()
    for (const id of [2, 3]) stage.server.append(CHANNEL, 'message', id)
    stage.server.trim(CHANNEL, 2)
    stage.connect()
    stage.emit('message', 4)
    expect((await first).value).toMatchObject({ data: 1 })
    await expect(events.next()).rejects.toMatchObject({ code: 'gap' })
    expect(stage.idle).toBe(true)
  })

  it('fails when too many events wait, rather than leaving some out in silence', async () => {
    const stage = new ChannelStage()
    const events = iterateEvents(stage.store, undefined)
    const first = events.next()
    for (let id = 1; id <= 10_001; id++) stage.emit('message', id)
    const taken: unknown[] = [((await first).value as { data: unknown }).data]
    const consume = async (): Promise<void> => {
      for await (const event of events) {
        taken.push(event.data)
        // There is room again by now, but what was left out is missing for good.
        if (taken.length === 2) stage.emit('message', 10_002)
      }
    }
    await expect(consume()).rejects.toMatchObject({ code: 'queue_full' })
    expect(taken).toEqual(Array.from({ length: taken.length }, (_, index) => index + 1))
    expect(stage.idle).toBe(true)
  })

  it('ends when the channel is finished, and fails when it is denied', async () => {
    const finish = async (code: string): Promise<IteratorResult<unknown>> => {
      const stage = new ChannelStage()
      const next = iterateEvents(stage.store, undefined).next()
      stage.server.broadcast({ t: 'end', ch: CHANNEL, code, msg: 'Over.' })
      return await next
    }
    expect(await finish('ended')).toEqual({ done: true, value: undefined })
    await expect(finish('forbidden')).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('fails at once with a cursor that is none', async () => {
    const stage = new ChannelStage()
    await expect(iterateEvents(stage.store, 'nonsense').next()).rejects.toMatchObject({ code: 'bad_cursor' })
    expect(stage.idle).toBe(true)
  })
})
