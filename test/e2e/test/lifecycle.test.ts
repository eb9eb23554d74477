// What happens to a page besides the network: it is hidden, frozen, left and brought back, offline, or one of six.

import type { Browser, BrowserContext, Page } from 'playwright-core'
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
let contexts: BrowserContext[]

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser.close()
})
beforeEach(async () => {
  server = await startDemo()
  contexts = []
})
afterEach(async () => {
  for (const context of contexts) await context.close()
  await server.stop()
})

/** A page of a browser of its own: what happens to it happens to nobody else. */
async function createPage(): Promise<Page> {
  const context = await browser.newContext()
  contexts.push(context)
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  return page
}

/** Somebody elsewhere who goes on writing. */
async function createWriter(room: string): Promise<(text: string) => Promise<void>> {
  const page = await createPage()
  await page.goto(`${server.url}/?room=${room}`)
  const pane = new Pane(page, 'react')
  await pane.online('WebSocket')
  return async (text) => {
    await pane.say('lobby', text)
    await pane.sees('lobby', text)
  }
}

describe.each(WIRES)('over %s a page', (wire, label) => {
  it('that was offline has missed nothing when it is back', async () => {
    const write = await createWriter('offline')
    const page = await createPage()
    await page.goto(`${server.url}/?room=offline&wire=${wire}`)
    const pane = new Pane(page, 'vue')
    await pane.online(label)
    await write('before')
    await pane.sees('lobby', 'before')
    await page.context().setOffline(true)
    await write('one')
    await write('two')
    await pane.say('lobby', 'written offline')
    await page.context().setOffline(false)
    await pane.sees('lobby', 'two')
    await pane.sees('lobby', 'written offline')
    await write('after')
    await pane.sees('lobby', 'after')
    const texts = await pane.texts('lobby')
    expect(texts.filter((text) => text !== 'written offline')).toEqual(['before', 'one', 'two', 'after'])
    expect(texts.filter((text) => text === 'written offline')).toHaveLength(1)
  })

  it('whose clock jumps by five minutes, as of a hidden tab or a closed lid, goes on by itself', async () => {
    const write = await createWriter('hidden')
    const page = await createPage()
    await page.clock.install()
    await page.goto(`${server.url}/?room=hidden&wire=${wire}`)
    const pane = new Pane(page, 'react')
    await pane.online(label)
    await write('before')
    await pane.sees('lobby', 'before')
    await page.clock.fastForward('05:00')
    await write('after')
    await pane.sees('lobby', 'after')
    expect(await pane.texts('lobby')).toEqual(['before', 'after'])
  })

  it('that was frozen has missed nothing when it is thawed', async () => {
    const write = await createWriter('frozen')
    const page = await createPage()
    await page.goto(`${server.url}/?room=frozen&wire=${wire}`)
    const pane = new Pane(page, 'vue')
    await pane.online(label)
    await write('before')
    await pane.sees('lobby', 'before')
    const devtools = await page.context().newCDPSession(page)
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' })
    await write('one')
    await write('two')
    await devtools.send('Page.setWebLifecycleState', { state: 'active' })
    await pane.sees('lobby', 'two')
    expect(await pane.texts('lobby')).toEqual(['before', 'one', 'two'])
  })

  it('that was left and brought back with the back button has missed nothing', async () => {
    const write = await createWriter('left')
    const page = await createPage()
    await page.goto(`${server.url}/?room=left&wire=${wire}`)
    const pane = new Pane(page, 'react')
    await pane.online(label)
    await write('before')
    await pane.sees('lobby', 'before')
    await page.goto(`${server.url}/healthz`)
    await write('one')
    await write('two')
    await page.goBack()
    await pane.sees('lobby', 'two')
    await write('after')
    await pane.sees('lobby', 'after')
    expect(await pane.texts('lobby')).toEqual(['before', 'one', 'two', 'after'])
  })
})

describe('six tabs over HTTP/1.1 where WebSocket is blocked', () => {
  it('hear everything, and leave connections for the rest of the site', async () => {
    const [first] = [await createPage()]
    const context = first.context()
    await context.routeWebSocket(/\/rt$/, (socket) => void socket.close())
    const pages = [first, ...(await Promise.all([1, 2, 3, 4, 5].map(() => context.newPage())))]
    for (const page of pages) {
      page.setDefaultTimeout(20_000)
      await page.goto(`${server.url}/?room=tabs`)
    }
    const panes = pages.map((page) => new Pane(page, 'react'))
    const texts = panes.map((_, index) => `from tab ${index + 1}`)
    for (const [index, pane] of panes.entries()) {
      await pane.say('lobby', texts[index] as string)
      await pane.sees('lobby', texts[index] as string)
    }
    for (const [index, pane] of panes.entries()) {
      await pane.sees('lobby', texts.at(-1) as string)
      expect(await pane.texts('lobby')).toEqual(texts)
      expect(await pages[index]?.evaluate('fetch("/healthz").then(({ status }) => status)')).toBe(200)
    }
  })
})
