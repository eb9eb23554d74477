/** What a node does with whoever wants too much of it: shares of a turn, a wait at the door, late refusals, a last word. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DEFAULT_LIMITS } from '../src/limits.ts'
import { HubStage, hello, newSession, settle, until } from './hub-stage.ts'

const LOBBY = 'lobby?room=1'
const { burst, rate, body, connectionsPerUser } = DEFAULT_LIMITS

/** Connections that a user has at once before one waits, and that come in a second of waiting. */
const AT_ONCE = connectionsPerUser * 2
const PER_SECOND = connectionsPerUser / 2

const UNLIMITED = { rate: 1e9, burst: 1e9 }

let stages: HubStage[] = []

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }))
afterEach(async () => {
  for (const stage of stages) await stage.close()
  stages = []
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

function start(...args: ConstructorParameters<typeof HubStage>): HubStage {
  const stage = new HubStage(...args)
  stages.push(stage)
  return stage
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  await settle()
}

const pings = (count: number, from = 1): object[] =>
  Array.from({ length: count }, (_, index) => ({ t: 'ping', n: from + index }))

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

describe('lines of one user', () => {
  it('beyond a share of a turn are handled in the next ones, behind those of others', async () => {
    const stage = start({ limits: UNLIMITED })
    const busy = await Promise.all(range(1, 4).map(() => stage.connect('ann')))
    const calm = await stage.connect('bob')
    for (const socket of busy) socket.send(...pings(1000))
    calm.send(...pings(1))
    await calm.take('pong')
    expect(busy.flatMap((socket) => socket.linesOf('pong')).length).toBeLessThan(100)
    await until(() => busy.every((socket) => socket.linesOf('pong').length === 1000))
  })

  it('take turns over its connections, and keep their order over frames', async () => {
    const stage = start({ limits: UNLIMITED })
    const [first, second] = [await stage.connect('ann'), await stage.connect('ann')]
    for (let frame = 0; frame < 10; frame++) first.send(...pings(100, frame * 100 + 1))
    second.send(...pings(20))
    await second.take('pong', 20)
    expect(first.linesOf('pong').length).toBeLessThan(200)
    await first.take('pong', 1000)
    expect(first.linesOf('pong').map(({ n }) => n)).toEqual(range(1, 1000))
  })

  it('that a body brings take turns as well, and a poll waits for the joins among them', async () => {
    const stage = start()
    const joins = range(1, 100).map((j) => ({ t: 'join', ch: `lobby?room=${j}`, j }))
    const poll = await stage.request('/poll', [hello('ann', newSession(), 0), ...joins]).ended()
    expect(poll.sink.lines.filter(({ t }) => t === 'joined')).toHaveLength(100)
    const sent = await stage.request('/send', [hello('bob'), ...pings(100)]).ended()
    expect(sent.sink.lines.flatMap(({ t, n }) => (t === 'pong' ? [n] : []))).toEqual(range(1, 100))
  })

  it('that wait are no more than a frame where the host can stop reading, and all are handled', async () => {
    const stage = start({ limits: UNLIMITED })
    const socket = await stage.connect('ann')
    let reads = true
    const states: boolean[] = []
    socket.sink.listen = (listens) => {
      reads = listens
      states.push(listens)
    }
    const text = 'x'.repeat(1000)
    let n = 0
    const lines = (): object[] =>
      range(1, 50).map(() => ({ t: 'pub', ch: LOBBY, n: ++n, lo: n, e: 'message', d: { text } }))
    let written = 0
    while (reads) {
      const frame = lines()
      written += JSON.stringify(frame).length
      socket.send(...frame)
    }
    expect(written).toBeLessThan(body / 2)
    await socket.take('ack', n)
    await settle()
    expect(states).toEqual([false, true])
    expect(socket.linesOf('ack').map((line) => line.n)).toEqual(range(1, n))
  })

  it('that are more than four bodies are not waited for where it cannot', async () => {
    const stage = start({ limits: UNLIMITED })
    const socket = await stage.connect('ann')
    const text = 'x'.repeat(body / 5)
    for (let frame = 0; frame < 30; frame++)
      socket.send({ t: 'pub', ch: LOBBY, n: frame + 1, e: 'message', d: { text } }, ...pings(64))
    expect(socket.sink.closed?.reason).toBe('rate_limited')
    await pass(1100)
    expect(socket.sink.terminated).toBe(true)
    expect(stage.connections).toBe(0)
  })
})

describe('a session that does not heed its rate', () => {
  it('is let go after as many refusals as it has lines at once, and not listened to any more', async () => {
    const stage = start()
    const socket = await stage.connect('ann')
    const listen = vi.fn()
    socket.sink.listen = listen
    socket.send(...pings(1000))
    await until(() => socket.sink.closed !== undefined)
    expect(socket.sink.closed?.reason).toBe('rate_limited')
    expect(socket.lines.at(-1)).toMatchObject({ t: 'bye', code: 'rate_limited', retry: expect.any(Number) })
    expect(socket.linesOf('pong').length + socket.linesOf('err').length).toBeLessThan(3 * burst)
    expect(listen).toHaveBeenLastCalledWith(false)
    expect(socket.sink.terminated).toBe(false)
    await pass(1100)
    expect(socket.sink.terminated).toBe(true)
  })

  it('stays where it is a bit too fast', async () => {
    const stage = start()
    const socket = await stage.connect('ann')
    for (let second = 0; second < 20; second++) {
      socket.send(...pings(rate * 1.5))
      await pass(1000)
    }
    expect(socket.linesOf('err').length).toBeGreaterThan(100)
    expect(socket.sink.closed).toBeUndefined()
  })
})

describe('a user who comes too often', () => {
  it('waits at the door, and is let in when it is its turn', async () => {
    const stage = start()
    for (const _ of range(1, AT_ONCE)) (await stage.connect('ann')).leave()
    const late = stage.open()
    late.send(hello('ann'), { t: 'join', ch: LOBBY, j: 1 })
    late.send(...pings(1))
    const other = await stage.connect('bob')
    expect(other.lines).toHaveLength(1)
    expect(late.lines).toEqual([])
    await pass(1000)
    expect(late.lines.map(({ t }) => t)).toEqual(['welcome', 'pong', 'joined'])
  })

  it.each(['/stream', '/poll', '/send', '/sse?channel=lobby/1', '/log/lobby/1'])(
    'waits for a request as well: %s',
    async (path) => {
      const stage = start()
      const options = path.includes('/1') ? { headers: { authorization: 'Bearer ann' } } : {}
      const ask = () => stage.request(path, path.includes('/1') ? [] : [hello('ann', newSession(), 0)], options)
      let visits = 0
      for (let answered = true; answered && visits < 1000; visits++) {
        const request = ask()
        await settle()
        answered = request.status !== undefined
        request.listener?.handleClosed()
      }
      // Requests that last cost six times as much as others.
      expect(visits).toBeGreaterThan(AT_ONCE)
      expect(visits).toBeLessThan(AT_ONCE * 7)
      const waiting = ask()
      await pass(1000)
      expect(waiting.status).toBe(200)
      waiting.listener?.handleClosed()
    },
  )

  it('is refused where too many of it wait, and hears of that a second later', async () => {
    const stage = start()
    const sockets = range(1, AT_ONCE * 3).map(() => stage.open())
    for (const socket of sockets) {
      socket.send(hello('ann'))
      await settle()
      socket.leave()
    }
    const refused = stage.open()
    refused.send(hello('ann'))
    await settle()
    expect(refused.lines).toEqual([])
    await pass(1100)
    expect(refused.lines).toEqual([expect.objectContaining({ t: 'err', code: 'rate_limited' })])
    expect(refused.sink.closed?.reason).toBe('rate_limited')
    await pass(1100)
    expect(refused.sink.terminated).toBe(true)
  })

  it('is let in as often as it may, however long that goes on', async () => {
    const stage = start()
    let welcomed = 0
    for (let second = 0; second < 10; second++) {
      const sockets = range(1, connectionsPerUser).map(() => stage.open())
      for (const socket of sockets) socket.send(hello('ann'))
      await pass(1000)
      welcomed += sockets.filter((socket) => socket.linesOf('welcome').length > 0).length
      for (const socket of sockets) socket.leave()
    }
    expect(welcomed).toBeGreaterThan(AT_ONCE + 8 * PER_SECOND)
    expect(welcomed).toBeLessThanOrEqual(AT_ONCE + 11 * PER_SECOND)
  })

  it('finds the door open when it comes back after a while', async () => {
    const stage = start()
    for (const _ of range(1, AT_ONCE)) (await stage.connect('ann')).leave()
    await pass(10_000)
    for (const _ of range(1, AT_ONCE)) (await stage.connect('ann')).leave()
  })

  it('waits no longer than its server is there', async () => {
    const stage = start()
    for (const _ of range(1, AT_ONCE)) (await stage.connect('ann')).leave()
    const late = stage.open()
    late.send(hello('ann'))
    const request = stage.request('/poll', [hello('ann')])
    await settle()
    await stage.close()
    await settle()
    expect(late.sink.closed?.reason).toBe('draining')
    expect([request.status, request.code]).toEqual([503, 'draining'])
  })
})
