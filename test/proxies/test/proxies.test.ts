/** What the configurations of docs/scaling promise beyond the protocol, one by one, on real proxies. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { missingRedis, type RedisServer, startRedis } from '@triwire-test/services'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Changes } from '../src/configuration.ts'
import { haproxy, nginx, type ProxyFront, type ProxyKind } from '../src/front.ts'
import { type Node, startNodes } from '../src/nodes.ts'
import { type Answer, connectHttp2, opening, openSocketHttp2, post, postHttp2 } from '../src/raw.ts'
import { isWhole, startTraffic } from '../src/traffic.ts'
import { trustOurCertificates } from '../src/trust.ts'

let server: RedisServer
let channels = 0

trustOurCertificates()
beforeAll(async () => {
  if (missingRedis === undefined) server = await startRedis()
})
afterAll(() => server?.stop())

/** Three nodes behind a proxy, for as long as the test takes. */
async function withFront(
  proxy: ProxyKind,
  act: (front: ProxyFront, nodes: readonly Node[], id: string) => Promise<void>,
  { limits = {}, changes = {} }: { limits?: Parameters<typeof startNodes>[1]; changes?: Changes } = {},
): Promise<void> {
  const nodes = await startNodes(server.url, limits)
  // Also where the test is given up.
  onTestFinished(async () => void (await Promise.all(nodes.map((node) => node.close()))))
  const front = await proxy.start(
    nodes.map(({ port }) => port),
    changes,
  )
  onTestFinished(() => front.close())
  await act(front, nodes, `r${channels++}`)
}

const join = (id: string, after?: string) => ({ t: 'join', ch: `run?id=${id}`, j: 1, ...(after ? { after } : {}) })

/** Shortens the silence a proxy bears to three seconds, which ten heartbeats outlast. */
const impatient = ({ silence }: ProxyKind): Changes =>
  Object.fromEntries(silence.map((text) => [text, text.replace('75s', '3s')]))

describe.each([nginx, haproxy])('$name', (proxy) => {
  const reason = proxy.missing ?? missingRedis
  describe.skipIf(reason)(reason ?? 'in front of three nodes', () => {
    test('lets each event of a stream through before the next one is written', () =>
      withFront(proxy, async ({ origin }, [first], id) => {
        const stream = await post(origin, '/stream', opening(join(id)))
        await stream.body.until('"joined"')
        for (let n = 1; n <= 50; n++) {
          await first?.emit(id, n)
          await stream.body.until(`"n":${n}}`)
        }
        stream.abort()
      }))

    test('carries streams, polls and sends side by side over one connection of HTTP/2', () =>
      withFront(proxy, async ({ origin }, [first], id) => {
        const session = await connectHttp2(origin)
        const streams = await Promise.all(
          Array.from({ length: 10 }, () => postHttp2(session, '/stream', opening(join(id)))),
        )
        for (const stream of streams) await stream.body.until('"joined"')
        await first?.emit(id, 1)
        for (const stream of streams) await stream.body.until('"n":1}')
        const publish = { t: 'pub', ch: `run?id=${id}`, n: 1, e: 'message', d: { by: 'me', n: 2 } }
        const sent = await postHttp2(session, '/send', opening(publish))
        expect(await sent.body.rest()).toContain('"t":"ack"')
        for (const stream of streams) await stream.body.until('"n":2}')
        session.destroy()
      }))

    test('holds a poll and brings it back with its message', () =>
      withFront(proxy, async ({ origin }, nodes, id) => {
        let poll = await post(origin, '/poll', opening(join(id)))
        let cursor = /"at":"([^"]+)"/.exec(await poll.body.rest())?.[1]
        for (const [index, node] of nodes.entries()) {
          poll = await post(origin, '/poll', opening(join(id, cursor)))
          // The answer has begun and says nothing yet.
          await node.emit(id, index)
          const answer = await poll.body.rest()
          expect(answer).toContain(`"n":${index}}`)
          cursor = /"t":"ev".*?"at":"([^"]+)"/.exec(answer)?.[1]
        }
      }))

    test('lets go of a node when a client lets go of its stream or poll', () =>
      withFront(proxy, async ({ origin }, nodes, id) => {
        for (const path of ['/stream', '/poll']) {
          const cursor = await headOf(origin, id)
          const closed = Promise.race(
            nodes.map(async ({ server: listener }) => {
              const [, response] = await once(listener, 'request')
              await once(response, 'close')
            }),
          )
          const answer = await post(origin, path, opening(join(id, cursor)))
          answer.abort()
          await closed
        }
      }))

    test('bears the silence between two heartbeats, and no more', async () => {
      const open = (origin: string): WebSocket => {
        const socket = new WebSocket(`${origin.replace('http', 'ws')}/rt`, 'triwire.v1')
        socket.on('open', () => socket.send(opening()))
        return socket
      }
      const changes = impatient(proxy)
      await Promise.all([
        withFront(
          proxy,
          async ({ origin }) => {
            const socket = open(origin)
            let beats = 0
            await new Promise<void>((resolve, reject) => {
              socket.on('message', (data) => {
                if (String(data).includes('"hb"') && ++beats === 10) resolve()
              })
              socket.on('close', () => reject(new Error(`The WebSocket was cut after ${beats} heartbeats.`)))
            })
            socket.terminate()
          },
          { limits: { heartbeatMs: 500 }, changes },
        ),
        withFront(
          proxy,
          async ({ origin }) => {
            const stream = await post(origin, '/stream', opening())
            for (let beats = 0; beats < 10; beats++) await stream.body.until('"hb"')
            stream.abort()
          },
          { limits: { heartbeatMs: 500 }, changes },
        ),
        // And where nodes are silent for longer, it is the proxy that ends it: the bound is the one that was meant.
        withFront(
          proxy,
          async ({ origin }) => {
            const socket = open(origin)
            const [code] = (await once(socket, 'close')) as [number]
            expect(code).toBe(1006)
          },
          { limits: { heartbeatMs: 60_000 }, changes },
        ),
      ])
    })

    test('sends nobody in vain to a node that refuses connections', () =>
      withFront(proxy, async ({ origin }, [first]) => {
        await first?.kill()
        for (let index = 0; index < 6; index++) {
          expect((await post(origin, '/send', opening())).status).toBe(200)
          const socket = new WebSocket(`${origin.replace('http', 'ws')}/rt`, 'triwire.v1')
          await once(socket, 'open')
          socket.terminate()
        }
      }))

    test('goes on without a node that died, and its clients miss nothing', () =>
      withFront(proxy, async ({ origin }, [first], id) => {
        const traffic = await startTraffic(origin, id)
        onTestFinished(() => traffic.close())
        await traffic.answered(30)
        await first?.kill()
        await traffic.answered(30)
        for (const { wire, gaps, numbers } of await traffic.finish()) {
          expect({ wire, gaps }).toEqual({ wire, gaps: 0 })
          for (const by of ['websocket', 'sse', 'polling']) expect(numbers[by]).toSatisfy(isWhole)
        }
      }))

    test('lets a node that is taken out finish, and its clients miss nothing', () =>
      withFront(proxy, async ({ origin, takeOut }, [first], id) => {
        const traffic = await startTraffic(origin, id)
        onTestFinished(() => traffic.close())
        await traffic.answered(30)
        await takeOut(0)
        // What was under way to it has arrived.
        await traffic.answered(1)
        const before = first?.requests
        for (let index = 0; index < 12; index++) expect((await post(origin, '/nowhere', '')).status).toBe(404)
        expect(first?.requests).toBe(before)
        await first?.drain(100)
        await first?.close()
        await traffic.answered(30)
        for (const { wire, gaps, numbers } of await traffic.finish()) {
          expect({ wire, gaps }).toEqual({ wire, gaps: 0 })
          for (const by of ['websocket', 'sse', 'polling']) expect(numbers[by]).toSatisfy(isWhole)
        }
      }))

    test('tells nodes the address of a client, whatever the client says', () =>
      withFront(proxy, async ({ origin }, nodes) => {
        const forged = {
          'x-forwarded-for': '6.6.6.6',
          'x-forwarded-proto': 'gopher',
          forwarded: 'for=6.6.6.6',
        }
        const session = await connectHttp2(origin)
        const socket = async (): Promise<void> => {
          const ws = new WebSocket(`${origin.replace('http', 'ws')}/rt/`, 'triwire.v1', { headers: forged })
          await once(ws, 'open')
          ws.send(opening())
          await once(ws, 'message')
          ws.terminate()
        }
        for (let index = 0; index < nodes.length; index++) {
          await socket()
          await (await post(origin, '/send', opening(), forged)).body.rest()
          await (await postHttp2(session, '/send', opening(), forged)).body.rest()
        }
        session.destroy()
        const seen = nodes.flatMap(({ asked }) => asked)
        expect(seen).toHaveLength(9)
        // One client, and no node of its own.
        for (const { asked } of nodes) expect(asked).not.toHaveLength(0)
        for (const headers of seen) {
          expect(headers.get('x-forwarded-for')).toBe('127.0.0.1')
          expect(headers.get('x-forwarded-proto')).toBe('https')
          expect(headers.has('forwarded')).toBe(false)
          expect(headers.get('host')).toBe(new URL(origin).host)
        }
      }))

    test('refuses one address the 257th connection, and takes the next one when another has gone', () =>
      withFront(proxy, async ({ origin }) => {
        const sessions = await Promise.all([0, 1, 2, 3].map(() => connectHttp2(origin)))
        const open: Answer[] = []
        for (const session of sessions) {
          const batch = Array.from({ length: 64 }, () => postHttp2(session, '/stream', opening()))
          open.push(...(await Promise.all(batch)))
        }
        expect(open.map(({ status }) => status)).toEqual(Array(256).fill(200))
        expect((await post(origin, '/poll', opening())).status).toBe(429)
        open[0]?.abort()
        // Nothing tells when the proxy has seen that.
        while ((await post(origin, '/send', opening())).status === 429);
        for (const session of sessions) session.destroy()
      }))

    test('sends whoever comes without TLS to where there is some', () =>
      withFront(proxy, async ({ plainOrigin }) => {
        const { status, headers } = await fetch(`${plainOrigin}/rt/poll?x=1`, {
          method: 'POST',
          redirect: 'manual',
        })
        expect(status).toBe(308)
        expect(headers.get('location')).toMatch(/^https:\/\/127\.0\.0\.1.*\/rt\/poll\?x=1$/)
      }))
  })
})

const withoutHaproxy = haproxy.missing ?? missingRedis
describe.skipIf(withoutHaproxy)(withoutHaproxy ?? 'HAProxy alone', () => {
  test('holds no event back without TLS either', () =>
    withFront(
      haproxy,
      async ({ plainOrigin }, [first], id) => {
        const stream = await post(plainOrigin, '/stream', opening(join(id)))
        await stream.body.until('"joined"')
        // A fifth of a second for each of them would be more than a test has.
        for (let n = 1; n <= 150; n++) {
          await first?.emit(id, n)
          await stream.body.until(`"n":${n}}`)
        }
        stream.abort()
      },
      { changes: { '  http-request redirect scheme https code 308 unless { ssl_fc }\n': '' } },
    ))

  test('carries a WebSocket within HTTP/2', () =>
    withFront(haproxy, async ({ origin }) => {
      const session = await connectHttp2(origin)
      const socket = await openSocketHttp2(session, opening())
      expect(socket.status).toBe(200)
      await socket.body.until('"welcome"')
      session.destroy()
    }))

  test('leaves a node alone that accepts connections and says nothing', async () => {
    const silent: Server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = silent.address()
    const nodes = await startNodes(server.url)
    const ports = [
      ...nodes.slice(1).map(({ port }) => port),
      typeof address === 'object' ? (address?.port ?? 0) : 0,
    ]
    const front = await haproxy.start(ports, { 'inter 2s': 'inter 200ms' })
    onTestFinished(async () => {
      await front.close()
      silent.close()
      await Promise.all(nodes.map((node) => node.close()))
    })
    // Nothing tells when it has made up its mind.
    while ((await front.ask('show servers state triwire')).split('\n').filter(isUp).length !== 2);
    for (let index = 0; index < 12; index++) expect((await post(front.origin, '/nowhere', '')).status).toBe(404)
  })
})

/** A row of HAProxy's state: backend id and name, server id, name and address, and 2 for one that runs. */
function isUp(row: string): boolean {
  const [, backend, , , , state] = row.split(' ')
  return backend === 'triwire' && state === '2'
}

/** Where a channel stands. */
async function headOf(origin: string, id: string): Promise<string | undefined> {
  const poll = await post(origin, '/poll', opening(join(id)))
  return /"at":"([^"]+)"/.exec(await poll.body.rest())?.[1]
}
