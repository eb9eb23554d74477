// One door to a real Chromium for every end-to-end test. Which one is used, first match wins:
//
//   1. what the environment variable TRIWIRE_CHROMIUM says: a path, `installed` or `npm`
//   2. an installed Chromium or Chrome
//   3. on 64-bit Intel Linux, the one from npm, which needs no system package at all

import { existsSync } from 'node:fs'
import { type Browser, type LaunchOptions, chromium as playwright } from 'playwright-core'
import { findExecutable } from './executable.ts'
import { type BrowserBinary, npmChromium, npmChromiumRunsHere } from './npm-chromium.ts'
import { launchWithPlaywright } from './playwright-browser.ts'
import type { Engine } from './tab.ts'

export interface LaunchChromiumOptions {
  /** `installed`, `npm`, or a path to an executable. Default: TRIWIRE_CHROMIUM, else whichever is there. */
  readonly from?: string | undefined
  /** More command line flags for Chromium. */
  readonly args?: readonly string[]
}

// Root in a container can have no sandbox; the rest keeps the browser from talking to anyone but the test's server.
// QUIC is off so that a proxy under test sees all the traffic.
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Chromium. It is never missing: where none can be had, its tests fail and say how to get one. */
export const chromium: Engine = {
  name: 'Chromium',
  cannot: {
    keep: 'the one from npm keeps none, and Playwright cannot follow a page that is kept',
    openCovered: 'Playwright has every page take itself for visible',
  },
  missing: undefined,
  launch: async () => launchWithPlaywright(playwright, await launchOptions()),
}

/**
 * Starts a headless Chromium for what only Playwright can do; the caller closes it.
 *
 * @throws where no browser can be had, with the ways to get one. A browser that was asked for by name and is missing
 * is an error too: a test that ran in another browser than the one asked for would prove something else.
 */
export async function launchChromium(options: LaunchChromiumOptions = {}): Promise<Browser> {
  return playwright.launch(await launchOptions(options))
}

async function launchOptions({ from, args = [] }: LaunchChromiumOptions = {}): Promise<LaunchOptions> {
  const browser = await chooseBrowser(from ?? process.env.TRIWIRE_CHROMIUM)
  return { ...browser, headless: true, args: [...flags, ...args] }
}

async function chooseBrowser(from: string | undefined): Promise<LaunchOptions> {
  if (from === 'npm') {
    if (!npmChromiumRunsHere()) throw noBrowser('The npm Chromium runs on 64-bit Intel Linux only.')
    return launchOptionsOf(await npmChromium())
  }
  if (from && from !== 'installed') {
    if (!existsSync(from)) throw noBrowser(`TRIWIRE_CHROMIUM names ${from}, which does not exist.`)
    return { executablePath: from }
  }
  const installed = installedBrowser()
  if (installed) return installed
  if (!from && npmChromiumRunsHere()) return launchOptionsOf(await npmChromium())
  throw noBrowser('No Chromium or Chrome is installed.')
}

function launchOptionsOf(binary: BrowserBinary): LaunchOptions {
  const inherited = Object.entries(process.env).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return { executablePath: binary.executablePath, env: { ...Object.fromEntries(inherited), ...binary.env } }
}

function installedBrowser(): LaunchOptions | undefined {
  // Playwright knows where these two systems keep their Chrome, and says so well where there is none.
  if (process.platform === 'darwin' || process.platform === 'win32') return { channel: 'chrome' }
  const executablePath = findExecutable('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
  return executablePath ? { executablePath } : undefined
}

function noBrowser(reason: string): Error {
  return new Error(
    `${reason} The end-to-end tests need a Chromium. Any one of these will do: install Chromium or Chrome so that ` +
      'it is on the PATH; set TRIWIRE_CHROMIUM to the path of one; or, on 64-bit Intel Linux, set TRIWIRE_CHROMIUM=npm.',
  )
}
