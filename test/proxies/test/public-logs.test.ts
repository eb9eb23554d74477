/** Public logs behind the cache of docs/scaling/nginx.conf: readers by the thousand, and nodes that hardly hear of them. */
import { once } from 'node:events'
import { missingRedis, type RedisServer, startRedis } from '@triwire-test/services'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Changes } from '../src/configuration.ts'
import { nginx } from '../src/front.ts'
import { getPage, startLogReaders } from '../src/log-readers.ts'
import { type Node, startNodes } from '../src/nodes.ts'
import { trustOurCertificates } from '../src/trust.ts'

const READERS = Number(process.env.READERS ?? 2000)
const MESSAGES = 20

/** Readers come from one address here, and each of them has a connection. */
const FROM_ONE_ADDRESS: Changes = { 'limit_conn addresses 1000;': 'limit_conn addresses 4000;' }

let server: RedisServer

trustOurCertificates()
beforeAll(async () => {
  if (missingRedis === undefined) server = await startRedis()
})
afterAll(() => server?.stop())

async function start(
  changes: Changes = {},
  limits: Parameters<typeof startNodes>[1] = {},
): Promise<{ origin: string; nodes: readonly Node[] }> {
  const nodes = await startNodes(server.url, limits)
  onTestFinished(async () => void (await Promise.all(nodes.map((node) => node.close()))))
  const front = await nginx.start(
    nodes.map(({ port }) => port),
    changes,
  )
  onTestFinished(() => front.close())
  return { origin: front.origin, nodes }
}

const requestsOf = (nodes: readonly Node[]): number => nodes.reduce((sum, { requests }) => sum + requests, 0)
const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1)

const reason = nginx.missing ?? missingRedis
describe.skipIf(reason)(reason ?? 'behind the cache of nginx', () => {
  test(`${READERS} readers of a public log get each message once and in order, for a few requests to the nodes`, async () => {
    const { origin, nodes } = await start(FROM_ONE_ADDRESS)
    const readers = await startLogReaders(`${origin}/rt/log/scores/final`, READERS)
    onTestFinished(() => readers.close())
    const before = requestsOf(nodes)
    const began = performance.now()
    for (let n = 1; n <= MESSAGES; n++) {
      await nodes[n % nodes.length]?.score('final', n)
      await readers.heard(n)
    }
    const tookMs = performance.now() - began
    const perMessage = (requestsOf(nodes) - before) / MESSAGES
    console.info(
      `${READERS} readers, ${MESSAGES} messages: ${perMessage.toFixed(2)} requests to the nodes for each, ` +
        `${Math.round(tookMs / MESSAGES)} ms until the last reader had it; ` +
        [...readers.statuses].map(([status, count]) => `${count} ${status}`).join(', '),
    )
    for (const read of readers.read) expect(read).toEqual(upTo(MESSAGES))
    expect(perMessage).toBeLessThanOrEqual(5)
  }, 120_000)

  test('readers with nothing to read go from round to round together, and hear what comes then', async () => {
    const { origin, nodes } = await start(FROM_ONE_ADDRESS, { pollHoldMs: 1000 })
    const asked: string[] = []
    let handleAsked = (): void => {}
    for (const node of nodes)
      node.server.on('request', ({ url = '' }) => {
        asked.push(url)
        handleAsked()
      })
    const readers = await startLogReaders(`${origin}/rt/log/scores/quiet`, 300)
    onTestFinished(() => readers.close())
    const places = (): number => new Set(asked).size
    await new Promise<void>((resolve) => {
      handleAsked = () => {
        if (places() >= 6) resolve()
      }
    })
    await nodes[0]?.score('quiet', 1)
    await readers.heard(1)
    console.info(`300 readers without news: ${asked.length} requests to the nodes for ${places()} pages`)
    expect(asked.length).toBeLessThanOrEqual(5 * places())
  }, 60_000)

  test('a node that dies while readers wait for its page is not missed by any of them', async () => {
    const { origin, nodes } = await start(FROM_ONE_ADDRESS)
    const readers = await startLogReaders(`${origin}/rt/log/scores/final`, 300)
    onTestFinished(() => readers.close())
    let n = 0
    const tell = async (): Promise<void> => {
      await nodes[2]?.score('final', ++n)
      await readers.heard(n)
    }
    for (let isKilled = false; !isKilled; ) {
      // Whoever is asked next has the page behind this message, and holds it.
      const asked = Promise.race(nodes.map((node) => once(node.server, 'request').then(() => node)))
      await tell()
      const holder = await asked
      // One of them is left to emit.
      if (holder === nodes[2]) continue
      await holder.kill()
      isKilled = true
    }
    await tell()
    await tell()
    for (const read of readers.read) expect(read).toEqual(upTo(n))
  }, 60_000)

  test('a page that is old is served where no node answers', async () => {
    const { origin, nodes } = await start()
    for (const n of upTo(3)) await nodes[0]?.score('late', n)
    const { headers } = await getPage(`${origin}/rt/log/scores/late?tail=3`)
    const url = `${origin}/rt/log/scores/${headers.location}`
    const fresh = await getPage(url)
    expect(fresh.headers['x-cache-status']).toBe('MISS')
    for (const node of nodes) await node.kill()
    let old = fresh
    // It is fresh for 2 s.
    while (old.headers['x-cache-status'] !== 'STALE') {
      old = await getPage(url)
      expect([old.status, old.body]).toEqual([200, fresh.body])
    }
  })

  test('nothing is kept of a log that is not public, even where it goes through the cache', async () => {
    const { origin, nodes } = await start({ 'location ^~ /rt/log/scores/ {': 'location ^~ /rt/log/ {' })
    const [node] = nodes
    // A full page, which is good for minutes.
    for (const n of upTo(100)) await node?.score('one', n)
    for (const n of upTo(3)) await node?.emit('one', n)
    const { headers } = await getPage(`${origin}/rt/log/scores/one?tail=100`)
    const first = `${origin}/rt/log/scores/${headers.location}`
    expect((await getPage(first)).headers['x-cache-status']).toBe('MISS')
    expect((await getPage(first)).headers['x-cache-status']).toBe('HIT')

    const before = requestsOf(nodes)
    const answers = await Promise.all(upTo(5).map(() => getPage(`${origin}/rt/log/run/one?tail=3`)))
    for (const { status, headers: answered, body } of answers) {
      expect([status, answered['x-cache-status'], answered['cache-control']]).toEqual([
        200,
        'MISS',
        'no-store, no-transform',
      ])
      expect(body.match(/"t":"ev"/g)).toHaveLength(3)
    }
    expect(requestsOf(nodes) - before).toBe(5)
    // Each of them is somebody.
    expect(new Set(answers.map(({ body }) => /"m":"([^"]+)"/.exec(body)?.[1])).size).toBe(5)
  })
})
