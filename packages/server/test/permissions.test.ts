/** Permissions that change: a channel whose readers are asked about again, a user who is let go. On every wire and node. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Broker, BrokerListener } from '../src/broker.ts'
import { memory } from '../src/memory-broker.ts'
import { HubStage, hello, type Line, newSession, settle, until } from './hub-stage.ts'

const LOBBY = 'lobby?room=1'
const CHAT = 'chat?roomId=1'

let stages: HubStage[] = []
/** Users who may not read. */
let banned = new Set<string>()
/** Tokens that are not accepted any more. */
let revoked = new Set<string>()

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  banned = new Set()
  revoked = new Set()
})
afterEach(async () => {
  for (const stage of stages) await stage.close()
  stages = []
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

const mayRead = ({ user }: { user: unknown }): boolean => !banned.has((user as { id: string }).id)

function start(options: ConstructorParameters<typeof HubStage>[0] = {}): HubStage {
  const stage = new HubStage({
    auth: ({ token = '' }) => (revoked.has(token) ? null : { id: token.split('-')[0] }),
    implementations: { lobby: { authorize: mayRead }, chat: { authorize: mayRead } },
    ...options,
  })
  stages.push(stage)
  return stage
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  await settle()
}

interface Client {
  readonly lines: () => Line[]
  readonly isClosed: () => boolean
}

/** A client that reads the lobby by a wire. */
const WIRES: Readonly<Record<string, (stage: HubStage, user: string) => Promise<Client>>> = {
  'a socket': async (stage, user) => {
    const socket = await stage.connect(user)
    socket.send({ t: 'join', ch: LOBBY, j: 1 })
    await socket.take('joined')
    return { lines: () => socket.lines, isClosed: () => socket.sink.closed !== undefined }
  },
  'a stream': (stage, user) => request(stage, '/stream', [hello(user), { t: 'join', ch: LOBBY, j: 1 }], user),
  'a poll': async (stage, user) => {
    const { head } = await stage.broker.read(LOBBY, { limit: 0, bytes: 0 })
    const join = { t: 'join', ch: LOBBY, j: 1, after: `${head.epoch}:${head.offset}:${head.tag}` }
    return await request(stage, '/poll', [hello(user, newSession(), 20_000), join], user)
  },
  'a plain stream': (stage, user) => request(stage, '/sse?channel=lobby/1', [], user),
}

async function request(stage: HubStage, path: string, lines: object[], user: string): Promise<Client> {
  const headers = lines.length === 0 ? { authorization: `Bearer ${user}` } : {}
  const exchange = await stage.request(path, lines, { headers }).answered()
  await settle()
  return { lines: () => exchange.sink.lines, isClosed: () => exchange.sink.closed !== undefined }
}

const textsOf = (client: Client): unknown[] =>
  client
    .lines()
    .filter(({ t }) => t === 'ev')
    .map(({ d }) => (d as { text: string }).text)

const say = (stage: HubStage, text: string): Promise<void> => stage.emit(LOBBY, 'message', { text })
const reauthorize = (stage: HubStage, subject = LOBBY): Promise<void> =>
  stage.hub.control.publish({ type: 'reauthorize', subject })
const revoke = (stage: HubStage, subject: string): Promise<void> =>
  stage.hub.control.publish({ type: 'revoke', subject })

describe.each(Object.entries(WIRES))('%s of a channel that is authorised again', (what, open) => {
  it('ends for whoever is refused, on every node, and for nobody else', async () => {
    const broker = memory()
    const [here, there] = [start({ broker }), start({ broker })]
    const clients = {
      annHere: await open(here, 'ann'),
      annThere: await open(there, 'ann'),
      bob: await open(there, 'bob'),
    }
    banned.add('ann')
    await reauthorize(here)
    await settle()
    for (const client of [clients.annHere, clients.annThere]) {
      const end = client.lines().find(({ t }) => t === (what === 'a plain stream' ? 'bye' : 'end'))
      expect(end).toMatchObject({ code: 'forbidden' })
      expect(client.isClosed()).toBe(what === 'a poll' || what === 'a plain stream')
    }
    await say(here, 'a secret')
    await settle()
    expect([textsOf(clients.annHere), textsOf(clients.annThere)]).toEqual([[], []])
    expect(textsOf(clients.bob)).toEqual(['a secret'])
  })

  it('is not let in again', async () => {
    const stage = start()
    await open(stage, 'ann')
    banned.add('ann')
    await reauthorize(stage)
    await settle()
    if (what === 'a plain stream') {
      const again = await stage
        .request('/sse?channel=lobby/1', [], { headers: { authorization: 'Bearer ann' } })
        .answered()
      expect([again.status, again.code]).toEqual([403, 'forbidden'])
      return
    }
    const again = stage.request('/stream', [hello('ann'), { t: 'join', ch: LOBBY, j: 1, tail: 10 }])
    await until(() => again.sink.lines.some(({ t }) => t === 'end'))
    expect(again.sink.lines.filter(({ t }) => t === 'joined' || t === 'ev')).toEqual([])
  })
})

describe('a channel that is authorised again', () => {
  it('shows whoever is refused as present no longer', async () => {
    const stage = start()
    const [ann, bob] = [await stage.connect('ann'), await stage.connect('bob')]
    for (const [socket, name] of [
      [ann, 'Ann'],
      [bob, 'Bob'],
    ] as const) {
      socket.send({ t: 'join', ch: CHAT, j: 1, pres: '' }, { t: 'pres', ch: CHAT, n: 1, d: { name } })
      await socket.take('joined')
    }
    await settle()
    banned.add('ann')
    await reauthorize(stage, CHAT)
    await settle()
    const { members } = await stage.broker.members(CHAT)
    expect(members.map(({ data }) => JSON.parse(data) as unknown)).toEqual([{ name: 'Bob' }])
    expect(bob.linesOf('pres').at(-1)).toMatchObject({ op: 'leave' })
    // Whoever may be there again is shown again, with the value of before.
    banned.clear()
    ann.send({ t: 'join', ch: CHAT, j: 2, pres: '' }, { t: 'pres', ch: CHAT, n: 1, d: { name: 'Ann' } })
    await settle()
    expect((await stage.broker.members(CHAT)).members).toHaveLength(2)
  })

  it('is not delivered to whom nobody can decide about, until it is decided', async () => {
    let isDown = false
    const stage = start({
      implementations: {
        lobby: {
          authorize: () => {
            if (isDown) throw new Error('the database is down')
            return true
          },
        },
      },
    })
    const socket = await stage.connect('ann')
    socket.send({ t: 'join', ch: LOBBY, j: 1 })
    const [joined] = await socket.take('joined')
    isDown = true
    await reauthorize(stage)
    expect((await socket.take('err'))[0]).toMatchObject({ of: 'join', ch: LOBBY, retry: expect.any(Number) })
    await say(stage, 'meanwhile')
    await settle()
    expect(socket.linesOf('ev')).toEqual([])
    isDown = false
    socket.send({ t: 'join', ch: LOBBY, j: 2, after: joined?.at })
    await socket.take('ev')
    expect(socket.linesOf('end')).toEqual([])
  })

  it('leaves nothing behind that waits for a slow connection', async () => {
    const stage = start()
    const socket = await stage.connect('ann')
    socket.send({ t: 'join', ch: LOBBY, j: 1 }, { t: 'join', ch: CHAT, j: 2 })
    await socket.take('joined', 2)
    socket.sink.stalled = true
    for (let n = 0; n < 200; n++) await say(stage, 'x'.repeat(1000))
    await settle()
    await stage.signal(CHAT, 'typing', { on: true }, { member: 'bob' })
    banned.add('ann')
    await reauthorize(stage, CHAT)
    await settle()
    socket.sink.drain(socket.socket)
    await settle()
    expect(socket.linesOf('end')).toHaveLength(1)
    expect(socket.linesOf('sig')).toEqual([])
    expect(socket.linesOf('ev')).toHaveLength(200)
  })

  it('is asked about again where a join was decided but not done', async () => {
    const decisions: ((isAllowed: boolean) => void)[] = []
    const stage = start({
      implementations: {
        lobby: { authorize: () => new Promise<boolean>((resolve) => decisions.push(resolve)) },
      },
    })
    const socket = await stage.connect('ann')
    socket.send({ t: 'join', ch: LOBBY, j: 1 })
    await until(() => decisions.length === 1)
    await reauthorize(stage)
    decisions[0]?.(true)
    await until(() => decisions.length === 2)
    decisions[1]?.(false)
    await socket.take('end')
    expect(socket.linesOf('joined')).toEqual([])
    expect(stage.hub.connections.size).toBe(1)
  })
})

describe.each(Object.entries(WIRES))('%s of a user who is let go', (_what, open) => {
  it('ends on every node, and those of others do not', async () => {
    const broker = memory()
    const [here, there] = [start({ broker }), start({ broker })]
    const gone = [await open(here, 'ann'), await open(there, 'ann')]
    const bob = await open(there, 'bob')
    revoked.add('ann')
    await revoke(here, 'ann')
    await settle()
    for (const client of gone) {
      expect(client.isClosed()).toBe(true)
      expect(client.lines().at(-1)).toEqual({ t: 'bye', code: 'unauthorized' })
    }
    expect(bob.isClosed()).toBe(false)
    await say(here, 'a secret')
    await settle()
    expect([...gone.map(textsOf), textsOf(bob)]).toEqual([[], [], ['a secret']])
    expect([here.connections, there.connections]).toEqual([0, _what === 'a poll' ? 0 : 1])
  })
})

describe('a user who is let go', () => {
  it('while away does not come back with a token that was remembered', async () => {
    const stage = start()
    await stage.request('/poll', [hello('ann', newSession(), 0)]).ended()
    revoked.add('ann')
    const remembered = await stage.request('/poll', [hello('ann', newSession(), 0)]).ended()
    expect(remembered.status).toBe(200)
    await revoke(stage, 'ann')
    for (const path of ['/stream', '/poll', '/send']) {
      const late = await stage.request(path, [hello('ann')]).answered()
      expect([path, late.status, late.code]).toEqual([path, 401, 'unauthorized'])
    }
    const late = stage.open()
    late.send(hello('ann'))
    await until(() => late.sink.closed !== undefined)
    expect(late.sink.closed?.reason).toBe('unauthorized')
  })

  it('is let in again with a token that auth accepts', async () => {
    const stage = start()
    revoked.add('ann-1')
    await revoke(stage, 'ann')
    const socket = await stage.connect('ann-2')
    expect(socket.linesOf('welcome')).toHaveLength(1)
  })

  it('is shown as present no longer', async () => {
    const stage = start()
    const ann = await stage.connect('ann')
    ann.send({ t: 'pres', ch: CHAT, n: 1, d: { name: 'Ann' } })
    await settle()
    expect((await stage.broker.members(CHAT)).members).toHaveLength(1)
    await revoke(stage, 'ann')
    await settle()
    expect((await stage.broker.members(CHAT)).members).toEqual([])
  })

  it('while auth runs is decided about again', async () => {
    const decisions: ((user: unknown) => void)[] = []
    const stage = start({ auth: () => new Promise((resolve) => decisions.push(resolve)) })
    const socket = stage.open()
    socket.send(hello('ann'))
    await until(() => decisions.length === 1)
    await revoke(stage, 'ann')
    decisions[0]?.({ id: 'ann' })
    await until(() => decisions.length === 2)
    decisions[1]?.(null)
    await until(() => socket.sink.closed !== undefined)
    expect(socket.lines).toMatchObject([{ t: 'err', code: 'unauthorized' }])
  })

  it.each(['/stream', '/send', 'a socket'])('between auth and the welcome is not let in: %s', async (path) => {
    const stage = start()
    const { gate } = stage.hub
    const authenticate = gate.authenticate.bind(gate)
    const spy = vi.spyOn(gate, 'authenticate').mockImplementationOnce(async (...args) => {
      const identity = await authenticate(...args)
      await revoke(stage, 'ann')
      return identity
    })
    if (path === 'a socket') {
      const socket = stage.open()
      socket.send(hello('ann'))
      await until(() => socket.sink.closed !== undefined)
      expect(socket.lines).toMatchObject([{ t: 'err', code: 'unavailable', retry: expect.any(Number) }])
    } else {
      const late = await stage.request(path, [hello('ann')]).answered()
      expect([late.status, late.code]).toEqual([503, 'unavailable'])
    }
    expect(stage.connections).toBe(0)
    spy.mockRestore()
  })
})

describe('a node that is cut off from the notices', () => {
  /** A broker as one node sees it, that delivers to nobody while it is cut off. */
  function createLine(broker: Broker) {
    const listeners: BrokerListener[] = []
    let isCut = false
    const line = new Proxy(broker, {
      get(target, name) {
        if (name !== 'subscribe') {
          const value: unknown = Reflect.get(target, name, target)
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        }
        return (channel: string, listener: BrokerListener) => {
          listeners.push(listener)
          const unlessCut = (tell: () => void): void => void (isCut || tell())
          return target.subscribe(channel, {
            onEntry: (entry) => unlessCut(() => listener.onEntry(entry)),
            onSignal: (signal) => unlessCut(() => listener.onSignal(signal)),
            onPresence: (change) => unlessCut(() => listener.onPresence(change)),
            onInterrupted: () => unlessCut(() => listener.onInterrupted()),
          })
        }
      },
    })
    const cut = (): void => {
      isCut = true
    }
    const mend = ({ quietly = false } = {}): void => {
      isCut = false
      if (quietly) return
      for (const listener of listeners) listener.onInterrupted()
    }
    return { line, cut, mend }
  }

  it('acts on them as soon as it is back', async () => {
    const broker = memory()
    const { line, cut, mend } = createLine(broker)
    const [here, there] = [start({ broker: line }), start({ broker })]
    const [ann, bob] = [await here.connect('ann'), await here.connect('bob')]
    bob.send({ t: 'join', ch: LOBBY, j: 1 })
    await bob.take('joined')
    cut()
    banned.add('bob')
    await revoke(there, 'ann')
    await reauthorize(there)
    await settle()
    expect(ann.sink.closed).toBeUndefined()
    mend()
    await bob.take('end')
    expect(ann.sink.closed?.reason).toBe('unauthorized')
  })

  it('notices a notice that was left out by the next one', async () => {
    const broker = memory()
    const { line, cut, mend } = createLine(broker)
    const [here, there] = [start({ broker: line }), start({ broker })]
    const ann = await here.connect('ann')
    cut()
    await revoke(there, 'ann')
    mend({ quietly: true })
    await revoke(there, 'cleo')
    await until(() => ann.sink.closed !== undefined)
  })

  it('for longer than they are kept asks everybody to attach again, and believes no token it remembers', async () => {
    const broker = memory()
    const { line, cut, mend } = createLine(broker)
    const [here, there] = [start({ broker: line }), start({ broker })]
    const clients = [await here.connect('ann'), await here.connect('bob')]
    await settle()
    cut()
    revoked.add('ann')
    await revoke(there, 'ann')
    for (let count = 0; count < 1100; count++) await revoke(there, `user${count}`)
    mend()
    await settle()
    for (const { sink } of clients)
      expect(sink.lines.at(-1)).toMatchObject({ t: 'bye', code: 'rotate', in: expect.any(Number) })
    const late = await here.request('/poll', [hello('ann', newSession(), 0)]).answered()
    expect(late.status).toBe(401)
    await pass(20_100)
    for (const { sink } of clients) expect(sink.closed?.reason).toBe('rotate')
  })

  it('does not let anybody wait for ever to hear them', async () => {
    const broker = memory()
    const stage = start({ broker })
    vi.spyOn(broker, 'subscribe').mockReturnValueOnce(new Promise(() => {}))
    const early = stage.request('/stream', [hello('ann')])
    await settle()
    await pass(10_000)
    expect([early.status, early.code]).toEqual([504, 'deadline'])
  })

  it('lets nobody in before it hears them', async () => {
    const broker = memory()
    const stage = start({ broker })
    const spy = vi.spyOn(broker, 'subscribe').mockRejectedValueOnce(new Error('no connection'))
    const early = await stage.request('/stream', [hello('ann')]).answered()
    expect([early.status, early.code]).toEqual([503, 'unavailable'])
    const socket = await stage.connect('ann')
    expect(socket.linesOf('welcome')).toHaveLength(1)
    expect(spy.mock.calls.map(([channel]) => channel)).toEqual(['_control', '_control'])
  })
})
