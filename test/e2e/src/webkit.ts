/**
 * WebKitGTK, the engine of Safari in its port to Linux: driven by its own WebDriver, on a screen that nobody sees. A
 * driver has one browser and a browser has one profile, so profiles that are there at the same time have a browser and a
 * driver each. One that was closed leaves an empty window and no storage, and its browser serves again, because to start
 * one takes longer than most tests.
 */
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '@triwire-test/services'
import { findExecutable } from './executable.ts'
import { type ProcessGroup, startGroup } from './process-group.ts'
import { type Browser, type Engine, type Profile, type Tab, waitUntil } from './tab.ts'
import { WebDriverSession } from './webdriver.ts'

const driverPath = findExecutable('WebKitWebDriver')
const screenPath = findExecutable('Xvfb')

const CANNOT = {
  setOffline: 'WebDriver has no command that takes it offline',
  setFrozen: 'WebDriver has no command that freezes a page',
  advance: 'WebDriver runs nothing before the page does, so it cannot put another clock in its place',
} as const

/** WebKitGTK. */
export const webkit: Engine = {
  name: 'WebKit',
  cannot: CANNOT,
  missing:
    driverPath && screenPath
      ? undefined
      : 'WebKitGTK and a screen for it are not installed (apt install webkit2gtk-driver xvfb)',
  launch: async () => {
    const [screen, display] = await startScreen(screenPath as string)
    const settings = await writeSettings()
    const env = { DISPLAY: display, GDK_BACKEND: 'x11', XDG_CONFIG_HOME: settings }
    const profiles: WebKitProfile[] = []
    const browser: Browser = {
      async createProfile() {
        const closed = profiles.find(({ isClean }) => isClean)
        const profile = closed ?? (await WebKitProfile.start(driverPath as string, env))
        if (!closed) profiles.push(profile)
        profile.isClean = false
        return profile
      },
      sleep: () => {
        for (const profile of profiles) profile.signal('SIGSTOP')
      },
      wake: () => {
        for (const profile of profiles) profile.signal('SIGCONT')
      },
      async close() {
        for (const profile of profiles) await profile.end()
        await screen.stop()
        await rm(settings, { recursive: true })
      },
    }
    return browser
  },
}

/** Starts a screen; it finds a free number by itself, and says which. */
async function startScreen(path: string): Promise<[ProcessGroup, string]> {
  const args = ['-displayfd', '3', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp']
  const screen = startGroup(path, args, ['ignore', 'ignore', 'ignore', 'pipe'])
  const [said] = (await once(screen.child.stdio[3] as Readable, 'data')) as [Buffer]
  return [screen, `:${String(said).trim()}`]
}

/** A folder with the settings of GTK: to draw what moves takes most of the time where there is no graphics card. */
async function writeSettings(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'triwire-webkit-'))
  await mkdir(join(folder, 'gtk-3.0'))
  await writeFile(join(folder, 'gtk-3.0', 'settings.ini'), '[Settings]\ngtk-enable-animations=false\n')
  return folder
}

/** A driver with the one browser it has started. */
class WebKitProfile implements Profile {
  readonly #driver: ProcessGroup
  readonly #session: WebDriverSession
  readonly #tabs = new Set<Tab>()
  /** A window that nothing was opened in yet. */
  #empty: string | undefined
  /** It was closed, and another one may begin with it. */
  isClean = false

  private constructor(driver: ProcessGroup, session: WebDriverSession, empty: string) {
    this.#driver = driver
    this.#session = session
    this.#empty = empty
  }

  static async start(path: string, env: Readonly<Record<string, string>>): Promise<WebKitProfile> {
    const port = await freePort()
    const driver = startGroup(path, [`--port=${port}`], 'ignore', env)
    const url = `http://127.0.0.1:${port}`
    // Nothing tells when it listens.
    while (!(await listens(`${url}/status`))) {
      if (driver.child.exitCode !== null) throw new Error(`${path} ended with code ${driver.child.exitCode}.`)
      await sleep(20)
    }
    const session = await WebDriverSession.start(url)
    return new WebKitProfile(driver, session, await session.firstWindow())
  }

  async open(url: string, ownClock = false): Promise<Tab> {
    if (ownClock) throw new Error(CANNOT.advance)
    return await this.#load(this.#empty ?? (await this.#session.openWindow('window')), url)
  }

  async openCovered(url: string): Promise<readonly [Tab, () => Promise<void>]> {
    const cover = await this.open('about:blank')
    // A new tab is opened behind the one that is shown.
    return [await this.#load(await this.#session.openWindow('tab'), url), cover.close]
  }

  async #load(window: string, url: string): Promise<Tab> {
    this.#empty = undefined
    const tab = webDriverTab(this.#session, window, () => this.#tabs.delete(tab))
    this.#tabs.add(tab)
    await tab.goto(url)
    return tab
  }

  async setOffline(): Promise<void> {
    throw new Error(CANNOT.setOffline)
  }

  signal(name: NodeJS.Signals): void {
    this.#driver.signal(name)
  }

  async close(): Promise<void> {
    try {
      await this.#clean()
    } catch (error) {
      await this.end()
      throw error
    }
  }

  async #clean(): Promise<void> {
    this.#empty ??= await this.#session.openWindow('window')
    for (const tab of this.#tabs) {
      // There is none in an empty page.
      await tab.evaluate('localStorage.clear()').catch(() => {})
      await tab.close()
    }
    this.isClean = true
  }

  /** Ends the browser. */
  async end(): Promise<void> {
    // Where the browser is gone already, there is nothing to end, and nothing that may keep its driver.
    await this.#session.end().catch(() => {})
    await this.#driver.stop()
  }
}

async function listens(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}

/** Writes down what goes wrong in a page. */
const WATCH = `(() => {
  if (window.problems) return
  window.problems = []
  addEventListener('error', ({ message }) => problems.push(message))
  addEventListener('unhandledrejection', ({ reason }) => problems.push(String(reason)))
})()`

/** The key, as WebDriver writes it. */
const ENTER = '\uE007'

/** A window of a session as a tab. */
function webDriverTab(session: WebDriverSession, window: string, handleClosed: () => void): Tab {
  const problems: unknown[] = []
  const act = async (selector: string, command: string, parameters: object): Promise<void> => {
    // A click on what is not enabled yet would be no error, and do nothing.
    const find = `document.querySelector(${JSON.stringify(selector)})`
    await waitUntil(tab, `${find} !== null && !${find}.disabled`)
    await session.act(window, selector, command, parameters)
  }
  const leaving = async (move: () => Promise<void>): Promise<void> => {
    problems.push(...(await tab.problems()).slice(problems.length))
    await move()
    await session.evaluate(window, WATCH)
  }
  const tab: Tab = {
    goto: (url) => leaving(() => session.goto(window, url)),
    reload: () => leaving(() => session.reload(window)),
    // By a command that waits: one that comes while a kept page is put back is never answered.
    goBack: () => session.goBack(window),
    click: (selector) => act(selector, 'click', {}),
    type: (selector, text) => act(selector, 'value', { text }),
    enter: (selector) => act(selector, 'value', { text: ENTER }),
    evaluate: (expression) => session.evaluate(window, expression),
    setFrozen: () => Promise.reject(new Error(CANNOT.setFrozen)),
    advance: () => Promise.reject(new Error(CANNOT.advance)),
    problems: async () => [
      ...(problems as string[]),
      ...((await session.evaluate(window, 'window.problems ?? []')) as string[]),
    ],
    close: async () => {
      handleClosed()
      await session.closeWindow(window)
    },
  }
  return tab
}
