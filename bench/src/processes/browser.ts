// The process of the browser: Chromium on the core that this process is pinned to, with one page in which the client of one
// peer follows one channel.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { serveParent } from '@triwire-test/chaos/processes/child'
import { launchChromium } from '@triwire-test/e2e/chromium'
import type { Browser } from 'playwright-core'
import { DevtoolsPage } from '../browser/devtools-page.ts'
import type { FrameReport } from '../browser/frame-watch.ts'
import { frameFigures } from '../browser/frames.ts'
import type { Feeding, Opening, PageFunctions } from '../browser/page.ts'
import type { Figures } from '../sample.ts'
import { listen } from '../servers/listen.ts'

/** Milliseconds for which a page at rest is watched. */
const REST_MS = 2000

/** CPU so far. */
interface Spent {
  readonly taskSeconds: number
  readonly scriptSeconds: number
  readonly browserSeconds: number
}

let browser: Browser
let page: DevtoolsPage
let rest: FrameReport
let before: Spent

/** Calls one of the functions of the page. */
async function call<TName extends keyof PageFunctions>(
  name: TName,
  input: Parameters<PageFunctions[TName]>[0],
): Promise<Awaited<ReturnType<PageFunctions[TName]>>> {
  const value = await page.evaluate(`page.${name}(${JSON.stringify(input)})`)
  return value as Awaited<ReturnType<PageFunctions[TName]>>
}

async function spent(): Promise<Spent> {
  const { TaskDuration = Number.NaN, ScriptDuration = Number.NaN } = await page.metrics()
  const browserSeconds = await page.browserSeconds()
  return { taskSeconds: TaskDuration, scriptSeconds: ScriptDuration, browserSeconds }
}

/** Serves the page and nothing else; returns its origin. */
async function servePage(): Promise<string> {
  const script = readFileSync(join(process.env.TRIWIRE_BENCH_BUNDLE ?? '', 'page.js'), 'utf8')
  const html = `<!doctype html><meta charset="utf-8"><title>Bench</title><body><script>${script}</script>`
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end(html)
  })
  return `http://127.0.0.1:${await listen(server)}`
}

const handlers = {
  /** Opens the page; returns its origin. */
  async start(): Promise<{ origin: string }> {
    const origin = await servePage()
    browser = await launchChromium()
    page = await DevtoolsPage.open(browser, origin)
    return { origin }
  },

  /** Has the page follow channel 0. */
  async open(opening: Opening): Promise<void> {
    await call('open', opening)
  },

  async prepare(feeding: Feeding): Promise<void> {
    await call('prepare', feeding)
  },

  /** Looks at the page while nothing happens, and makes ready for so many messages. */
  async expect({ messages }: { messages: number }): Promise<void> {
    rest = await call('rest', REST_MS)
    before = await spent()
    await call('expect', messages)
  },

  async feed({ everyMs }: { everyMs: number }): Promise<void> {
    await call('feed', everyMs)
  },

  /** Waits until all have been handled and are on the page. Rejects where it is another number. */
  async taken({ messages, boundMs }: { messages: number; boundMs: number }): Promise<Figures> {
    const report = await call('taken', boundMs)
    const after = await spent()
    const { framesPerSecond, droppedShare } = frameFigures(rest, rest)
    return {
      mainUsPerEvent: ((after.taskSeconds - before.taskSeconds) * 1e6) / messages,
      scriptUsPerEvent: ((after.scriptSeconds - before.scriptSeconds) * 1e6) / messages,
      browserUsPerEvent: ((after.browserSeconds - before.browserSeconds) * 1e6) / messages,
      eventsPerSecond: (messages / report.durationMs) * 1000,
      ...frameFigures(report, rest),
      restFramesPerSecond: framesPerSecond,
      restDroppedShare: droppedShare,
    }
  },

  async close(): Promise<void> {
    await browser.close()
  },
}

/** What the parent may call. */
export type BrowserProcess = typeof handlers

serveParent(handlers)
