/** Views: one shared state, and commands that show before they are confirmed, one situation at a time. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Client, createClient, type ViewDefinition, view } from '../src/index.ts'
import type { Api } from './api.ts'
import { RoomServer } from './room-server.ts'

type Chat = Api['channels']['chat']

let stop: () => void = () => {}

beforeEach(() => void vi.useFakeTimers())
afterEach(async () => {
  stop()
  await vi.advanceTimersByTimeAsync(8000)
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const frame = (ms = 16): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

async function open(more: Partial<ViewDefinition<Chat, readonly string[]>> = {}, warm = true) {
  const server = new RoomServer()
  const client: Client<Api> = createClient({
    url: 'https://x.test/rt',
    webSocket: server.webSocket,
    wires: ['websocket'],
    backoff: { baseMs: 1, capMs: 20 },
  })
  const room = view(client.channels.chat, {
    initial: ({ messages }): readonly string[] => messages.map(({ id }) => id),
    reduce: { message: (list, { id }) => [...list, id] },
    optimistic: { send: (list, { text }, id) => [...list, ...text.split(',').map((_, n) => `${id}:${n}`)] },
    ...more,
  })
  const chat = room({ roomId: 1 })
  const observer = chat.observe()
  const shown: (readonly string[] | undefined)[] = []
  const off = observer.subscribe(() => shown.push(observer.getSnapshot().data))
  stop = () => {
    off()
    client.close()
  }
  await frame()
  if (warm) server.deliverAll()
  await frame()
  const send = (events: number, fails = false) => {
    const text = Array.from({ length: events }, (_, n) => n).join()
    const sent = chat.commands.send({ text, events, fails } as { text: string })
    // What is still under way when a test ends rejects with `closed`.
    sent.catch(() => {})
    return sent
  }
  return { server, client, room, chat, observer, shown, send, data: () => observer.getSnapshot().data }
}

describe('a view', () => {
  it('is one state and one subscription for all who observe it, and the same handle each time', async () => {
    const { server, room, chat, observer } = await open()
    const reduced = vi.fn()
    expect(room({ roomId: '1' })).toBe(chat)
    expect(room({ roomId: 2 })).not.toBe(chat)
    const others = Array.from({ length: 50 }, () => room({ roomId: 1 }).observe())
    for (const other of others) other.subscribe(reduced)
    server.emit('a')
    server.deliverAll()
    await frame()
    expect(new Set(others.map((other) => other.getSnapshot()))).toEqual(new Set([observer.getSnapshot()]))
    expect([server.joins, reduced.mock.calls.length, observer.getSnapshot().data]).toEqual([1, 50, ['a']])
  })

  it('calls the handlers of each who observes it, the newest ones, while it does', async () => {
    const { server, room } = await open()
    const heard: string[] = []
    const observer = room({ roomId: 1 }).observe({ on: { message: ({ id }) => heard.push(`old ${id}`) } })
    const off = observer.subscribe(() => {})
    observer.setOptions({ on: { message: ({ id }) => heard.push(`new ${id}`) } })
    server.emit('a')
    server.deliverAll()
    off()
    server.emit('b')
    server.deliverAll()
    expect(heard).toEqual(['new a'])
  })

  it('refuses what is no channel of a client, with what to do', () => {
    const nothing = view(() => ({}) as never, { initial: 0 })
    expect(() => nothing()).toThrow(expect.objectContaining({ code: 'bad_channel' }) as Error)
  })
})

describe('an optimistic command', () => {
  it('shows in the next frame, and its echo takes the place of the guess in one step', async () => {
    const { server, observer, shown, send } = await open()
    const sent = send(1)
    expect(observer.getSnapshot().underWay).toEqual([])
    await frame()
    expect(observer.getSnapshot()).toMatchObject({ data: ['me.1:0'], underWay: [{ id: 'me.1', command: 'send' }] })
    server.settle()
    await frame()
    expect(await sent).toMatchObject({ id: 'me.1' })
    expect(shown).toEqual([[], ['me.1:0'], ['me.1:0']])
    expect(observer.getSnapshot()).toMatchObject({ data: ['me.1:0'], underWay: [], pending: 0 })
  })

  it('names what it adds as its handler does, so that it can be recognised', async () => {
    const { server, send, data } = await open()
    void send(1)
    await frame()
    const guessed = data()
    server.settle()
    await frame()
    expect([guessed, data()]).toEqual([server.items, server.items])
  })

  it('stays behind what others have said, in the order of calling', async () => {
    const { server, send, data } = await open()
    void send(1)
    void send(1)
    await frame()
    server.emit('other')
    server.deliverAll()
    await frame()
    expect(data()).toEqual(['other', 'me.1:0', 'me.2:0'])
  })

  it('that is refused is taken back, with its error in reach, to be tried again or dismissed', async () => {
    const { server, observer, send, data } = await open()
    const sent = send(1, true)
    await frame()
    expect(data()).toEqual(['me.1:0'])
    const rejected = expect(sent).rejects.toMatchObject({ code: 'refused' })
    server.settle()
    await frame()
    await rejected
    const [failed] = observer.getSnapshot().failed
    expect([data(), failed]).toMatchObject([[], { id: 'me.1', command: 'send', error: { code: 'refused' } }])
    const again = expect(failed?.retry()).rejects.toMatchObject({ code: 'refused' })
    await frame()
    expect(observer.getSnapshot()).toMatchObject({ data: ['me.2:0'], failed: [] })
    server.settle()
    await frame()
    await again
    observer.getSnapshot().failed[0]?.dismiss()
    await frame()
    expect(observer.getSnapshot()).toMatchObject({ data: [], failed: [] })
  })

  it('keeps only the last ten that failed', async () => {
    const { server, observer, send } = await open()
    const all = Array.from({ length: 12 }, () => send(1, true).catch(() => {}))
    await frame()
    server.settle()
    await Promise.all(all)
    await frame()
    expect(observer.getSnapshot().failed.map(({ id }) => id)).toEqual(
      Array.from({ length: 10 }, (_, n) => `me.${(n + 3).toString(36)}`),
    )
  })

  it.each([
    ['the reply before the echo', ['replies', 'events']],
    ['the echo before the reply', ['events', 'replies']],
  ] as const)('is neither doubled nor gone with %s', async (_, order) => {
    const { server, shown, send } = await open()
    void send(1)
    await frame()
    for (const job of server.jobs) while (!job.reply) server.step(job)
    for (const kind of order) {
      server.deliver(kind)
      await frame()
    }
    expect(shown.slice(1).every((list) => list?.length === 1)).toBe(true)
  })

  it('with several events gives way to all of them together, when the reply says that these were all', async () => {
    const { server, shown, send } = await open()
    void send(3)
    await frame()
    for (let step = 0; step < 4; step++) {
      const [job] = server.jobs
      if (job) server.step(job)
      server.deliverAll()
      await frame()
    }
    expect(new Set(shown.slice(1).map((list) => list?.length))).toEqual(new Set([3]))
    expect(shown.at(-1)).toEqual(server.items)
  })

  it('whose reply keeps its events waiting gives way to them all the same', async () => {
    const { server, observer, send } = await open()
    void send(3)
    await frame()
    const [job] = server.jobs
    if (job) server.step(job)
    server.deliverAll()
    await frame()
    expect(observer.getSnapshot().data).toHaveLength(3)
    await frame(250)
    expect(observer.getSnapshot()).toMatchObject({ data: ['me.1:0'], underWay: [{ id: 'me.1' }] })
    server.settle()
    await frame()
    expect(observer.getSnapshot()).toMatchObject({ data: ['me.1:0', 'me.1:1', 'me.1:2'], underWay: [] })
  })

  it('without an event is taken back by its reply, which does not keep its caller waiting', async () => {
    const { server, data, chat } = await open()
    const sent = chat.commands.send({ text: 'a', events: 0 } as { text: string })
    await frame()
    expect(data()).toEqual(['me.1:0'])
    server.settle()
    await frame()
    expect([await sent, data()]).toMatchObject([{ id: 'me.1' }, []])
  })

  it('whose effect is in a fresh snapshot is not shown twice while its reply is on its way', async () => {
    const { server, shown, send, data } = await open()
    server.emit('other')
    server.deliverAll()
    void send(1)
    await frame()
    const [job] = server.jobs
    if (job) server.step(job)
    server.trim()
    server.cut()
    await frame(40)
    while (server.waiting.events.length > 0) server.deliver('events')
    await frame()
    server.settle()
    await frame()
    expect(data()).toEqual(['other', 'me.1:0'])
    expect(shown.slice(2).every((list) => list?.length === 2)).toBe(true)
  })

  it('survives a lost wire, and what was called without one', async () => {
    const { server, send, data } = await open()
    void send(1)
    server.cut()
    void send(1)
    await frame(60)
    expect(data()).toEqual(['me.1:0', 'me.2:0'])
    server.settle()
    await frame()
    server.settle()
    await frame()
    expect([data(), server.items]).toEqual([server.items, ['me.1:0', 'me.2:0']])
  })

  it('of another tab of the same user is an event like any other', async () => {
    const { server, send, data } = await open()
    void send(1)
    await frame()
    server.emit('another tab')
    server.settle()
    await frame()
    expect(data()).toEqual(server.items)
  })

  it('subscribes to nothing of its own', async () => {
    const { server, send } = await open()
    for (let count = 0; count < 20; count++) void send(1)
    await frame()
    server.settle()
    await frame()
    expect([server.joins, server.items.length]).toEqual([1, 20])
  })

  it('whose guess throws is reported once and shown without it', async () => {
    const report = vi.fn()
    vi.stubGlobal('reportError', report)
    const { server, send, data } = await open({
      optimistic: {
        send: () => {
          throw new Error('a mistake')
        },
      },
    })
    void send(1)
    await frame()
    server.emit('other')
    server.deliverAll()
    await frame()
    expect([data(), report.mock.calls.length]).toEqual([['other'], 1])
    vi.unstubAllGlobals()
  })
})

describe('the promise of a command', () => {
  it('resolves when what it emitted is shown', async () => {
    const { server, send, data } = await open()
    const seen: unknown[] = []
    void send(2).then(() => seen.push(data()))
    await frame()
    for (const job of server.jobs) while (!job.reply) server.step(job)
    server.deliver('replies')
    await frame()
    expect(seen).toEqual([])
    server.deliverAll()
    await frame()
    expect(seen).toEqual([['me.1:0', 'me.1:1']])
  })

  it('waits no longer than five seconds for events that do not come', async () => {
    const { server, send } = await open()
    const done = vi.fn()
    void send(1).then(done)
    await frame()
    for (const job of server.jobs) while (!job.reply) server.step(job)
    server.deliver('replies')
    await frame(4900)
    expect(done).not.toHaveBeenCalled()
    await frame(200)
    expect(done).toHaveBeenCalledOnce()
  })

  it('resolves with the reply where that is asked for, and where nobody observes the view', async () => {
    const quick = await open({ readYourWrites: false })
    const done = vi.fn()
    void quick.send(1).then(done)
    await frame()
    for (const job of quick.server.jobs) while (!job.reply) quick.server.step(job)
    quick.server.deliver('replies')
    await frame(0)
    expect(done).toHaveBeenCalledOnce()
    stop()

    const { server, room } = await open()
    const unseen = room({ roomId: 2 }).commands.send({ text: 'a', events: 1 } as { text: string })
    await frame()
    server.settle()
    await frame(0)
    expect(await unseen).toMatchObject({ id: 'me.1' })
  })

  it('resolves when the view is let go meanwhile, and leaves no timer', async () => {
    const { server, send } = await open()
    const done = vi.fn()
    void send(1).then(done)
    await frame()
    for (const job of server.jobs) while (!job.reply) server.step(job)
    server.deliver('replies')
    await frame()
    stop()
    await frame(1100)
    expect([done.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0])
  })
})
