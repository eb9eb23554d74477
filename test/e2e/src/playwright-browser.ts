/** A browser that Playwright drives: Chromium and Firefox. */
import type { BrowserType, LaunchOptions, Page, Browser as PlaywrightBrowser } from 'playwright-core'
import { freezePage } from './frozen-page.ts'
import type { Browser, Tab } from './tab.ts'

/** Starts it as a process of its own, because Playwright hands out the process in this way alone. */
export async function launchWithPlaywright(type: BrowserType, options: LaunchOptions): Promise<Browser> {
  const server = await type.launchServer({ ...options, host: '127.0.0.1' })
  const browser: PlaywrightBrowser = await type.connect(server.wsEndpoint())
  // A browser leads a group of its own, so that all its processes can be reached together.
  const signal = (name: NodeJS.Signals): void => {
    const { pid } = server.process()
    if (pid !== undefined) process.kill(-pid, name)
  }
  return {
    async createProfile() {
      const context = await browser.newContext()
      return {
        async open(url, ownClock = false) {
          const page = await context.newPage()
          if (ownClock) await page.clock.install()
          const tab = playwrightTab(page)
          await tab.goto(url)
          return tab
        },
        async openCovered(url) {
          const page = await context.newPage()
          const tab = playwrightTab(page)
          await tab.goto(url)
          // Pages of Playwright's have a window each; one that a page opens is a tab of the same window, and in front.
          const cover = page.waitForEvent('popup')
          await tab.evaluate("void open('about:blank')")
          const { close } = playwrightTab(await cover)
          return [tab, close]
        },
        setOffline: (isOffline) => context.setOffline(isOffline),
        close: () => context.close(),
      }
    },
    sleep: () => signal('SIGSTOP'),
    wake: () => signal('SIGCONT'),
    async close() {
      await browser.close()
      await server.close()
    },
  }
}

/** A page of Playwright's as a tab. */
function playwrightTab(page: Page): Tab {
  const problems: string[] = []
  let thaw: (() => Promise<void>) | undefined
  page.setDefaultTimeout(20_000)
  page.on('pageerror', ({ message }) => {
    // Firefox says so in its console, where there was nothing to catch.
    if (!/^(Firefox can.t establish a|The) connection .* ws:/.test(message)) problems.push(message)
  })
  return {
    goto: async (url) => void (await page.goto(url)),
    reload: async () => void (await page.reload()),
    goBack: async () => void (await page.goBack()),
    click: (selector) => page.locator(selector).first().click(),
    type: (selector, text) => page.locator(selector).first().pressSequentially(text),
    enter: (selector) => page.locator(selector).first().press('Enter'),
    evaluate: (expression) => page.evaluate(expression),
    setFrozen: async (isFrozen) => {
      if (isFrozen) thaw = await freezePage(page, true)
      else await thaw?.()
    },
    advance: (ms) => page.clock.fastForward(ms),
    problems: async () => problems,
    close: () => page.close(),
  }
}
