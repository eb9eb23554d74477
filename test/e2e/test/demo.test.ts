// The demo on Node: what it does in a browser, and how it stops.

import { describe, expect, it } from 'vitest'
import { chromium } from '../src/chromium.ts'
import { startDemo } from '../src/demo-server.ts'
import { demoSuite } from '../src/demo-suite.ts'
import { Pane } from '../src/pane.ts'

demoSuite({ engine: chromium, start: startDemo, keeps: false })

describe('the demo server', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('stops cleanly on %s with clients connected', async (signal) => {
    const server = await startDemo()
    const browser = await chromium.launch()
    const profile = await browser.createProfile()
    const tab = await profile.open(`${server.url}/?room=stop`)
    await new Pane(tab, 'react').online('WebSocket')
    expect(await server.stop(signal)).toBe(0)
    await browser.close()
  })
})
