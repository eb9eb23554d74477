// The promise under the plainest of faults: every connection is reset five times a second while a thousand numbered
// messages go each way. Nothing may be lost, doubled or reordered, on any wire.

import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { createClient } from '@triwire/client'
import { triwire, webSocket } from '@triwire/hono'
import { channel, contract } from '@triwire/protocol'
import { createRealtime, memory } from '@triwire/server'
import { Hono } from 'hono'
import { afterAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { z } from 'zod'
import { startCuttingProxy } from '../src/cutting-proxy.ts'
import { type Tally, tally } from '../src/tally.ts'

/** Longer and harsher runs: `MESSAGES=10000 CUT_EVERY_MS=50 npx vitest run --project test-delivery`. */
const MESSAGES = Number(process.env.MESSAGES ?? 1000)
const CUT_EVERY_MS = Number(process.env.CUT_EVERY_MS ?? 200)
/** Pace of the senders: a thousand messages then last for some twenty cuts. */
const SEND_EVERY_MS = 4

const Numbered = z.object({ n: z.number() })
const api = contract({
  down: channel('down/:run', { events: { message: Numbered }, history: { keep: 100_000, ttl: '1h' } }),
  up: channel('up/:run', {
    events: { message: Numbered },
    publish: ['message'],
    history: { keep: 100_000, ttl: '1h' },
  }),
})

const report: Record<string, Tally & { readonly cuts: number; readonly connectionsCut: number }> = {}

afterAll(() => {
  console.table(report)
})

describe.each(['websocket', 'sse', 'polling'] as const)(`over %s, reset every ${CUT_EVERY_MS} ms`, (wire) => {
  test(`${MESSAGES} messages each way arrive once and in order`, { timeout: 60_000 + MESSAGES * 60 }, async () => {
    const broker = memory()
    const realtime = createRealtime(api, {
      auth: () => ({ id: 'tester' }),
      broker,
      // The senders here are faster than any person; the limit on their rate is not what is tested.
      limits: { rate: 5000, burst: 5000 },
    })
    const app = new Hono().route('/rt', triwire(realtime))
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', ...webSocket(realtime) }) as Server
    await once(server, 'listening')
    const proxy = await startCuttingProxy((server.address() as AddressInfo).port)
    const client = createClient<typeof api>({
      url: `http://127.0.0.1:${proxy.port}/rt`,
      wires: [wire],
      webSocket: WebSocket as never,
      // Shorter than the default, so that the client is mostly connected when the next cut comes.
      backoff: { baseMs: 10, capMs: 50 },
    })
    let cuts = 0
    let connectionsCut = 0
    const cutter = setInterval(() => {
      const count = proxy.cut()
      connectionsCut += count
      if (count > 0) cuts++
    }, CUT_EVERY_MS)
    try {
      const arrived: number[] = []
      const gaps: string[] = []
      const down = client.channels.down({ run: wire })
      const observer = down.observe({
        on: {
          message: ({ n }) => arrived.push(n),
          $gap: ({ reason }) => gaps.push(reason),
        },
      })
      await new Promise<void>((resolve) => {
        observer.subscribe(() => {
          if (observer.getSnapshot().status === 'live') resolve()
        })
      })

      const up = client.channels.up({ run: wire })
      const acknowledged: Promise<void>[] = []
      for (let n = 1; n <= MESSAGES; n++) {
        acknowledged.push(up.publish('message', { n }))
        await realtime.channels.down({ run: wire }).emit('message', { n })
        await sleep(SEND_EVERY_MS)
      }
      await Promise.all(acknowledged)
      await expect.poll(() => arrived.length, { timeout: 30_000 }).toBeGreaterThanOrEqual(MESSAGES)

      const log = await broker.read(up.address, { tail: MESSAGES * 2, limit: MESSAGES * 2, bytes: 2 ** 30 })
      const logged = log.status === 'page' ? log.entries.map(({ data }) => Numbered.parse(JSON.parse(data)).n) : []
      const towardsClient = tally(arrived, MESSAGES)
      const towardsServer = tally(logged, MESSAGES)
      report[`${wire} ↓`] = { ...towardsClient, cuts, connectionsCut }
      report[`${wire} ↑`] = { ...towardsServer, cuts, connectionsCut }
      const clean = { sent: MESSAGES, lost: 0, duplicated: 0, reordered: 0 }
      expect(towardsClient).toEqual(clean)
      expect(towardsServer).toEqual(clean)
      expect(gaps).toEqual([])
      expect(cuts).toBeGreaterThan(5)
    } finally {
      clearInterval(cutter)
      client.close()
      await proxy.close()
      await realtime.close()
      server.close()
    }
  })
})
