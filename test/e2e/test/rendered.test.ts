// The examples that Next and Nuxt render, in a browser: what the server wrote, what React and Vue make of it, and what
// comes after.

import { startApp as startNext } from '@triwire-example/next/start'
import { startApp as startNuxt } from '@triwire-example/nuxt/start'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { launchChromium } from '../src/chromium.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser.close())

async function open(url: string): Promise<{ page: Page; complaints: string[]; streams: string[] }> {
  const page = await browser.newPage()
  // Before its server, which waits for open streams.
  onTestFinished(() => page.close())
  const complaints: string[] = []
  const streams: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    if (request.url().endsWith('/rt/stream')) streams.push(request.url())
  })
  await page.goto(url)
  return { page, complaints, streams }
}

async function say(page: Page, text: string): Promise<void> {
  await page.fill('input', text)
  await page.click('button')
}

test.each([
  ['Next', startNext],
  ['Nuxt', startNuxt],
])('what %s has rendered is hydrated without a complaint over one wire, and goes on', async (_, startApp) => {
  const app = await startApp()
  onTestFinished(() => app.stop())
  const room = `${app.origin}/rooms/lounge`
  const ann = await open(room)
  await ann.page.waitForSelector('output:text("live")')
  await say(ann.page, 'one')
  await ann.page.waitForSelector('li:text-is("one")')

  const bob = await open(room)
  expect(await bob.page.textContent('ul')).toBe('one')
  await bob.page.waitForSelector('output:text("live")')
  await say(ann.page, 'two')
  await bob.page.waitForSelector('li:text-is("two")')
  expect(await bob.page.locator('li').allInnerTexts()).toEqual(['one', 'two'])
  expect([ann.complaints, bob.complaints, ann.streams.length, bob.streams.length]).toEqual([[], [], 1, 1])
})
