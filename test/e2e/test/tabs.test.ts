// Six tabs of one site over HTTP/1.1 and SSE, in a real browser: one of them leads, and is closed, crashed and frozen
// while numbers are emitted and published. A browser has six connections for all of them.

import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { launchChromium } from '../src/chromium.ts'
import { freezePage } from '../src/frozen-page.ts'
import type { PageTab } from '../src/tab-page.ts'
import { startTabsSite, type TabsSite } from '../src/tabs-site.ts'

const WAIT = { timeout: 40_000, interval: 100 }

let browser: Browser
let context: BrowserContext
let site: TabsSite
let pages: Map<string, Page>
let ticking: NodeJS.Timeout | undefined

beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(async () => {
  await browser.close()
})
beforeEach(async () => {
  site = await startTabsSite()
  context = await browser.newContext()
  pages = new Map()
})
afterEach(async () => {
  clearInterval(ticking)
  await context.close()
  await site.stop()
})

async function openSix(): Promise<void> {
  for (let tab = 1; tab <= 6; tab++) {
    const page = await context.newPage()
    await page.goto(`${site.url}/#tab-${tab}`)
    pages.set(`tab-${tab}`, page)
  }
  await allHear()
  await vi.waitFor(() => expect(site.streams()).toBe(1), WAIT)
}

function tabOf(page: Page): Promise<{ ticks: number[]; said: string[]; gaps: number }> {
  return page.evaluate(() => {
    const { ticks, said, gaps } = (globalThis as unknown as { tab: PageTab }).tab
    return { ticks: [...ticks], said: [...said], gaps }
  })
}

function startTicking(): void {
  ticking = setInterval(() => void site.emit(), 20)
}

/** Stops emitting; every tab has the last number, and all before it since its first, once and in order. */
async function judge(): Promise<void> {
  clearInterval(ticking)
  const last = site.last()
  for (const [name, page] of pages) {
    await vi.waitFor(async () => expect((await tabOf(page)).ticks.at(-1), name).toBe(last), WAIT)
    const { ticks, gaps } = await tabOf(page)
    const first = ticks[0] as number
    expect(ticks, name).toEqual(Array.from({ length: last - first + 1 }, (_, index) => first + index))
    expect(gaps, name).toBe(0)
  }
}

/** Waits until every tab hears what is emitted now. */
async function allHear(): Promise<void> {
  for (const page of pages.values()) {
    await vi.waitFor(async () => {
      await site.emit()
      expect((await tabOf(page)).ticks.length).toBeGreaterThan(0)
    }, WAIT)
  }
}

/** The tab that leads, by the locks of the browser. */
async function leader(): Promise<string> {
  let name: string | undefined
  await vi.waitFor(async () => {
    const [page] = pages.values()
    name = await (page as Page).evaluate(async () => {
      const { held = [] } = await navigator.locks.query()
      const leading = held.find((lock) => /^triwire 1 \S+ \S+$/.test(lock.name ?? ''))
      const own = held.find((lock) => lock.name?.startsWith('page ') && lock.clientId === leading?.clientId)
      return own?.name?.slice('page '.length)
    })
    expect(name).toBeDefined()
  }, WAIT)
  return name as string
}

/** Takes the leader out of the tabs that are judged; returns it. */
async function takeLeader(): Promise<{ readonly name: string; readonly page: Page; readonly cdp: CDPSession }> {
  const name = await leader()
  const page = pages.get(name) as Page
  pages.delete(name)
  return { name, page, cdp: await context.newCDPSession(page) }
}

describe('six tabs over HTTP/1.1 and SSE', () => {
  it('live on one stream, and the site answers each of them', async () => {
    await openSix()
    startTicking()
    for (const page of pages.values())
      expect(await page.evaluate(async () => (await fetch('/hello')).text())).toBe('hello')
    await vi.waitFor(() => expect(site.last()).toBeGreaterThan(50), WAIT)
    expect(site.streams()).toBe(1)
    await judge()
  })

  it('miss nothing when the one that leads is closed, again and again', async () => {
    await openSix()
    startTicking()
    for (let round = 0; round < 4; round++) {
      const { page } = await takeLeader()
      await page.close()
      const next = await leader()
      expect(pages.has(next)).toBe(true)
    }
    await judge()
    await vi.waitFor(() => expect(site.streams()).toBe(1), WAIT)
  })

  it('miss nothing when the one that leads crashes, and neither does what they publish meanwhile', async () => {
    await openSix()
    startTicking()
    const { page, cdp } = await takeLeader()
    const crashed = new Promise<void>((resolve) => page.once('crash', () => resolve()))
    const publishing = [...pages.values()].map((other) =>
      other.evaluate(async () => {
        const { say } = (globalThis as unknown as { tab: PageTab }).tab
        await Promise.all(Array.from({ length: 20 }, (_, index) => say(index + 1)))
      }),
    )
    // Its answer does not come: whoever would give it is gone.
    void cdp.send('Page.crash').catch(() => {})
    await crashed
    await Promise.all(publishing)
    await judge()
    for (const [name, other] of pages) {
      await vi.waitFor(async () => expect((await tabOf(other)).said, name).toHaveLength(100), WAIT)
      const { said } = await tabOf(other)
      for (const publisher of pages.keys())
        expect(said.filter((text) => text.startsWith(`${publisher} `))).toEqual(
          Array.from({ length: 20 }, (_, index) => `${publisher} ${index + 1}`),
        )
    }
  })

  it.each([
    ['is told', true],
    ['is not told', false],
  ])('miss nothing when the one that leads is frozen and %s, and it catches up when it wakes', async (_, told) => {
    await openSix()
    startTicking()
    const { name, page } = await takeLeader()
    const wake = await freezePage(page, told)
    await vi.waitFor(async () => expect(await leader()).not.toBe(name), WAIT)
    const frozenAt = site.last()
    for (const other of pages.values())
      await vi.waitFor(async () => expect((await tabOf(other)).ticks.at(-1)).toBeGreaterThan(frozenAt), WAIT)
    await wake()
    pages.set(name, page)
    await judge()
    await vi.waitFor(() => expect(site.streams()).toBe(1), WAIT)
  })
})
