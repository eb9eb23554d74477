// The demo as `pnpm demo:edge` serves it: a Worker in workerd, whose rooms outlive it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { chromium } from '../src/chromium.ts'
import { startEdgeDemo } from '../src/demo-server.ts'
import { demoSuite } from '../src/demo-suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'triwire-edge-'))

demoSuite({ engine: chromium, start: (port) => startEdgeDemo(port, folder), keeps: true })

afterAll(() => rmSync(folder, { recursive: true, force: true }))
