import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { launchChromium } from '../src/chromium.ts'
import { npmChromium, npmChromiumRunsHere } from '../src/npm-chromium.ts'

let server: Server
let browser: Browser | undefined

beforeEach(async () => {
  server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>Loopback</title>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  await browser?.close()
  browser = undefined
  await new Promise((resolve) => server.close(resolve))
})

async function openPage(options?: Parameters<typeof launchChromium>[0]) {
  browser = await launchChromium(options)
  const page = await browser.newPage()
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  return page
}

describe('the browser the end-to-end tests run in', () => {
  it('opens a page from a local server and has the three wires', async () => {
    const page = await openPage()
    expect(await page.title()).toBe('Loopback')
    // As text, because the functions of this file are checked against Node, not against a page.
    expect(await page.evaluate('[typeof WebSocket, typeof EventSource, typeof fetch]')).toEqual(
      Array(3).fill('function'),
    )
    expect(await page.evaluate('fetch(location.href).then((response) => response.status)')).toBe(200)
  })

  // Registered only where the package has a browser, so that no machine reports a skip it cannot do anything about.
  if (npmChromiumRunsHere()) {
    it('can come from npm alone, with nothing installed on the machine', async () => {
      const page = await openPage({ from: 'npm' })
      expect(await page.title()).toBe('Loopback')
      expect(await page.evaluate('typeof WebSocket')).toBe('function')
    })

    it('has a font, so that text is visible', async () => {
      const page = await openPage({ from: 'npm' })
      expect(await page.evaluate("document.body.append('Text'), document.body.offsetHeight")).toBeGreaterThan(0)
    })

    it('is unpacked once and whole when two first starts happen at the same moment', async () => {
      const cacheFolder = await mkdtemp(join(tmpdir(), 'triwire-chromium-'))
      try {
        const [one, other] = await Promise.all([npmChromium(cacheFolder), npmChromium(cacheFolder)])
        expect(one).toEqual(other)
        expect(await readdir(cacheFolder)).toHaveLength(1)
        expect(await readdir(dirname(one.executablePath))).toEqual(
          expect.arrayContaining(['al2023', 'chromium', 'fonts', 'libGLESv2.so']),
        )
      } finally {
        await rm(cacheFolder, { recursive: true })
      }
    })
  }

  it('is not replaced by another one where the one asked for is missing', async () => {
    await expect(launchChromium({ from: '/no/such/chromium' })).rejects.toThrow(
      /does not exist.*set TRIWIRE_CHROMIUM/s,
    )
  })
})
