/** Commands and publishes on their way through hooks, handlers and the broker. */
import { formatCursor, TriwireError } from '@triwire/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ErasedCommandContext } from '../src/implementation.ts'
import { memory } from '../src/memory-broker.ts'
import { type FakeSocket, HubStage, hello, newSession, settle, until } from './hub-stage.ts'

const LOBBY = 'lobby?room=1'
const CHAT = 'chat?roomId=1'

let stages: HubStage[] = []

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }))
afterEach(async () => {
  for (const stage of stages) await stage.close()
  stages = []
  vi.useRealTimers()
})

function start(...args: ConstructorParameters<typeof HubStage>): HubStage {
  const stage = new HubStage(...args)
  stages.push(stage)
  return stage
}

type Handler = (input: { text: string }, context: ErasedCommandContext) => unknown

function withHandler(send: Handler, options: ConstructorParameters<typeof HubStage>[0] = {}): HubStage {
  const commands = { send: send as (input: unknown, context: ErasedCommandContext) => unknown }
  return start({ ...options, implementations: { chat: { commands, snapshot: () => ({ messages: [] }) } } })
}

const call = (id: string, text: unknown = 'x', c = 'send') => ({ t: 'cmd', ch: CHAT, id, c, d: { text } })

async function answer(socket: FakeSocket, id: string): Promise<Record<string, unknown>> {
  const find = () => socket.lines.find((line) => line.id === id)
  await until(() => find() !== undefined)
  return find() ?? {}
}

async function eventsOf(stage: HubStage, ch: string): Promise<{ data: unknown; cause: string | undefined }[]> {
  const result = await stage.broker.read(ch, { tail: 1000, limit: 1000, bytes: 1e6 })
  if (result.status !== 'page') throw new Error(result.status)
  return result.entries.map(({ data, cause }) => ({ data: JSON.parse(data), cause }))
}

describe('a command', () => {
  it('runs with its input, user and parameters, and answers with the reply the schema lets through', async () => {
    const seen: unknown[] = []
    const stage = withHandler((input, { user, params, id }) => {
      seen.push([input, user, { ...params }, id])
      return { id: 'm1', secret: 'not in the schema' }
    })
    const socket = await stage.connect('ann')
    const member = String(socket.lines[0]?.m)
    socket.send({ t: 'cmd', ch: CHAT, id: 'a', c: 'send', d: { text: 'hi', extra: 1 } })
    expect(await answer(socket, 'a')).toEqual({ t: 'res', id: 'a', d: { id: 'm1' } })
    expect(seen).toEqual([[{ text: 'hi' }, { id: 'ann' }, { roomId: '1' }, `${member}.a`]])
  })

  it('runs once though it is asked for many times at once, and each gets the reply', async () => {
    const handler = vi.fn(async () => ({ id: 'm1' }))
    const stage = withHandler(handler)
    const session = newSession()
    const sockets = await Promise.all([1, 2, 3].map(() => stage.connect('ann', { session })))
    for (const socket of sockets) socket.send(call('a'), call('a'))
    for (const socket of sockets) {
      await until(() => socket.linesOf('res').length === 2)
      expect(socket.linesOf('res').every(({ d }) => (d as { id: string }).id === 'm1')).toBe(true)
    }
    expect(handler).toHaveBeenCalledTimes(1)
  })

  it('is replayed to whoever asks again later, also on another node, for as long as it is remembered', async () => {
    const broker = memory()
    const handler = vi.fn(async () => ({ id: 'm1' }))
    const session = newSession()
    for (const stage of [withHandler(handler, { broker }), withHandler(handler, { broker })]) {
      const socket = await stage.connect('ann', { session })
      socket.send(call('a'))
      expect(await answer(socket, 'a')).toMatchObject({ d: { id: 'm1' } })
    }
    expect(handler).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(301_000)
    const socket = await stages[0]?.connect('ann', { session })
    socket?.send(call('a'))
    await until(() => handler.mock.calls.length === 2)
  })

  it('says in its reply where its last event stands, also when it is repeated, and nothing where it emitted none', async () => {
    const broker = memory()
    const handler: Handler = async ({ text }, { emit }) => {
      if (text === 'quiet') return { id: 'm1' }
      await Promise.all([emit('message', { id: '1', text }), emit('message', { id: '2', text })])
      return { id: 'm2' }
    }
    const session = newSession()
    const first = await withHandler(handler, { broker }).connect('ann', { session })
    first.send(call('a', 'quiet'), call('b', 'loud'))
    expect(await answer(first, 'a')).not.toHaveProperty('at')
    const { at } = await answer(first, 'b')
    const page = await broker.read(CHAT, { limit: 0, bytes: 0 })
    if (page.status !== 'page') throw new Error(page.status)
    expect([page.head.offset, at]).toEqual([2, formatCursor(page.head)])
    const second = await withHandler(handler, { broker }).connect('ann', { session })
    second.send(call('b', 'loud'))
    expect(await answer(second, 'b')).toMatchObject({ at })
  })

  it('says where the log ends when it ran again and the place of its events is forgotten', async () => {
    const broker = memory()
    const append = broker.append.bind(broker)
    vi.spyOn(broker, 'append').mockImplementation(async (channel, what) => {
      await append(channel, what)
      return { status: 'duplicate', cursor: undefined }
    })
    const stage = withHandler(
      async ({ text }, { emit }) => {
        await emit('message', { id: '1', text })
        return { id: 'm1' }
      },
      { broker },
    )
    const socket = await stage.connect('ann')
    socket.send(call('a'))
    expect(await answer(socket, 'a')).toMatchObject({ at: expect.stringMatching(/:1:/) })
  })

  it('that runs on another node is waited for', async () => {
    const broker = memory()
    let finish = (_: unknown): void => {}
    const here = withHandler(
      () =>
        new Promise((resolve) => {
          finish = resolve
        }),
      { broker },
    )
    const there = withHandler(() => expect.fail('ran twice'), { broker })
    const session = newSession()
    const first = await here.connect('ann', { session })
    first.send(call('a'))
    await settle()
    const second = await there.connect('ann', { session })
    second.send(call('a'))
    await settle()
    await vi.advanceTimersByTimeAsync(14_000)
    finish({ id: 'm1' })
    expect(await answer(second, 'a')).toMatchObject({ t: 'res', d: { id: 'm1' } })
  })

  it('that is slow holds up no publish: by socket, by requests side by side, and in one request', async () => {
    let finish = (_: unknown): void => {}
    const stage = withHandler(
      () =>
        new Promise((resolve) => {
          finish = resolve
        }),
    )
    const publish = (n: number) => ({ t: 'pub', ch: LOBBY, n, e: 'message', d: { text: `${n}` } })
    const socket = await stage.connect('ann')
    socket.send(call('a'), publish(1))
    await socket.take('ack')
    expect(socket.linesOf('res')).toEqual([])
    const session = newSession()
    const slow = stage.request('/send', [hello('bob', session), call('b')])
    const fast = await stage.request('/send', [hello('bob', session), publish(1)]).ended()
    expect(fast.sink.lines.map(({ t }) => t)).toEqual(['welcome', 'ack'])
    expect(slow.sink.closed).toBeUndefined()
    const both = stage.request('/send', [hello('cleo'), call('c'), publish(1)])
    await until(() => both.status !== undefined)
    await settle()
    expect(await eventsOf(stage, LOBBY)).toHaveLength(3)
    expect(both.sink.closed).toBeUndefined()
    finish({ id: 'm1' })
  })

  it('that runs for longer than anybody waits is to be asked for again, and then has its reply', async () => {
    let finish = (_: unknown): void => {}
    const handler = vi.fn(
      () =>
        new Promise((resolve) => {
          finish = resolve
        }),
    )
    const stage = withHandler(handler)
    const session = newSession()
    const request = stage.request('/send', [hello('ann', session), call('a')])
    await until(() => handler.mock.calls.length === 1)
    const socket = await stage.connect('ann', { session })
    await vi.advanceTimersByTimeAsync(10_000)
    socket.send(call('a'), { t: 'ping', n: 1 })
    await socket.take('pong')
    await settle()
    await vi.advanceTimersByTimeAsync(10_100)
    const { sink } = await request.ended()
    expect(sink.lines.at(-1)).toMatchObject({ id: 'a', code: 'pending', retry: expect.any(Number) })
    expect(socket.linesOf('err')).toEqual([])
    finish({ id: 'm1' })
    expect(await answer(socket, 'a')).toMatchObject({ t: 'res', d: { id: 'm1' } })
    expect(handler).toHaveBeenCalledTimes(1)
  })

  it('whose node dies under a repetition is taken over, and still answered before the request looks lost', async () => {
    const broker = memory()
    const endless = vi.fn(() => new Promise(() => {}))
    const dying = withHandler(endless, { broker })
    const session = newSession()
    const first = await dying.connect('ann', { session })
    first.send(call('a'))
    await until(() => endless.mock.calls.length === 1)
    dying.die()
    let finish = (_: unknown): void => {}
    const handler = vi.fn(
      () =>
        new Promise((resolve) => {
          finish = resolve
        }),
    )
    const heir = withHandler(handler, { broker })
    const waiting = vi.spyOn(broker, 'settled')
    const request = heir.request('/send', [hello('ann', session), call('a')])
    await until(() => waiting.mock.calls.length === 1)
    await vi.advanceTimersByTimeAsync(15_100)
    await until(() => handler.mock.calls.length === 1)
    await vi.advanceTimersByTimeAsync(5000)
    expect((await request.ended()).sink.lines.at(-1)).toMatchObject({ id: 'a', code: 'pending' })
    finish({ id: 'm1' })
    const again = await heir.request('/send', [hello('ann', session), call('a')]).ended()
    expect(again.sink.lines.at(-1)).toMatchObject({ t: 'res', d: { id: 'm1' } })
  })

  it('counts towards what a session may have at once until its handler is done, asked for or not', async () => {
    const endless = vi.fn(() => new Promise(() => {}))
    const stage = withHandler(endless, { limits: { commandsAtOnce: 1 } })
    const socket = await stage.connect('ann')
    socket.send(call('a'))
    await until(() => endless.mock.calls.length === 1)
    await vi.advanceTimersByTimeAsync(20_100)
    expect(await answer(socket, 'a')).toMatchObject({ code: 'pending' })
    socket.send(call('b'))
    expect(await answer(socket, 'b')).toMatchObject({ code: 'rate_limited' })
  })

  it('is taken over where its node died half-way, under the same id; what it had emitted is not repeated', async () => {
    const broker = memory()
    const ids: string[] = []
    const dying = withHandler(
      async (_, { emit, id }) => {
        ids.push(id)
        await emit('message', { id: '1', text: 'first' })
        await new Promise(() => {})
      },
      { broker },
    )
    const session = newSession()
    const first = await dying.connect('ann', { session })
    first.send(call('a'))
    await until(() => ids.length === 1)
    await settle()
    dying.die()
    await vi.advanceTimersByTimeAsync(15_100)
    const heir = withHandler(
      async (_, { emit, id }) => {
        ids.push(id)
        await emit('message', { id: '1', text: 'first' })
        await emit('message', { id: '2', text: 'second' })
        return { id: 'm1' }
      },
      { broker },
    )
    const second = await heir.connect('ann', { session })
    second.send(call('a'))
    await answer(second, 'a')
    expect(ids[0]).toBe(ids[1])
    expect(await eventsOf(heir, CHAT)).toEqual([
      { data: { id: '1', text: 'first' }, cause: ids[0] },
      { data: { id: '2', text: 'second' }, cause: ids[0] },
    ])
  })

  it('is taken over by whoever waits for it, as soon as the node that ran it is known to be gone', async () => {
    const broker = memory()
    const dying = withHandler(() => new Promise(() => {}), { broker })
    const heir = withHandler(() => ({ id: 'm2' }), { broker })
    const session = newSession()
    const first = await dying.connect('ann', { session })
    first.send(call('a'))
    await settle()
    const second = await heir.connect('ann', { session })
    second.send(call('a'))
    await settle()
    dying.die()
    await vi.advanceTimersByTimeAsync(15_100)
    expect(await answer(second, 'a')).toMatchObject({ t: 'res', d: { id: 'm2' } })
  })

  it('whose node was paused meanwhile is answered as its heir answered, and emits no more', async () => {
    const broker = memory()
    vi.spyOn(broker, 'renew').mockResolvedValue(false)
    let wake = (): void => {}
    const paused = withHandler(
      async (_, { emit }) => {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        await emit('message', { id: '1', text: 'too late' }).catch(() => {})
        return { id: 'of the paused one' }
      },
      { broker },
    )
    const heir = withHandler(() => ({ id: 'of the heir' }), { broker })
    const session = newSession()
    const first = await paused.connect('ann', { session })
    first.send(call('a'))
    await settle()
    await vi.advanceTimersByTimeAsync(15_100)
    const second = await heir.connect('ann', { session })
    second.send(call('a'))
    expect(await answer(second, 'a')).toMatchObject({ d: { id: 'of the heir' } })
    wake()
    expect(await answer(first, 'a')).toMatchObject({ t: 'err', code: 'pending', retry: expect.any(Number) })
    first.send(call('a'))
    await first.take('res')
    expect(first.linesOf('res')[0]).toMatchObject({ d: { id: 'of the heir' } })
    expect(await eventsOf(heir, CHAT)).toEqual([])
  })

  it('goes on though its client has gone', async () => {
    let finish = (_: unknown): void => {}
    const stage = withHandler(
      () =>
        new Promise((resolve) => {
          finish = resolve
        }),
    )
    const session = newSession()
    const first = await stage.connect('ann', { session })
    first.send(call('a'))
    await settle()
    first.leave()
    finish({ id: 'm1' })
    await settle()
    const second = await stage.connect('ann', { session })
    second.send(call('a'))
    expect(await answer(second, 'a')).toMatchObject({ d: { id: 'm1' } })
  })

  it('whose handler throws is answered with a code and no detail; the detail is in the log', async () => {
    const stage = withHandler(() => {
      throw new Error('duplicate key in table users at db.internal:5432')
    })
    const socket = await stage.connect()
    socket.send(call('a'))
    expect(await answer(socket, 'a')).toMatchObject({ t: 'err', code: 'handler_failed', of: 'cmd' })
    expect(JSON.stringify(socket.lines)).not.toMatch(/users|db\.internal/)
    expect(stage.log.entries).toEqual([expect.objectContaining({ level: 'error' })])
  })

  it('whose handler cannot answer at the moment is run again when the claim has lapsed', async () => {
    let calls = 0
    const stage = withHandler(() => {
      if (++calls === 1) throw new TriwireError('unavailable', 'The database is restarting.', { retryMs: 100 })
      return { id: 'm1' }
    })
    const session = newSession()
    const socket = await stage.connect('ann', { session })
    socket.send(call('a'))
    expect(await answer(socket, 'a')).toMatchObject({ t: 'err', code: 'unavailable', retry: 100 })
    await vi.advanceTimersByTimeAsync(15_100)
    const again = await stage.connect('ann', { session })
    again.send(call('a'))
    expect(await answer(again, 'a')).toMatchObject({ t: 'res', d: { id: 'm1' } })
    expect(calls).toBe(2)
  })

  it('is answered with the code and the sentence a handler means for the client, to be told once', async () => {
    const stage = withHandler(() => {
      throw new TriwireError('room_full', 'This room is full.')
    })
    const socket = await stage.connect()
    socket.send(call('a'))
    const error = await answer(socket, 'a')
    expect(error).toMatchObject({ code: 'room_full', msg: 'This room is full.' })
    expect(error).not.toHaveProperty('retry')
  })

  it.each([
    ['does not fit its schema', () => ({ id: 7 })],
    ['is missing', () => undefined],
  ])('whose reply %s is a failure of the handler', async (_what, handler) => {
    const stage = withHandler(handler)
    const socket = await stage.connect()
    socket.send(call('a'))
    expect(await answer(socket, 'a')).toMatchObject({ code: 'handler_failed' })
    expect(stage.log.entries).toHaveLength(1)
  })

  it('whose handler emits what does not fit is a failure of the handler, not of the client', async () => {
    const stage = withHandler(async (_, { emit }) => {
      await emit('message', { id: 7 })
      return { id: 'm1' }
    })
    const socket = await stage.connect()
    socket.send(call('a'))
    expect(await answer(socket, 'a')).toMatchObject({ code: 'handler_failed' })
    expect(stage.log.entries.length).toBeGreaterThan(0)
  })

  it('whose handler does not come to an end is answered, and its slot comes free', async () => {
    const stage = withHandler((input) => (input.text === 'hang' ? new Promise(() => {}) : { id: 'm1' }), {
      limits: { handlerMs: 5000, commandsAtOnce: 1 },
    })
    const socket = await stage.connect()
    socket.send(call('a', 'hang'))
    await settle()
    socket.send(call('b'))
    expect(await answer(socket, 'b')).toMatchObject({ code: 'rate_limited', retry: expect.any(Number) })
    await vi.advanceTimersByTimeAsync(5100)
    expect(await answer(socket, 'a')).toMatchObject({ code: 'handler_failed' })
    socket.send(call('c'))
    expect(await answer(socket, 'c')).toMatchObject({ t: 'res' })
  })

  it.each([
    ['there is not', { t: 'cmd', ch: CHAT, id: 'a', c: 'nothing', d: null }, 'unknown_command'],
    ['is a name of Object', { t: 'cmd', ch: CHAT, id: 'a', c: 'constructor', d: null }, 'unknown_command'],
    ['has an input that does not fit', { t: 'cmd', ch: CHAT, id: 'a', c: 'send', d: { text: 7 } }, 'bad_payload'],
    ['is for a channel there is not', { t: 'cmd', ch: 'nowhere', id: 'a', c: 'send', d: {} }, 'unknown_channel'],
  ])('that %s is refused', async (_what, line, code) => {
    const handler = vi.fn(() => ({ id: 'm1' }))
    const stage = withHandler(handler)
    const socket = await stage.connect()
    socket.send(line)
    expect(await answer(socket, 'a')).toMatchObject({ t: 'err', code })
    expect(handler).not.toHaveBeenCalled()
  })

  it('is asked about by name, and refused where the answer is no', async () => {
    const authorize = vi.fn((_: unknown) => false)
    const stage = start({
      implementations: {
        chat: { authorize, commands: { send: () => ({ id: 'm1' }) }, snapshot: () => ({ messages: [] }) },
      },
    })
    const socket = await stage.connect()
    socket.send(call('a'))
    expect(await answer(socket, 'a')).toMatchObject({ code: 'forbidden' })
    expect(authorize).toHaveBeenCalledWith(expect.objectContaining({ action: 'command', name: 'send' }))
  })

  it('that could not be decided about is run when it is asked for again', async () => {
    let works = false
    const authorize = () => {
      if (!works) throw new Error('db')
      return true
    }
    const stage = start({
      implementations: {
        chat: { authorize, commands: { send: () => ({ id: 'm1' }) }, snapshot: () => ({ messages: [] }) },
      },
    })
    const session = newSession()
    const first = await stage.connect('ann', { session })
    first.send(call('a'))
    expect(await answer(first, 'a')).toMatchObject({ code: 'unavailable', retry: expect.any(Number) })
    works = true
    const second = await stage.connect('ann', { session })
    second.send(call('a'))
    expect(await answer(second, 'a')).toMatchObject({ t: 'res', d: { id: 'm1' } })
  })

  it('of another user with the same session and id is another one', async () => {
    const handler = vi.fn((_: unknown, { user }: ErasedCommandContext) => ({ id: (user as { id: string }).id }))
    const stage = withHandler(handler as unknown as Handler)
    const session = newSession()
    const replies: unknown[] = []
    for (const user of ['ann', 'mallory']) {
      const socket = await stage.connect(user, { session })
      socket.send(call('a'))
      replies.push((await answer(socket, 'a')).d)
    }
    expect(replies).toEqual([{ id: 'ann' }, { id: 'mallory' }])
  })
})

describe('a publish', () => {
  const publish = (n: number, text: unknown = `${n}`, more: object = {}) => ({
    t: 'pub',
    ch: LOBBY,
    n,
    e: 'message',
    d: { text },
    ...more,
  })

  it('is in the log once acknowledged, with its member and number as the cause', async () => {
    const stage = start()
    const socket = await stage.connect()
    socket.send(publish(1))
    const [ack] = await socket.take('ack')
    expect(ack).toMatchObject({ ch: LOBBY, n: 1, at: expect.stringMatching(/:1:/) })
    expect(await eventsOf(stage, LOBBY)).toEqual([{ data: { text: '1' }, cause: `${socket.lines[0]?.m}#1` }])
  })

  it('keeps its order behind a slow onPublish, while other channels go on', async () => {
    const releases: (() => void)[] = []
    const stage = start({
      implementations: {
        lobby: {
          onPublish: ({ params }) =>
            params.room === '1' ? new Promise<void>((resolve) => releases.push(resolve)) : undefined,
        },
      },
    })
    const socket = await stage.connect()
    socket.send(publish(1), publish(2), publish(3), { ...publish(1), ch: 'lobby?room=2' })
    await socket.take('ack')
    expect(socket.linesOf('ack').map(({ ch }) => ch)).toEqual(['lobby?room=2'])
    for (let n = 1; n <= 3; n++) {
      await until(() => releases.length === n)
      await settle()
      expect(releases).toHaveLength(n)
      releases[n - 1]?.()
    }
    await socket.take('ack', 4)
    expect((await eventsOf(stage, LOBBY)).map(({ data }) => data)).toEqual([
      { text: '1' },
      { text: '2' },
      { text: '3' },
    ])
  })

  it('is logged as onPublish returns it', async () => {
    const stage = start({
      implementations: { lobby: { onPublish: ({ user }) => ({ text: `by ${(user as { id: string }).id}` }) } },
    })
    const socket = await stage.connect('ann')
    socket.send(publish(1))
    await socket.take('ack')
    expect((await eventsOf(stage, LOBBY)).map(({ data }) => data)).toEqual([{ text: 'by ann' }])
  })

  it('that was refused stays refused, on every node, and its number is used up', async () => {
    const broker = memory()
    const onPublish = vi.fn(() => {
      throw new TriwireError('profanity', 'Mind your language.')
    })
    const session = newSession()
    const here = start({ broker, implementations: { lobby: { onPublish } } })
    const first = await here.connect('ann', { session })
    first.send(publish(1))
    expect((await first.take('err'))[0]).toMatchObject({
      code: 'profanity',
      msg: 'Mind your language.',
      of: 'pub',
      n: 1,
    })
    expect(first.linesOf('err')[0]).not.toHaveProperty('retry')
    const there = start({ broker })
    const second = await there.connect('ann', { session })
    second.send(publish(1), publish(2))
    await second.take('ack')
    expect(second.linesOf('err')[0]).toMatchObject({ code: 'profanity', n: 1 })
    expect(second.linesOf('ack')[0]).toMatchObject({ n: 2 })
    expect((await eventsOf(there, LOBBY)).map(({ data }) => data)).toEqual([{ text: '2' }])
  })

  it('that met trouble of the server is not used up: the same one may yet succeed', async () => {
    let works = false
    const stage = start({
      implementations: {
        lobby: {
          authorize: () => {
            if (!works) throw new Error('db')
            return true
          },
        },
      },
    })
    const socket = await stage.connect()
    socket.send(publish(1))
    expect((await socket.take('err'))[0]).toMatchObject({ code: 'unavailable', retry: expect.any(Number) })
    works = true
    socket.send(publish(1))
    expect((await socket.take('ack'))[0]).toMatchObject({ n: 1 })
  })

  it.each(['onPublish', 'authorize'] as const)(
    'whose %s does not come to an end frees the lane behind it',
    async (hook) => {
      let hangs = true
      const stage = start({
        limits: { handlerMs: 5000 },
        implementations: {
          lobby: {
            [hook]: () => {
              if (hangs) return new Promise(() => {})
              return hook === 'authorize' ? true : undefined
            },
          },
        },
      })
      const socket = await stage.connect()
      socket.send(publish(1))
      await settle()
      hangs = false
      await vi.advanceTimersByTimeAsync(5100)
      await socket.take('err')
      socket.send(hook === 'authorize' ? publish(1) : publish(2))
      await socket.take('ack')
    },
  )

  it('that has to come again has those behind it told so, and nobody asked about them', async () => {
    let works = false
    const authorize = vi.fn(() => {
      if (!works) throw new Error('db')
      return true
    })
    const stage = start({ implementations: { lobby: { authorize } } })
    const socket = await stage.connect()
    const all = Array.from({ length: 20 }, (_, index) => publish(index + 1, `${index + 1}`, { lo: 1 }))
    socket.send(...all)
    const [first, ...behind] = await socket.take('err', 20)
    expect(first).toMatchObject({ code: 'unavailable', n: 1 })
    for (const one of behind) expect(one).toMatchObject({ code: 'sequence_gap', want: 1, retry: 0 })
    expect(authorize).toHaveBeenCalledTimes(1)
    works = true
    // One that counts the missing one as settled is asked about.
    socket.send(publish(21, '21', { lo: 21 }))
    await socket.take('ack')
    socket.send(...all.slice(0, 3))
    await settle()
    expect((await eventsOf(stage, LOBBY)).map(({ data }) => data)).toEqual([{ text: '21' }])
  })

  it('that leaves a number out is told where to begin again', async () => {
    const socket = await start().connect()
    socket.send(publish(1))
    await socket.take('ack')
    socket.send(publish(5, '5', { lo: 2 }))
    expect((await socket.take('err'))[0]).toMatchObject({ code: 'sequence_gap', n: 5, want: 2, retry: 0 })
  })

  it.each([
    ['an event there is not', { e: 'nothing' }, 'unknown_event'],
    ['a name of Object', { e: 'constructor' }, 'unknown_event'],
    ['an event that only the server emits', { e: 'cleared', d: null }, 'forbidden'],
    ['a payload that does not fit', { d: { text: 7 } }, 'bad_payload'],
    ['a channel there is not', { ch: 'nowhere' }, 'unknown_channel'],
  ])('of %s is refused', async (_what, change, code) => {
    const stage = start()
    const socket = await stage.connect()
    socket.send({ ...publish(1), ...change })
    expect((await socket.take('err'))[0]).toMatchObject({ code, of: 'pub', n: 1 })
    expect(await eventsOf(stage, LOBBY)).toEqual([])
  })

  it('of a stolen session id reaches nothing of its owner', async () => {
    const stage = start()
    const session = newSession()
    const ann = await stage.connect('ann', { session })
    ann.send(publish(1), publish(2))
    await ann.take('ack', 2)
    const mallory = await stage.connect('mallory', { session })
    mallory.send(publish(1, 'mallory'))
    await mallory.take('ack')
    ann.send(publish(3))
    await ann.take('ack', 3)
    expect(mallory.lines[0]?.m).not.toBe(ann.lines[0]?.m)
    expect((await eventsOf(stage, LOBBY)).map(({ data }) => (data as { text: string }).text)).toEqual([
      '1',
      '2',
      'mallory',
      '3',
    ])
  })
})

describe('what server code emits', () => {
  it.each([
    ['nothing', {}, 'unknown_event'],
    ['__proto__', {}, 'unknown_event'],
    ['message', { text: 7 }, 'bad_payload'],
    ['message', undefined, 'bad_payload'],
  ])('is refused where it does not fit the contract: %s %j', async (event, data, code) => {
    const stage = start()
    await expect(stage.emit(LOBBY, event, data)).rejects.toMatchObject({ code })
    expect(await eventsOf(stage, LOBBY)).toEqual([])
  })

  it('is logged as the schema lets it through', async () => {
    const stage = start()
    await stage.emit(LOBBY, 'message', { text: 'x', secret: 1 })
    expect(await eventsOf(stage, LOBBY)).toEqual([{ data: { text: 'x' }, cause: undefined }])
  })
})
