/**
 * What happens to a page besides what its user does: the network goes away, the device sleeps, the page is left and brought
 * back, lies behind another tab, or is one of six. What came meanwhile is shown afterwards, once and in order.
 */
import { type Relay, startRelay } from '@triwire-test/services'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isUpgrade, refuse } from './blocked-websocket.ts'
import { type DemoServer, startDemo } from './demo-server.ts'
import { engineMeta } from './engine-table.ts'
import { Pane } from './pane.ts'
import { type Ability, type Browser, type Engine, type Profile, type Tab, waitUntil } from './tab.ts'
import { createWriter, type Writer } from './writer.ts'

const WIRES = [
  ['websocket', 'WebSocket'],
  ['sse', 'SSE'],
  ['polling', 'Polling'],
] as const

const HALVES = ['react', 'vue'] as const

/** What is left out where an engine cannot do something. */
const CASES: Readonly<Record<Ability, string>> = {
  keep: 'a page that is kept for the back button',
  openCovered: 'a tab behind another one',
  setOffline: 'a browser that takes itself for offline',
  setFrozen: 'a frozen page',
  advance: 'a clock that jumps',
}

/**
 * Registers the tests. They share a browser and a server; each has a room of its own, and a port of its own, so that no page
 * remembers an earlier one.
 */
export function lifecycleSuite(engine: Engine): void {
  const { name, missing, cannot } = engine
  const leftOut = (Object.keys(cannot) as Ability[]).map((ability) => `${CASES[ability]}: ${cannot[ability]}`)
  const title = `in ${name}${missing ? ` (${missing})` : ''}`
  describe.skipIf(missing)(title, { meta: engineMeta(engine, leftOut) }, () => registerTests(engine))
}

function registerTests(engine: Engine): void {
  let browser: Browser
  let server: DemoServer
  let relay: Relay
  let profile: Profile
  let writer: Writer
  let rooms = 0

  beforeAll(async () => {
    browser = await engine.launch()
    server = await startDemo()
  })
  afterAll(async () => {
    await browser.close()
    await server.stop()
  })
  beforeEach(async () => {
    rooms++
    // Between the browser and the server; the writer goes past it.
    relay = await startRelay(server.port)
    writer = createWriter(server, `life-${rooms}`)
    profile = await browser.createProfile()
  })
  afterEach(async () => {
    await profile.close()
    writer.close()
    await relay.close()
  })

  function addressOf(wire: string): string {
    return `http://localhost:${relay.port}/?room=life-${rooms}&wire=${wire}`
  }

  /** Writes the lines with these numbers. */
  async function write(...numbers: readonly number[]): Promise<void> {
    for (const number of numbers) await writer.write(`line ${number}`)
  }

  async function expectOnline(tab: Tab, label: (typeof WIRES)[number][1]): Promise<void> {
    for (const name of HALVES) await new Pane(tab, name).online(label)
  }

  async function expectLines(tab: Tab, count: number): Promise<void> {
    const lines = Array.from({ length: count }, (_, index) => `line ${index + 1}`)
    for (const name of HALVES) {
      const pane = new Pane(tab, name)
      await pane.sees('lobby', `line ${count}`)
      expect(await pane.texts('lobby')).toEqual(lines)
    }
  }

  /** Both halves show the lines, and what the page itself has written: once, and wherever it came to stand among them. */
  async function expectLinesAnd(tab: Tab, own: string, count: number): Promise<void> {
    for (const name of HALVES) {
      const pane = new Pane(tab, name)
      await pane.sees('lobby', `line ${count}`)
      await pane.sees('lobby', own)
      const texts = await pane.texts('lobby')
      // An order is promised among those of one writer.
      expect(texts.filter((text) => text !== own)).toEqual(
        Array.from({ length: count }, (_, index) => `line ${index + 1}`),
      )
      expect(texts).toHaveLength(count + 1)
    }
  }

  /** Opens the page over a wire, with its first line. */
  async function openOver(wire: string, label: (typeof WIRES)[number][1], ownClock?: boolean): Promise<Tab> {
    const tab = await profile.open(addressOf(wire), ownClock)
    await expectOnline(tab, label)
    await write(1)
    await expectLines(tab, 1)
    return tab
  }

  describe.each(WIRES)('over %s a page', (wire, label) => {
    it('whose network was gone has missed nothing when it is back', async () => {
      const tab = await openOver(wire, label)
      relay.isDown = true
      relay.cut()
      await write(2, 3)
      const pane = new Pane(tab, 'react')
      await pane.say('lobby', 'written meanwhile')
      relay.isDown = false
      await pane.sees('lobby', 'written meanwhile')
      await write(4)
      await expectLinesAnd(tab, 'written meanwhile', 4)
      expect(await tab.problems()).toEqual([])
    })

    it('that slept while its connections died has missed nothing when it wakes', async () => {
      const tab = await openOver(wire, label)
      browser.sleep()
      try {
        await write(2, 3)
        relay.cut()
        await write(4)
      } finally {
        browser.wake()
      }
      await expectLines(tab, 4)
      await write(5)
      await expectLines(tab, 5)
      expect(await tab.problems()).toEqual([])
    })

    if (!engine.cannot.setOffline) {
      // The browser says so to the page, and an open WebSocket may stay open and silent.
      it('that was told to be offline has missed nothing when it is back', async () => {
        const tab = await openOver(wire, label)
        await profile.setOffline(true)
        await write(2, 3)
        await new Pane(tab, 'vue').say('lobby', 'written offline')
        await profile.setOffline(false)
        await write(4)
        await expectLinesAnd(tab, 'written offline', 4)
        expect(await tab.problems()).toEqual([])
      })
    }

    if (!engine.cannot.advance) {
      it('whose clock jumps by five minutes, as behind a closed lid, goes on by itself', async () => {
        const tab = await openOver(wire, label, true)
        await tab.advance(300_000)
        await write(2)
        await expectLines(tab, 2)
        expect(await tab.problems()).toEqual([])
      })
    }

    if (!engine.cannot.setFrozen) {
      it('that was frozen has missed nothing when it is thawed', async () => {
        const tab = await openOver(wire, label)
        await tab.setFrozen(true)
        await write(2, 3)
        await tab.setFrozen(false)
        await expectLines(tab, 3)
        expect(await tab.problems()).toEqual([])
      })
    }

    it('that was left and brought back by the back button has missed nothing', async () => {
      const tab = await openOver(wire, label)
      await tab.evaluate('void (window.isTheOne = true)')
      await tab.goto(`http://localhost:${relay.port}/healthz`)
      await write(2, 3)
      await tab.goBack()
      await expectLines(tab, 3)
      // Otherwise it is loaded again, which is no more than a reload.
      if (!engine.cannot.keep) expect(await tab.evaluate('window.isTheOne === true')).toBe(true)
      await write(4)
      await expectLines(tab, 4)
      expect(await tab.problems()).toEqual([])
    })

    if (!engine.cannot.openCovered) {
      it('behind another tab, where timers are held back, hears everything', async () => {
        const [tab, uncover] = await profile.openCovered(addressOf(wire))
        await waitUntil(tab, "document.visibilityState === 'hidden'")
        await expectOnline(tab, label)
        await write(1, 2)
        await expectLines(tab, 2)
        // A page that nobody sees may be slow to notice that it is offline, and must know when it is seen again.
        relay.cut()
        await write(3)
        await uncover()
        await waitUntil(tab, "document.visibilityState === 'visible'")
        await expectLines(tab, 3)
        expect(await tab.problems()).toEqual([])
      })
    }
  })

  it('six tabs over HTTP/1.1 without WebSocket hear everything, and leave connections for the rest of the site', async () => {
    relay.admit = (head, near) => !isUpgrade(head) || refuse(head, near)
    const tabs: Tab[] = []
    for (let count = 0; count < 6; count++) tabs.push(await profile.open(addressOf('auto')))
    await write(1)
    for (const [index, tab] of tabs.entries()) await new Pane(tab, 'vue').say('lobby', `line ${index + 2}`)
    // What several wrote at once has one order, which is the same for all.
    const orders: (readonly string[])[] = []
    for (const tab of tabs) {
      for (const name of HALVES) {
        const pane = new Pane(tab, name)
        await pane.seesMessages('lobby', 7)
        orders.push(await pane.texts('lobby'))
      }
      expect(await tab.evaluate("fetch('/healthz').then(({ status }) => status)")).toBe(200)
      expect(await tab.problems()).toEqual([])
    }
    for (const order of orders) expect(order).toEqual(orders[0])
    expect([...(orders[0] ?? [])].sort()).toEqual(Array.from({ length: 7 }, (_, index) => `line ${index + 1}`))
  })
}
