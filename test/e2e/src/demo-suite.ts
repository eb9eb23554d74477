/** What the demo does in a real browser, wherever it is served: React beside Vue in the same rooms, over each wire. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Relay, startRelay } from '@triwire-test/services'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isUpgrade, openAndStaySilent, refuse } from './blocked-websocket.ts'
import type { DemoServer } from './demo-server.ts'
import { engineMeta } from './engine-table.ts'
import { Pane } from './pane.ts'
import { type Browser, type Engine, type Profile, type Tab, waitUntil } from './tab.ts'
import { createWriter } from './writer.ts'

/** Where it is served, and what it is looked at with. */
export interface DemoHost {
  readonly engine: Engine
  /** @param port 0 takes a free one */
  start(port: number): Promise<DemoServer>
  /** Whether rooms remember what was said when the server is killed. */
  readonly keeps: boolean
}

const WIRES = [
  ['websocket', 'WebSocket'],
  ['sse', 'SSE'],
  ['polling', 'Polling'],
] as const

/** Registers the tests. They share a server, and each has rooms of its own. */
export function demoSuite(host: DemoHost): void {
  const { name, missing } = host.engine
  const title = `in ${name}${missing ? ` (${missing})` : ''}`
  describe.skipIf(missing)(title, { meta: engineMeta(host.engine) }, () => registerTests(host))
}

function registerTests({ engine, start, keeps }: DemoHost): void {
  let browser: Browser
  let server: DemoServer
  let profile: Profile
  let tab: Tab

  beforeAll(async () => {
    browser = await engine.launch()
    server = await start(0)
  })

  afterAll(async () => {
    await browser.close()
    await server.stop('SIGKILL')
  })

  afterEach(async () => {
    await profile.close()
  })

  async function open(query: string, { port }: { readonly port: number } = server): Promise<[Pane, Pane]> {
    profile = await browser.createProfile()
    tab = await profile.open(`http://localhost:${port}/?${query}`)
    return [new Pane(tab, 'react'), new Pane(tab, 'vue')]
  }

  describe.each(WIRES)('over %s', (wire, label) => {
    it('React and Vue exchange messages, both ways, in both rooms', async () => {
      const [react, vue] = await open(`room=talk-${wire}&wire=${wire}`)
      await react.online(label)
      await vue.online(label)

      for (const room of ['lobby', 'chat'] as const) {
        await react.say(room, `${room} one`)
        await vue.sees(room, `${room} one`)
        await vue.say(room, `${room} two`)
        await react.sees(room, `${room} two`)
        await react.sayByButton(room, `${room} three`)
        await vue.sees(room, `${room} three`)
        await react.sees(room, `${room} three`)
        const expected = [`${room} one`, `${room} two`, `${room} three`]
        expect(await react.texts(room)).toEqual(expected)
        expect(await vue.texts(room)).toEqual(expected)
      }
      expect(await tab.problems()).toEqual([])
    })

    it('a reload resumes with every message once, in order', async () => {
      const [react, vue] = await open(`room=reload-${wire}&wire=${wire}`)
      await react.online(label)
      await vue.online(label)
      const writer = createWriter(server, `reload-${wire}`)
      const expected: string[] = []
      const write = async (): Promise<void> => {
        expected.push(`line ${expected.length + 1}`)
        await writer.write(expected.at(-1) as string)
      }
      while (expected.length < 4) await write()
      await vue.sees('lobby', 'line 4')
      // Somebody else goes on writing while the page is loaded again, at a pace that its `tail` can make up for.
      const reloaded = tab.reload()
      while (expected.length < 12) await Promise.all([write(), sleep(50)])
      await reloaded
      await write()
      writer.close()
      await react.online(label)
      await react.sees('lobby', 'line 13')
      await vue.sees('lobby', 'line 13')
      expect(await react.texts('lobby')).toEqual(expected)
      expect(await vue.texts('lobby')).toEqual(expected)
      expect(await tab.problems()).toEqual([])
    })

    it('goes on by itself after the server was killed and started again', async () => {
      const [react, vue] = await open(`room=restart-${wire}&wire=${wire}`)
      await react.online(label)
      await vue.online(label)
      await react.say('lobby', 'before')
      await vue.sees('lobby', 'before')

      await server.stop('SIGKILL')
      // Written while nobody listens: kept by the client and delivered when the server is back.
      await react.say('lobby', 'meanwhile')
      server = await start(server.port)

      await vue.sees('lobby', 'meanwhile')
      await vue.say('lobby', 'after')
      await react.sees('lobby', 'after')
      // Where the log lives in the process, what it lost is said, once, and not passed over.
      if (!keeps) await react.seesGap('lobby')
      expect(await react.gaps('lobby')).toHaveLength(keeps ? 0 : 1)
      const texts = await react.texts('lobby')
      expect(texts.filter((text) => text === 'meanwhile')).toHaveLength(1)
      expect(texts.filter((text) => text === 'after')).toHaveLength(1)
      expect(await tab.problems()).toEqual([])
    })
  })

  describe('the demo page', () => {
    it('opens one wire per client, in React StrictMode as well', async () => {
      let sockets = 0
      await throughRelay(async (relay) => {
        relay.admit = (head) => {
          if (isUpgrade(head)) sockets++
          return true
        }
        const [react, vue] = await open('room=once', relay)
        await react.online('WebSocket')
        await vue.online('WebSocket')
        await vue.say('lobby', 'both are there')
        await react.sees('lobby', 'both are there')
        expect(sockets).toBe(2)
      })
    })

    it('shows who is there, who is typing, and how long a round trip takes', async () => {
      const [react, vue] = await open('room=people')
      await react.online('WebSocket')
      await vue.online('WebSocket')
      await react.seesMembers(2)
      await vue.type('lobby', 'hm')
      await react.seesTyping('lobby')
      expect(await vue.typing('lobby')).toBe(false)
      await react.seesRtt()
      expect(await tab.problems()).toEqual([])
    })

    it('changes the wire on demand, without losing a message', async () => {
      const [react, vue] = await open('room=switch')
      await react.online('WebSocket')
      const expected: string[] = []
      for (const [wire, label] of [WIRES[1], WIRES[2], WIRES[0]]) {
        await react.choose(wire)
        expected.push(`to ${wire}`)
        await vue.say('lobby', `to ${wire}`)
        await react.online(label)
        await react.sees('lobby', `to ${wire}`)
      }
      expect(await react.texts('lobby')).toEqual(expected)
      expect(await tab.problems()).toEqual([])
    })
  })

  describe('where WebSocket does not get through', () => {
    it.each([
      ['is refused', refuse],
      ['opens and stays silent', openAndStaySilent],
    ])('and %s, the page goes on over SSE by itself', async (_how, meddle) => {
      await throughRelay(async (relay) => {
        relay.admit = (head, near) => !isUpgrade(head) || meddle(head, near)
        const [react, vue] = await open(`room=blocked-${meddle.name}`, relay)
        await react.online('SSE')
        await vue.online('SSE')
        await react.say('chat', 'through a proxy')
        await vue.sees('chat', 'through a proxy')
      })
    })
  })

  describe('a plain client', () => {
    it("follows a room with the browser's own EventSource, and resumes by the last event id", async () => {
      const [react] = await open('room=plain')
      await react.online('WebSocket')
      await tab.evaluate(`(() => {
        window.heard = []
        window.source = new EventSource('/rt/sse?channel=lobby/plain')
        source.onmessage = ({ data }) => heard.push(JSON.parse(data).d.text)
        return new Promise((resolve) => source.addEventListener('joined', () => resolve(), { once: true }))
      })()`)
      await react.say('lobby', 'one')
      await waitUntil(tab, "heard.length === 1 && heard[0] === 'one'")
      const read = await watch('/rt/sse?channel=lobby/plain&tail=1', 'one')
      const id = [...read.matchAll(/^id: (.+)$/gm)].at(-1)?.[1]
      await react.say('lobby', 'two')
      await react.say('lobby', 'three')
      await waitUntil(tab, 'heard.length === 3')
      expect(await tab.evaluate('heard')).toEqual(['one', 'two', 'three'])
      // What a command line would do: the same stream again, from the last id it has seen.
      const resumed = await watch('/rt/sse?channel=lobby/plain', 'three', { 'last-event-id': String(id) })
      expect([...resumed.matchAll(/"text":"(\w+)"/g)].map((match) => match[1])).toEqual(['two', 'three'])
      expect(await tab.problems()).toEqual([])
    })
  })

  /** A line to the server of a test's own. */
  async function throughRelay(test: (relay: Relay) => Promise<void>): Promise<void> {
    const relay = await startRelay(server.port)
    try {
      await test(relay)
    } finally {
      await relay.close()
    }
  }

  /** Reads an event stream until a text has come by; returns what was read. */
  async function watch(path: string, until: string, headers: Record<string, string> = {}): Promise<string> {
    const controller = new AbortController()
    const response = await fetch(server.url + path, { headers, signal: controller.signal })
    const decoder = new TextDecoder()
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true })
      if (text.includes(`"text":"${until}"`)) break
    }
    controller.abort()
    return text
  }
}
