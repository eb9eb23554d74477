// The demo on several nodes: real processes behind a balancer, ended by the buttons of the page while it listens.

import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missingRedis, startRedis } from '@triwire-test/services'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { chromium } from '../src/chromium.ts'
import { type DemoServer, runDemo, startDemo } from '../src/demo-server.ts'
import { NodesPanel } from '../src/nodes-panel.ts'
import { Pane } from '../src/pane.ts'
import type { Browser, Profile, Tab } from '../src/tab.ts'

const FLAGS = ['--nodes', '3', '--broker', 'redis']
const PATIENCE = { timeout: 20_000 }
const HALVES = ['react', 'vue'] as const
const WIRES = [
  ['websocket', 'WebSocket'],
  ['sse', 'SSE'],
  ['polling', 'Polling'],
] as const

/** What `GET /nodes` says of one. */
interface Node {
  readonly id: number
  readonly state: string
  readonly pid?: number
}

async function nodesOf({ url }: DemoServer): Promise<readonly Node[]> {
  return (await (await fetch(`${url}/nodes`)).json()) as readonly Node[]
}

describe.skipIf(missingRedis)(`the demo on three nodes${missingRedis ? ` (${missingRedis})` : ''}`, () => {
  let browser: Browser
  let server: DemoServer
  let folder: string
  let profiles: Profile[]

  beforeAll(async () => {
    browser = await chromium.launch()
  })
  afterAll(async () => {
    await browser.close()
  })
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'triwire-e2e-'))
    server = await startDemo(0, { flags: FLAGS, env: { TMPDIR: folder } })
    profiles = []
  })
  afterEach(async () => {
    for (const profile of profiles) await profile.close()
    await server.stop()
    await rm(folder, { recursive: true })
  })

  /** A page of a browser of its own. */
  async function open(query: string): Promise<Tab> {
    const profile = await browser.createProfile()
    profiles.push(profile)
    return await profile.open(`${server.url}/?${query}`)
  }

  /** Both halves have heard each tick once and in order, from the first to the last, and say so. */
  async function expectAllTicks(panel: NodesPanel): Promise<void> {
    for (const half of HALVES) {
      const ticks = await panel.ticks(half)
      const first = ticks[0] as number
      expect(ticks).toEqual(ticks.map((tick, index) => (tick === null ? null : first + index)))
      expect(await panel.account(half)).toEqual({ lost: '0', doubled: '0', disordered: '0' })
    }
  }

  it.each(WIRES)('over %s misses no tick while nodes are killed under it', async (wire, label) => {
    const tab = await open(`room=${wire}&wire=${wire}`)
    const panel = await NodesPanel.watch(tab)
    const [react, vue] = [new Pane(tab, 'react'), new Pane(tab, 'vue')]
    await react.online(label)
    await vue.online(label)
    const before = new Map((await nodesOf(server)).map(({ id, pid }) => [id, pid]))

    const first = await panel.served('react')
    await panel.press('kill', first)
    await panel.inState(first, 'down')
    await react.say('lobby', 'the first is gone')
    await vue.sees('lobby', 'the first is gone')
    await panel.hears('react', 5)

    const second = await panel.served('vue')
    expect(second).not.toBe(first)
    await panel.press('kill', second)
    await panel.inState(second, 'down')
    await vue.say('chat', 'and the second')
    await react.sees('chat', 'and the second')
    for (const half of HALVES) await panel.hears(half, 5)

    // Those that were killed are other processes when they are back.
    for (const id of [first, second]) await panel.inState(id, 'up')
    for (const { id, pid } of await nodesOf(server)) {
      if (id === first || id === second) expect(pid).not.toBe(before.get(id))
      else expect(pid).toBe(before.get(id))
    }
    for (const half of HALVES) await panel.hears(half, 5)
    await expectAllTicks(panel)
    // Whose node was killed is still there: the clients came back before anybody could miss them.
    expect(await react.members()).toBe(2)
    expect(await vue.members()).toBe(2)
    expect(await tab.problems()).toEqual([])
  })

  it('misses no tick while a node is drained, and is served by another one afterwards', async () => {
    const tab = await open('room=drain')
    const panel = await NodesPanel.watch(tab)
    const drained = await panel.served('react')
    await panel.press('drain', drained)
    await panel.inState(drained, 'down')
    for (const half of HALVES) {
      await panel.hears(half, 3)
      expect(await panel.served(half)).not.toBe(drained)
    }
    await panel.inState(drained, 'up')
    await expectAllTicks(panel)
    expect(await tab.problems()).toEqual([])
  })

  it('misses no tick where all nodes were killed at once and came back', async () => {
    const tab = await open('room=all')
    const panel = await NodesPanel.watch(tab)
    for (const node of [1, 2, 3]) await panel.press('kill', node)
    const pane = new Pane(tab, 'react')
    await pane.say('lobby', 'is anybody there?')
    await new Pane(tab, 'vue').sees('lobby', 'is anybody there?')
    for (const half of HALVES) await panel.hears(half, 5)
    await expectAllTicks(panel)
    expect(await pane.texts('lobby')).toEqual(['is anybody there?'])
    expect(await tab.problems()).toEqual([])
  })

  it('shows newcomers the same past, whichever node they meet', async () => {
    const writer = new Pane(await open('room=past'), 'react')
    await writer.say('chat', 'one')
    await writer.sees('chat', 'one')
    await writer.say('chat', 'two')
    await writer.sees('chat', 'two')
    const met = new Set<number>()
    while (met.size < 3) {
      const tab = await open('room=past')
      met.add(await (await NodesPanel.watch(tab)).served('react'))
      for (const half of HALVES) {
        await new Pane(tab, half).sees('chat', 'two')
        expect(await new Pane(tab, half).texts('chat')).toEqual(['one', 'two'])
      }
      await tab.close()
    }
  })

  it.each([
    ['another site', { origin: 'http://evil.example' }],
    ['another site without an Origin', { 'sec-fetch-site': 'cross-site' }],
    ['another port of this machine', { origin: 'http://localhost:1', 'sec-fetch-site': 'same-site' }],
    ['a page whose name leads here', { host: 'evil.example', origin: 'http://evil.example' }],
  ])('does not let %s end a node', async (_who, headers) => {
    const before = await nodesOf(server)
    // By hand: `fetch` does not let anybody lie about these headers.
    const socket = connect(server.port, '127.0.0.1')
    const lines = Object.entries({ host: `localhost:${server.port}`, ...headers, connection: 'close' })
    socket.write(`POST /nodes/1/kill HTTP/1.1\r\n${lines.map((line) => `${line.join(': ')}\r\n`).join('')}\r\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    expect(String(answer)).toMatch(/^HTTP\/1\.1 403 /)
    expect(await nodesOf(server)).toEqual(before)
  })

  it.each([
    ['SIGINT', 'group'],
    ['SIGTERM', 'process'],
  ] as const)('ends with all it has started on %s to its %s', async (signal, whom) => {
    const tab = await open('room=stop')
    await new Pane(tab, 'react').online('WebSocket')
    const pids = (await nodesOf(server)).flatMap(({ pid }) => pid ?? [])
    expect(pids).toHaveLength(3)
    expect(await server.stop(signal, whom)).toBe(0)
    expect(pids.filter(isAlive)).toEqual([])
    expect(await answers(redisPortOf(server))).toBe(server.printed().includes('which was running'))
    expect(await readdir(folder)).toEqual([])
  })

  it('leaves no node and no Redis of its own behind where it is killed itself', async () => {
    const pids = (await nodesOf(server)).flatMap(({ pid }) => pid ?? [])
    await server.stop('SIGKILL')
    const isOwn = !server.printed().includes('which was running')
    // They are nobody's children now, so nobody is told of their end, and the system may take its time to clear up.
    await expect.poll(() => pids.filter(isAlive), PATIENCE).toEqual([])
    if (isOwn) await expect.poll(() => answers(redisPortOf(server)), PATIENCE).toBe(false)
  })
})

describe.skipIf(missingRedis)(`the demo on a Redis that runs${missingRedis ? ` (${missingRedis})` : ''}`, () => {
  it('uses it and leaves it as it is', async () => {
    const redis = await startRedis()
    try {
      const server = await startDemo(0, { flags: FLAGS, env: { REDIS_URL: redis.url } })
      expect(server.printed()).toContain(`Redis on ${redis.url}, which was running`)
      expect(await nodesOf(server)).toHaveLength(3)
      expect(await server.stop()).toBe(0)
      expect(await answers(redis.port)).toBe(true)
    } finally {
      await redis.stop()
    }
  })
})

describe('the demo says what is wrong with', () => {
  it('a machine without Redis, and how to get one', async () => {
    const env = { PATH: '/nonexistent', REDIS_URL: undefined }
    // Where one runs at the usual place, nothing is wrong.
    if (await answers(6379)) {
      const server = await startDemo(0, { flags: FLAGS, env })
      expect(server.printed()).toContain('which was running')
      await server.stop()
      return
    }
    const { code, printed } = await runDemo({ flags: FLAGS, env })
    expect(code).toBe(1)
    expect(printed).toMatch(/redis-server is not installed.*apt install redis-server.*brew.*docker run.*REDIS_URL/s)
    expect(printed.trim().split('\n')).toHaveLength(3)
  })

  it.each([
    ['a Redis that does not answer', FLAGS, /REDIS_URL names redis:\/\/127\.0\.0\.1:1, which cannot be used: /],
    ['nodes that share nothing', ['--nodes', '3'], /memory is one process. Add --broker redis/],
    ['a single node', ['--nodes', '1', '--broker', 'redis'], /--nodes is a number from 2 to 9/],
    ['a broker for one server', ['--broker', 'redis'], /Add --nodes 3/],
    ['a broker it does not have', ['--nodes', '3', '--broker', 'abacus'], /no broker "abacus" here/],
    ['a flag it does not know', ['--node', '3'], /--node.*Usage:/s],
  ])('%s', async (_what, flags, words) => {
    const { code, printed } = await runDemo({ flags, env: { REDIS_URL: 'redis://ann:secret@127.0.0.1:1' } })
    expect(code).toBe(1)
    expect(printed).toMatch(words)
    expect(printed).not.toContain('secret')
  })
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function redisPortOf(server: DemoServer): number {
  return Number(/Redis .*?(\d{4,5})/.exec(server.printed())?.[1])
}

/** Whether anything listens on a port of loopback. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
