// A page of a Chromium that Playwright has started, and does not know of: Playwright has the browser report every frame of
// every WebSocket, which would be measured along. So the page lives in a context of its own.

import type { Browser, CDPSession } from 'playwright-core'
import { DevtoolsSession } from './devtools-session.ts'

/** The page. */
export class DevtoolsPage {
  readonly #browser: CDPSession
  readonly #session: DevtoolsSession

  private constructor(browser: CDPSession, session: DevtoolsSession) {
    this.#browser = browser
    this.#session = session
  }

  /** Opens a page, and resolves when it is loaded. */
  static async open(playwright: Browser, url: string): Promise<DevtoolsPage> {
    const browser = await playwright.newBrowserCDPSession()
    const { browserContextId } = await browser.send('Target.createBrowserContext')
    const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank', browserContextId })
    const session = await DevtoolsSession.attach(browser, targetId)
    const loaded = new Promise<void>((resolve) => session.on('Page.loadEventFired', () => resolve()))
    await session.send('Page.enable')
    await session.send('Page.navigate', { url })
    await loaded
    await session.send('Page.disable')
    // CPU of the thread: the clock on the wall goes on while others have the core.
    await session.send('Performance.enable', { timeDomain: 'threadTicks' })
    return new DevtoolsPage(browser, session)
  }

  /** The value of an expression, or what its promise resolves with, as JSON carries it. Rejects with what it throws. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = (await this.#session.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })) as {
      readonly result: { readonly value?: unknown; readonly description?: string }
      readonly exceptionDetails?: { readonly text: string }
    }
    if (exceptionDetails !== undefined) throw new Error(result.description ?? exceptionDetails.text)
    return result.value
  }

  /** What `Performance.getMetrics` says, by name: seconds of CPU of the page's thread, and counts. */
  async metrics(): Promise<Readonly<Record<string, number>>> {
    const { metrics } = (await this.#session.send('Performance.getMetrics')) as {
      readonly metrics: readonly { readonly name: string; readonly value: number }[]
    }
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]))
  }

  /** Seconds of CPU of all processes of the browser. */
  async browserSeconds(): Promise<number> {
    const { processInfo } = await this.#browser.send('SystemInfo.getProcessInfo')
    return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0)
  }
}
