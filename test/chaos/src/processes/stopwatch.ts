// Clients with a clock: how long events take from the one who says them to the handlers of those who follow.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, createClient, type WireName } from '@triwire/client'
import WebSocket from 'ws'
import { clock, TIMED } from '../clock.ts'
import type { api } from '../contract.ts'
import { serveParent } from './child.ts'

const clients: Client<typeof api>[] = []
let latencies: number[] = []
let lastAt = 0

const handlers = {
  /** Opens so many clients on a wire, all in one channel, and resolves when they are live. */
  async open(setup: { port: number; wire: WireName; run: string; count: number }): Promise<void> {
    const { port, wire, run, count } = setup
    const live: Promise<void>[] = []
    for (let index = 0; index < count; index++) {
      const client = createClient<typeof api>({
        url: `http://127.0.0.1:${port}/rt`,
        wires: [wire],
        webSocket: WebSocket as never,
      })
      clients.push(client)
      const observer = client.channels.down({ run }).observe({
        on: {
          message: ({ s, n }) => {
            if (s !== TIMED) return
            lastAt = clock()
            latencies.push(lastAt - n)
          },
        },
      })
      live.push(
        new Promise((resolve) => {
          observer.subscribe(() => {
            if (observer.getSnapshot().status === 'live') resolve()
          })
        }),
      )
      // Not all of them in one moment: this measures what comes later.
      if (index % 50 === 49) await Promise.all(live)
    }
    await Promise.all(live)
  },

  /** Waits until so many events have reached handlers since the last call; their latencies, and when the last one came. */
  async take(setup: {
    count: number
    boundMs: number
  }): Promise<{ readonly latencies: readonly number[]; readonly lastAt: number }> {
    const endsAt = clock() + setup.boundMs
    while (latencies.length < setup.count && clock() < endsAt) await sleep(5)
    const taken = { latencies, lastAt }
    latencies = []
    return taken
  },

  close(): void {
    for (const client of clients.splice(0)) client.close()
  },
}

/** What the parent may call. */
export type StopwatchProcess = typeof handlers

serveParent(handlers)
