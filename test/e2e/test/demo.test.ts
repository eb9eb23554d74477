// The demo in a real browser: React beside Vue in the same rooms, over each wire, through reloads and a restart.

import type { Browser, Page, WebSocketRoute } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchBrowser } from '../src/browser.ts'
import { type DemoServer, startDemo } from '../src/demo-server.ts'
import { Pane } from '../src/pane.ts'

const WIRES = [
  ['websocket', 'WebSocket'],
  ['sse', 'SSE'],
  ['polling', 'Polling'],
] as const

let browser: Browser
let server: DemoServer
let page: Page
let problems: string[]

beforeAll(async () => {
  browser = await launchBrowser()
})

afterAll(async () => {
  await browser.close()
})

beforeEach(async () => {
  server = await startDemo()
  problems = []
})

afterEach(async () => {
  await page.context().close()
  await server.stop()
})

async function open(query: string): Promise<Page> {
  const context = await browser.newContext()
  page = await context.newPage()
  page.setDefaultTimeout(20_000)
  page.on('pageerror', (error) => problems.push(String(error)))
  await page.goto(`${server.url}/?${query}`)
  return page
}

describe.each(WIRES)('over %s', (wire, label) => {
  it('React and Vue exchange messages, both ways, in both rooms', async () => {
    await open(`room=${wire}&wire=${wire}`)
    const react = new Pane(page, 'react')
    const vue = new Pane(page, 'vue')
    await react.online(label)
    await vue.online(label)

    for (const room of ['lobby', 'chat'] as const) {
      await react.say(room, `${room} one`)
      await vue.sees(room, `${room} one`)
      await vue.say(room, `${room} two`)
      await react.sees(room, `${room} two`)
      await react.say(room, `${room} three`)
      await vue.sees(room, `${room} three`)
      const expected = [`${room} one`, `${room} two`, `${room} three`]
      expect(await react.texts(room)).toEqual(expected)
      expect(await vue.texts(room)).toEqual(expected)
    }
    expect(problems).toEqual([])
  })

  it('a reload resumes with every message once, in order', async () => {
    await open(`room=${wire}&wire=${wire}`)
    const react = new Pane(page, 'react')
    const vue = new Pane(page, 'vue')
    await react.online(label)
    await vue.online(label)
    // A second page goes on writing while the first one reloads.
    const other = await page.context().newPage()
    other.setDefaultTimeout(20_000)
    await other.goto(`${server.url}/?room=${wire}&wire=${wire}`)
    const writer = new Pane(other, 'react')
    await writer.online(label)

    const expected = Array.from({ length: 12 }, (_, index) => `line ${index + 1}`)
    let reloaded: Promise<unknown> | undefined
    for (const [index, text] of expected.entries()) {
      if (index === 4) reloaded = page.reload()
      await writer.say('lobby', text)
      await writer.sees('lobby', text)
    }
    await reloaded
    await react.online(label)
    await react.sees('lobby', 'line 12')
    await vue.sees('lobby', 'line 12')
    expect(await react.texts('lobby')).toEqual(expected)
    expect(await vue.texts('lobby')).toEqual(expected)
    expect(problems).toEqual([])
  })

  it('goes on by itself after the server was killed and started again', async () => {
    await open(`room=${wire}&wire=${wire}`)
    const react = new Pane(page, 'react')
    const vue = new Pane(page, 'vue')
    await react.online(label)
    await vue.online(label)
    await react.say('lobby', 'before')
    await vue.sees('lobby', 'before')

    await server.stop('SIGKILL')
    // Written while nobody listens: kept by the client and delivered when the server is back.
    await react.say('lobby', 'meanwhile')
    server = await startDemo(server.port)

    await vue.sees('lobby', 'meanwhile')
    await vue.say('lobby', 'after')
    await react.sees('lobby', 'after')
    // The demo's log lives in its process: what it lost is said, once, and not passed over.
    await react.gaps('lobby').first().waitFor()
    expect(await react.gaps('lobby').count()).toBe(1)
    const texts = await react.texts('lobby')
    expect(texts.filter((text) => text === 'meanwhile')).toHaveLength(1)
    expect(texts.filter((text) => text === 'after')).toHaveLength(1)
    expect(problems).toEqual([])
  })
})

describe('the demo page', () => {
  it('opens one wire per client, in React StrictMode as well', async () => {
    const context = await browser.newContext()
    page = await context.newPage()
    const sockets: string[] = []
    page.on('websocket', (socket) => sockets.push(socket.url()))
    await page.goto(`${server.url}/?room=once`)
    await new Pane(page, 'react').online('WebSocket')
    await new Pane(page, 'vue').online('WebSocket')
    await new Pane(page, 'vue').say('lobby', 'both are there')
    await new Pane(page, 'react').sees('lobby', 'both are there')
    expect(sockets).toHaveLength(2)
  })

  it('shows who is there, who is typing, and how long a round trip takes', async () => {
    await open('room=people')
    const react = new Pane(page, 'react')
    const vue = new Pane(page, 'vue')
    await react.online('WebSocket')
    await vue.online('WebSocket')
    await react.members().nth(1).waitFor()
    expect(await react.members().count()).toBe(2)
    await vue.type('lobby', 'hm')
    await react.typing('lobby').waitFor()
    expect(await vue.typing('lobby').count()).toBe(0)
    await react
      .rtt()
      .getByText(/\d+\s*ms/)
      .waitFor()
    expect(problems).toEqual([])
  })

  it('changes the wire on demand, without losing a message', async () => {
    await open('room=switch')
    const react = new Pane(page, 'react')
    const vue = new Pane(page, 'vue')
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
    expect(problems).toEqual([])
  })
})

describe('where WebSocket does not get through', () => {
  it.each([
    ['is closed at once', (socket: WebSocketRoute) => void socket.close()],
    ['opens and stays silent', () => {}],
  ])('and %s, the page goes on over SSE by itself', async (_how, meddle) => {
    const context = await browser.newContext()
    page = await context.newPage()
    page.setDefaultTimeout(20_000)
    await page.routeWebSocket(/\/rt$/, meddle)
    await page.goto(`${server.url}/?room=blocked`)
    const react = new Pane(page, 'react')
    const vue = new Pane(page, 'vue')
    await react.online('SSE')
    await vue.online('SSE')
    await react.say('chat', 'through a proxy')
    await vue.sees('chat', 'through a proxy')
  })
})

describe('a plain client', () => {
  it("follows a room with the browser's own EventSource, and resumes by the last event id", async () => {
    await open('room=plain')
    const react = new Pane(page, 'react')
    await react.online('WebSocket')
    // As text, because the functions of this file are checked against Node, not against a page.
    await page.evaluate(`{
      window.heard = []
      window.source = new EventSource('/rt/sse?channel=lobby/plain')
      source.onmessage = ({ data }) => heard.push(JSON.parse(data).d.text)
      new Promise((resolve) => source.addEventListener('joined', resolve, { once: true }))
    }`)
    await react.say('lobby', 'one')
    await page.waitForFunction("heard.length === 1 && heard[0] === 'one'")
    const read = await watch('/rt/sse?channel=lobby/plain&tail=1', 'one')
    const id = [...read.matchAll(/^id: (.+)$/gm)].at(-1)?.[1]
    await react.say('lobby', 'two')
    await react.say('lobby', 'three')
    await page.waitForFunction('heard.length === 3')
    expect(await page.evaluate('heard')).toEqual(['one', 'two', 'three'])
    // What a command line would do: the same stream again, from the last id it has seen.
    const resumed = await watch('/rt/sse?channel=lobby/plain', 'three', { 'last-event-id': String(id) })
    expect([...resumed.matchAll(/"text":"(\w+)"/g)].map((match) => match[1])).toEqual(['two', 'three'])
    expect(problems).toEqual([])
  })
})

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

describe('the demo server', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('stops cleanly on %s with clients connected', async (signal) => {
    await open('room=stop')
    await new Pane(page, 'react').online('WebSocket')
    expect(await server.stop(signal)).toBe(0)
  })
})
