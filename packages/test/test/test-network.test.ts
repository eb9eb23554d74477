import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import type { WireName } from '@triwire/client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type TestNetwork, testNetwork } from '../src/index.ts'
import { type Api, createApp } from './app.ts'

const WIRES: readonly WireName[] = ['websocket', 'sse', 'polling']
const realtime = createApp()

let net: TestNetwork<Api>

beforeEach(() => {
  net = testNetwork(realtime)
})
afterEach(() => net.close())

/** A client with one wire, in the lobby, and what it has seen there. */
function enter(name: string, wires: readonly WireName[] = WIRES) {
  const client = net.client({ auth: () => name, wires })
  const lobby = client.channels.lobby({ room: 'a' })
  const seen: string[] = []
  const gaps: string[] = []
  lobby.on({ message: ({ text }) => seen.push(text), $gap: ({ reason }) => gaps.push(reason) })
  const observer = lobby.observe({
    initial: [] as string[],
    reduce: { message: (list, { text }) => [...list, text] },
  })
  observer.subscribe(() => {})
  return {
    client,
    lobby,
    seen,
    gaps,
    state: () => observer.getSnapshot(),
    connection: () => client.connection.getSnapshot(),
  }
}

describe.each(WIRES)('over %s', (wire) => {
  test('what one client publishes the others see', async () => {
    const ann = enter('ann', [wire])
    const bob = enter('bob', [wire])
    await net.settle()
    expect(ann.state()).toMatchObject({ status: 'live', data: [] })
    await ann.lobby.publish('message', { text: 'hello' })
    await net.settle()
    expect(bob.seen).toEqual(['hello'])
    expect(bob.state().data).toEqual(['hello'])
    expect(ann.connection()).toMatchObject({ state: 'online', wire })
  })

  test('server code reaches the clients of the network', async () => {
    const ann = enter('ann', [wire])
    await net.settle()
    await realtime.channels.lobby({ room: 'a' }).emit('message', { text: 'from the server' })
    await net.settle()
    expect(ann.seen).toEqual(['from the server'])
  })

  test('while it is offline a client gets nothing, and then everything once', async () => {
    const ann = enter('ann', [wire])
    const bob = enter('bob', [wire])
    await net.settle()
    ann.client.network.offline()
    const published = ann.lobby.publish('message', { text: 'from ann' })
    await bob.lobby.publish('message', { text: 'from bob' })
    await net.advance(3000)
    expect(ann.seen).toEqual([])
    expect(ann.state().status).toBe('stale')
    expect(ann.connection().state).not.toBe('online')
    ann.client.network.online()
    await net.settle()
    await published
    expect(ann.seen).toEqual(['from bob', 'from ann'])
    expect(bob.seen).toEqual(['from bob', 'from ann'])
    expect(ann.state().status).toBe('live')
  })

  test('everybody comes back within 500 ms of a cut, with everything', async () => {
    const ann = enter('ann', [wire])
    await net.settle()
    net.drop()
    await realtime.channels.lobby({ room: 'a' }).emit('message', { text: 'during the cut' })
    await net.advance(500)
    await net.settle()
    expect(ann.seen).toEqual(['during the cut'])
    expect(ann.state().status).toBe('live')
  })

  test('latency is what every message takes, each way', async () => {
    const ann = enter('ann', [wire])
    await net.settle()
    net.latency(100)
    let acknowledged = false
    void ann.lobby.publish('message', { text: 'slow' }).then(() => {
      acknowledged = true
    })
    await net.advance(199)
    expect(acknowledged).toBe(false)
    await net.advance(1)
    expect(acknowledged).toBe(true)
  })

  test('a gap is told when the log has lost what a client missed', async () => {
    const ann = enter('ann', [wire])
    await net.settle()
    net.offline()
    for (let n = 0; n < 50; n++) await realtime.channels.lobby({ room: 'a' }).emit('message', { text: String(n) })
    net.online()
    await net.advance(1000)
    expect(ann.gaps).toEqual(['trimmed'])
    expect(ann.seen).toEqual(Array.from({ length: 20 }, (_, index) => String(index + 30)))
  })

  test('a server that ends and comes back has forgotten everything, and clients are told', async () => {
    const ann = enter('ann', [wire])
    await ann.lobby.publish('message', { text: 'before' })
    await net.settle()
    await net.restart()
    expect((await realtime.channels.lobby({ room: 'a' }).last(10)).events).toEqual([])
    await net.advance(5000)
    expect(ann.gaps).toEqual(['new_epoch'])
    await ann.lobby.publish('message', { text: 'after' })
    await net.settle()
    expect(ann.seen).toEqual(['before', 'after'])
    expect(ann.state().status).toBe('live')
  })

  test('presence, signals and commands work as ever', async () => {
    const ann = net.client({ auth: () => 'ann', wires: [wire] })
    const bob = net.client({ headers: { cookie: 'user=bob' }, wires: [wire] })
    const present = bob.channels.lobby({ room: 'a' }).observePresence({})
    present.subscribe(() => {})
    ann.channels
      .lobby({ room: 'a' })
      .observePresence({ set: { name: 'Ann' } })
      .subscribe(() => {})
    const typing: boolean[] = []
    ann.channels.lobby({ room: 'a' }).on({ typing: ({ on }) => typing.push(on) })
    await net.settle()
    expect(present.getSnapshot().members.map(({ value }) => value)).toEqual([{ name: 'Ann' }])
    bob.channels.lobby({ room: 'a' }).signal('typing', { on: true })
    await net.settle()
    expect(typing).toEqual([true])
    const startedAt = Date.now()
    const reply = bob.channels.chat({ roomId: '1' }).commands.send({ text: 'hi', ms: 5000 })
    await net.advance(6000)
    expect(await reply).toEqual({ at: startedAt + 5000 })
  })

  test('a client that is cut off silently finds out by itself', async () => {
    const ann = enter('ann', [wire])
    await net.settle()
    net.offline({ silent: true })
    await realtime.channels.lobby({ room: 'a' }).emit('message', { text: 'unheard' })
    await net.advance(5000)
    expect(ann.connection().state).toBe('online')
    await net.advance(60_000)
    expect(ann.connection().state).not.toBe('online')
    net.online()
    await net.advance(20_000)
    expect(ann.seen).toEqual(['unheard'])
  })
})

describe('a wire that is blocked', () => {
  test('is left for the next one, and taken again when it is free', async () => {
    const ann = enter('ann')
    await net.settle()
    expect(ann.connection().wire).toBe('websocket')
    net.block('websocket')
    await net.advance(500)
    await net.settle()
    expect(ann.connection()).toMatchObject({ state: 'online', wire: 'sse' })
    net.block('sse')
    await net.advance(1000)
    await net.settle()
    expect(ann.connection()).toMatchObject({ state: 'online', wire: 'polling' })
    net.unblock()
    await net.advance(20_000)
    expect(ann.connection().wire).toBe('websocket')
    await ann.lobby.publish('message', { text: 'still here' })
    expect(ann.seen).toEqual(['still here'])
  })

  test('that swallows everything loses the race', async () => {
    net.block('websocket', 'swallow')
    net.block('sse', 'swallow')
    const ann = enter('ann')
    await net.settle()
    expect(ann.connection().state).toBe('connecting')
    await net.advance(1000)
    expect(ann.connection().state).toBe('connecting')
    await net.advance(1100)
    expect(ann.connection()).toMatchObject({ state: 'online', wire: 'polling' })
  })

  test('is blocked for clients that come later, unless it was theirs alone', async () => {
    const ann = enter('ann')
    ann.client.network.block('websocket')
    net.block('sse')
    const bob = enter('bob')
    await net.settle()
    expect(ann.connection().wire).toBe('polling')
    expect(bob.connection().wire).toBe('websocket')
    net.unblock('sse')
    const cleo = enter('cleo')
    cleo.client.network.block('websocket')
    await net.settle()
    expect(cleo.connection().wire).toBe('sse')
  })
})

describe('time', () => {
  test('passes until something holds, and no longer', async () => {
    const ann = enter('ann')
    await net.until(() => ann.state().status === 'live')
    net.offline()
    const before = Date.now()
    await net.until(() => ann.connection().state !== 'online')
    // A blip of a second does not show.
    expect(Date.now() - before).toBeGreaterThanOrEqual(1000)
    expect(Date.now() - before).toBeLessThan(1100)
    net.online()
    const data = await net.until(() => {
      expect(ann.state().status).toBe('live')
      return ann.state().data
    })
    expect(data).toEqual([])
    expect(Date.now() - before).toBeLessThan(1200)
    await expect(net.until(() => false, 1000)).rejects.toMatchObject({ code: 'deadline' })
    await expect(net.until(() => expect(ann.seen).toEqual(['never']), 1000)).rejects.toThrow('never')
  })

  test('stands still by itself, and Date with it', async () => {
    const before = Date.now()
    let rang = false
    setTimeout(() => {
      rang = true
    }, 10)
    await net.settle()
    expect(Date.now() - before).toBeLessThan(100)
    const then = Date.now()
    await net.advance(3_600_000)
    expect(Date.now()).toBe(then + 3_600_000)
    expect(new Date()).toEqual(new Date(then + 3_600_000))
    expect(new Date()).toBeInstanceOf(Date)
    expect(rang).toBe(true)
  })

  test('keeps a quiet connection through hours of pings, rotations and heartbeats', async () => {
    const clients = WIRES.map((wire) => enter(wire, [wire]))
    await net.advance(2 * 3_600_000)
    for (const { connection, state, gaps } of clients) {
      expect(connection().state).toBe('online')
      expect(state().status).toBe('live')
      expect(gaps).toEqual([])
    }
    await clients[0]?.lobby.publish('message', { text: 'after hours' })
    await net.settle()
    for (const { seen } of clients) expect(seen).toEqual(['after hours'])
  })

  test('is not needed where nothing has to wait: promises may just be awaited', async () => {
    const before = Date.now()
    const ann = net.client({ auth: () => 'ann' })
    await ann.channels.lobby({ room: 'a' }).publish('message', { text: 'at once' })
    expect(await ann.channels.chat({ roomId: '1' }).commands.send({ text: 'hi', ms: 0 })).toEqual({ at: before })
    expect(Date.now()).toBe(before)
  })

  test('lets zero-delay timers happen by themselves, as helpers of testing libraries expect', async () => {
    const order: string[] = []
    const cancelled = setTimeout(() => order.push('never'), 0)
    clearTimeout(cancelled)
    await new Promise<void>((resolve) => {
      setTimeout(() => {
        order.push('zero')
        resolve()
      }, 0)
    })
    expect(order).toEqual(['zero'])
  })

  test('waits for what the app does with the world outside', async () => {
    const client = net.client({ auth: async () => `${(await readFile(new URL(import.meta.url))).length}` })
    const observer = client.channels.board().observe({ latest: 'line' })
    observer.subscribe(() => {})
    await net.settle()
    expect(observer.getSnapshot().status).toBe('live')
  })

  test('does not hold up requests to servers outside', async () => {
    const server = createServer((_request, response) => void response.end('hello')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    for (let count = 0; count < 3; count++) {
      expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('hello')
      await net.advance(10_000)
    }
    server.closeAllConnections()
    server.close()
  })

  test('is begun again by a timer that is refreshed, and left by one that is closed', async () => {
    const rang: string[] = []
    const timer = setTimeout(() => rang.push('refreshed'), 100)
    const closed = setTimeout(() => rang.push('closed'), 100)
    await net.advance(90)
    timer.refresh()
    closed.close()
    await net.advance(90)
    expect([rang, timer.hasRef(), closed.hasRef()]).toEqual([[], true, false])
    await net.advance(10)
    expect(rang).toEqual(['refreshed'])
  })

  test('holds for promises of timers as well', async () => {
    const before = Date.now()
    let rang: unknown
    void promisify(setTimeout)(1000, 'rang').then((value) => {
      rang = value
    })
    await net.advance(999)
    expect(rang).toBeUndefined()
    await net.advance(1)
    expect([rang, Date.now() - before]).toEqual(['rang', 1000])
  })

  test('repeats what is to be repeated until it is cleared', async () => {
    const at: number[] = []
    const before = Date.now()
    const timer = setInterval(() => at.push(Date.now() - before), 100)
    await net.advance(350)
    clearInterval(timer)
    await net.advance(350)
    expect(at).toEqual([100, 200, 300])
  })

  test('has no threads: whoever speaks first is heard first, run after run', async () => {
    const names = Array.from({ length: 12 }, (_, n) => String(n))
    for (let run = 0; run < 5; run++) {
      const clients = names.map((name, n) => enter(name, WIRES.slice(n % 3)))
      await net.settle()
      for (const [n, { lobby }] of clients.entries()) void lobby.publish('message', { text: String(n) })
      await net.settle()
      const { events } = await realtime.channels.lobby({ room: 'a' }).last(20)
      expect(events.map(({ data }) => data.text)).toEqual(names)
      await net.close()
      net = testNetwork(realtime)
    }
    const { digest } = crypto.subtle
    await net.close()
    expect(crypto.subtle.digest).not.toBe(digest)
    expect(Object.keys(crypto.subtle)).toEqual([])
  })

  test('is the same in every run, chance included', async () => {
    const run = async (): Promise<string> => {
      const own = testNetwork(createApp(), { now: 1_800_000_000_000, seed: 7 })
      const trace: string[] = []
      const clients = ['ann', 'bob', 'cleo'].map((name) => {
        const client = own.client({ auth: () => name })
        client.connection.subscribe(() =>
          trace.push(`${Date.now()} ${name} ${JSON.stringify(client.connection.getSnapshot())}`),
        )
        client.channels
          .lobby({ room: 'a' })
          .on({ message: ({ text }) => trace.push(`${Date.now()} ${name} ${text}`) })
        return client
      })
      await own.settle()
      own.drop()
      for (const [index, { channels }] of clients.entries())
        void channels.lobby({ room: 'a' }).publish('message', { text: `from ${index}` })
      await own.advance(10_000)
      own.block('websocket')
      await own.advance(60_000)
      await own.close()
      return trace.join('\n')
    }
    await net.close()
    const first = await run()
    expect(first).toContain('from 2')
    expect(await run()).toBe(first)
  })

  test.each([0, 1])('does not settle where every event causes the next, %i ms apart', async (latencyMs) => {
    const { channels } = net.client({ auth: () => 'ann' })
    const { emit } = realtime.channels.board()
    let over = false
    channels.board().on({ line: ({ n }) => void (over || emit('line', { n: n + 1 })) })
    await net.settle()
    net.latency(latencyMs)
    await emit('line', { n: 0 })
    await expect(net.settle()).rejects.toMatchObject({ code: 'never_settles' })
    over = true
  })

  test('that a burst waits for because of the rate limit has to be given', async () => {
    const ann = enter('ann')
    await net.settle()
    const published = Array.from({ length: 200 }, (_, n) => ann.lobby.publish('message', { text: String(n) }))
    await net.settle()
    expect(ann.seen.length).toBeLessThan(200)
    await net.advance(3000)
    await Promise.all(published)
    expect(ann.seen).toEqual(Array.from({ length: 200 }, (_, n) => String(n)))
  })
})

describe('the end of a test', () => {
  test('leaves the server as it was: the next network begins with nothing', async () => {
    const ann = enter('ann')
    await ann.lobby.publish('message', { text: 'in this test' })
    await net.close()
    net = testNetwork(realtime)
    const observer = net
      .client({ auth: () => 'bob' })
      .channels.lobby({ room: 'a' })
      .observe({ tail: 10, initial: [] as string[], reduce: { message: (list, { text }) => [...list, text] } })
    observer.subscribe(() => {})
    await net.settle()
    expect(observer.getSnapshot()).toMatchObject({ status: 'live', data: [] })
  })

  test('in the middle of everything rejects what waits, and leaves no timer', async () => {
    const { setTimeout: real } = globalThis
    const ann = enter('ann')
    const bob = enter('bob', ['sse'])
    const cleo = enter('cleo', ['polling'])
    await net.settle()
    net.latency(50)
    net.offline()
    const waiting = [ann, bob, cleo].map(({ lobby }) => lobby.publish('message', { text: 'never' }))
    const command = ann.client.channels.chat({ roomId: '1' }).commands.send({ text: 'never', ms: 0 })
    const loop = (async () => {
      for await (const _ of ann.lobby.events()) {
        // Nothing comes.
      }
    })()
    const outcomes = Promise.allSettled([...waiting, command, loop])
    await net.advance(100)
    await net.close()
    const codes = (await outcomes).map((outcome) => (outcome as { reason?: { code: string } }).reason?.code)
    expect(codes).toEqual(['closed', 'closed', 'closed', 'closed', 'closed'])
    expect(globalThis.setTimeout).not.toBe(real)
    // On the host's time again, whoever still had something to do would do it now.
    const seen: string[] = []
    ann.client.connection.subscribe(() => seen.push('changed'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(seen).toEqual([])
  })

  test('comes also where the app answers itself without end', async () => {
    const { channels } = net.client({ auth: () => 'ann' })
    const { emit } = realtime.channels.board()
    channels.board().on({ line: ({ n }) => void emit('line', { n: n + 1 }).catch(() => {}) })
    await net.settle()
    await emit('line', { n: 0 })
    await net.close()
    const before = Date.now()
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(Date.now()).toBeGreaterThan(before)
  })

  test('leaves what was kept of its time to the host', async () => {
    const { setTimeout: kept, Date: KeptDate } = globalThis
    await net.close()
    expect(globalThis.setTimeout).not.toBe(kept)
    const before = KeptDate.now()
    await new Promise((resolve) => kept(resolve, 5))
    expect(KeptDate.now()).toBeGreaterThan(before)
  })

  test('can be said twice, and then nothing more is possible', async () => {
    await net.close()
    await net.close()
    expect(() => net.client()).toThrow(expect.objectContaining({ code: 'closed' }))
    await expect(net.advance(1)).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('misuse', () => {
  test('is told what to do', async () => {
    expect(() => testNetwork(realtime)).toThrow(expect.objectContaining({ code: 'in_use' }))
    expect(() => testNetwork(createApp())).toThrow(expect.objectContaining({ code: 'in_use' }))
    expect(() => testNetwork({} as never)).toThrow(expect.objectContaining({ code: 'bad_realtime' }))
    await net.close()
    vi.stubGlobal('crypto', {})
    expect(() => testNetwork(realtime)).toThrow(expect.objectContaining({ code: 'bad_host' }))
    vi.unstubAllGlobals()
    for (const options of [{ time: 'fake' as 'real' }, { now: new Date('yesterday') }])
      expect(() => testNetwork(realtime, options)).toThrow(expect.objectContaining({ code: 'bad_time' }))
    net = testNetwork(realtime)
    expect(() => net.latency(-1)).toThrow(expect.objectContaining({ code: 'bad_time' }))
    expect(() => net.block('pigeon' as never)).toThrow(expect.objectContaining({ code: 'bad_wire' }))
    await expect(net.advance(Number.NaN)).rejects.toMatchObject({ code: 'bad_time' })
  })
})
