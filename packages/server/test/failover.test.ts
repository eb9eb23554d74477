// A store that fails over to a replica which lacks the last events: what was delivered is not there any more.

import { afterEach, describe, expect, it } from 'vitest'
import type { Broker, BrokerListener, ReadRequest, ReadResult } from '../src/broker.ts'
import type { ErasedImplementation } from '../src/implementation.ts'
import { memory } from '../src/memory-broker.ts'
import { HubStage } from './hub-stage.ts'

const LOBBY = 'lobby?room=1'
const CHAT = 'chat?roomId=1'

let stage: HubStage
afterEach(() => stage.close())

/** A broker whose log ends at an offset from the moment on that its tail is lost. */
function createFailingStore() {
  const broker = memory()
  const listeners: BrokerListener[] = []
  let end = Number.POSITIVE_INFINITY
  let endFromTail: number | undefined
  const read = async (channel: string, request: ReadRequest): Promise<ReadResult> => {
    if (request.tail !== undefined) end = endFromTail ?? end
    const all = await broker.read(channel, { tail: 1000, limit: 1000, bytes: 1e6 })
    if (all.status !== 'page' || all.head.offset <= end) return await broker.read(channel, request)
    const head = all.entries.find(({ cursor }) => cursor.offset === end)?.cursor ?? all.from
    if (request.after === undefined) return { status: 'page', entries: [], from: head, head }
    if (request.after.offset > end) return { status: 'gap', reason: 'lost_tail', next: undefined, head }
    return { status: 'page', entries: [], from: request.after, head }
  }
  const store = new Proxy(broker, {
    get(target, name) {
      if (name === 'read') return read
      if (name === 'subscribe')
        return (channel: string, listener: BrokerListener) => {
          listeners.push(listener)
          return target.subscribe(channel, listener)
        }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  }) satisfies Broker
  return {
    store,
    /** Loses the tail when one is asked for next; the node hears of it later. */
    loseAtTail(to: number): void {
      endFromTail = to
    },
    failOver(to: number): void {
      end = to
      for (const listener of listeners) listener.onInterrupted()
    },
  }
}

describe('a reader whose last events the store has lost', () => {
  it('is told so, though it stands beyond the head and nothing new has come', async () => {
    const { store, failOver } = createFailingStore()
    stage = new HubStage({ broker: store })
    const ann = await stage.connect('ann')
    ann.send({ t: 'join', ch: LOBBY, j: 1 })
    await ann.take('joined')
    for (const text of ['one', 'two', 'three']) await stage.emit(LOBBY, 'message', { text })
    const [, second, third] = await ann.take('ev', 3)
    failOver(2)
    expect(await ann.take('gap')).toMatchObject([{ from: third?.at, to: null, reason: 'lost_tail' }])
    expect((await ann.take('joined', 2))[1]).toMatchObject({ at: second?.at, how: 'fresh' })
  })

  it('is told so, though what was lost lies ahead of a newcomer that is replayed from further back', async () => {
    const { store, loseAtTail, failOver } = createFailingStore()
    stage = new HubStage({ broker: store })
    for (const text of ['one', 'two', 'three']) await stage.emit(LOBBY, 'message', { text })
    const ann = await stage.connect('ann')
    const { head } = await store.read(LOBBY, { limit: 0, bytes: 0 })
    const after = `${head.epoch}:${head.offset}:${head.tag}`
    loseAtTail(1)
    ann.send({ t: 'join', ch: LOBBY, j: 1, after, tail: 3, fresh: true })
    expect(await ann.take('joined')).toMatchObject([{ how: 'resumed' }])
    failOver(1)
    expect(await ann.take('gap')).toMatchObject([{ from: after, to: null, reason: 'lost_tail' }])
    expect((await ann.take('joined', 2))[1]).toMatchObject({ head: 1, how: 'fresh' })
  })

  it('is told how far the log goes, where it loses what was announced before that was read', async () => {
    const { store, failOver } = createFailingStore()
    const snapshot: ErasedImplementation['snapshot'] = async ({ at }) => {
      const { head } = await store.read(CHAT, { limit: 0, bytes: 0 })
      failOver(0)
      return at(`${head.epoch}:0:0`, { messages: [] })
    }
    stage = new HubStage({ broker: store, implementations: { chat: { snapshot } } })
    for (const id of ['1', '2', '3']) await stage.emit(CHAT, 'message', { id, text: id })
    const ann = await stage.connect('ann')
    ann.send({ t: 'join', ch: CHAT, j: 1, snap: true })
    expect(await ann.take('joined', 2)).toMatchObject([
      { j: 1, head: 3, how: 'fresh' },
      { j: 1, head: 0, how: 'resumed' },
    ])
    expect(ann.linesOf('gap')).toEqual([])
  })

  it('is left alone where it stands on what is still there', async () => {
    const { store, failOver } = createFailingStore()
    stage = new HubStage({ broker: store })
    const ann = await stage.connect('ann')
    ann.send({ t: 'join', ch: LOBBY, j: 1 })
    const [joined] = await ann.take('joined')
    await stage.emit(LOBBY, 'message', { text: 'one' })
    await ann.take('ev')
    failOver(1)
    ann.send({ t: 'ping', n: 1 })
    await ann.take('pong')
    await stage.emit(LOBBY, 'message', { text: 'two' })
    await ann.take('ev', 2)
    expect(ann.linesOf('gap')).toEqual([])
    expect(ann.linesOf('joined')).toEqual([joined])
  })
})
