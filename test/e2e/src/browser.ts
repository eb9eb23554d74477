// One door to a real Chromium for every end-to-end test. Which one is used, first match wins:
//
//   1. what the environment variable TRIWIRE_CHROMIUM says: a path, `installed` or `npm`
//   2. an installed Chromium or Chrome
//   3. on 64-bit Intel Linux, the one from npm, which needs no system package at all

import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium, type LaunchOptions } from 'playwright-core'
import { type BrowserBinary, npmChromium, npmChromiumRunsHere } from './npm-chromium.ts'

export interface LaunchBrowserOptions {
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

/**
 * Starts a headless Chromium for Playwright; the caller closes it.
 *
 * @throws where no browser can be had, with the ways to get one. A browser that was asked for by name and is missing
 * is an error too: a test that ran in another browser than the one asked for would prove something else.
 */
export async function launchBrowser(options: LaunchBrowserOptions = {}): Promise<Browser> {
  const launch = await chooseBrowser(options.from ?? process.env.TRIWIRE_CHROMIUM)
  return chromium.launch({ ...launch, headless: true, args: [...flags, ...(options.args ?? [])] })
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
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  const folders = (process.env.PATH ?? '').split(delimiter)
  const candidates = names.flatMap((name) => folders.map((folder) => join(folder, name)))
  const executablePath = candidates.find(isExecutable)
  return executablePath ? { executablePath } : undefined
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function noBrowser(reason: string): Error {
  return new Error(
    `${reason} The end-to-end tests need a Chromium. Any one of these will do: install Chromium or Chrome so that ` +
      'it is on the PATH; set TRIWIRE_CHROMIUM to the path of one; or, on 64-bit Intel Linux, set TRIWIRE_CHROMIUM=npm.',
  )
}
