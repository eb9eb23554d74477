/** Quiet connections on each runtime: those that live are left alone, and those that are dead are found. */
import { afterAll, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { ChildOptions } from '../src/apps/app.ts'
import { createBundles } from '../src/bundle.ts'
import { BUN, DENO, EDGE_RUNTIME, hostOn, NEWER_NODE } from '../src/runtimes.ts'

const bundles = createBundles()

afterAll(() => bundles.remove())

const hosts = [
  { runtime: DENO, entry: 'deno', hasSockets: true },
  { runtime: BUN, entry: 'bun', hasSockets: true },
  { runtime: NEWER_NODE, entry: 'node-hono', hasSockets: true },
  { runtime: EDGE_RUNTIME, entry: 'fetch', hasSockets: false },
] as const

/** Milliseconds beyond the longest patience that any of these runtimes has with a quiet request by itself: Bun's ten seconds. */
const QUIET_MS = 11_000

const hello = (session: string, more: object = {}): string =>
  JSON.stringify({ t: 'hello', v: 1, s: session.repeat(22), k: 'conformance-ann', ...more })

const join = JSON.stringify({ t: 'join', ch: 'notices', j: 1 })

function post(url: string, ...lines: string[]): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: lines.join('\n') })
}

describe.concurrent('a quiet connection', () => {
  for (const { runtime, entry, hasSockets } of hosts) {
    const skip = runtime.binary === undefined
    test.skipIf(skip)(`is left alone on ${runtime.name}`, { timeout: 30_000 }, async () => {
      const limits = { pollHoldMs: QUIET_MS, heartbeatMs: 60_000 }
      const options: ChildOptions = { limits, isBlind: false, port: 0 }
      const host = await hostOn(runtime, entry, bundles)(options)
      try {
        const cursor = /"at":"([^"]+)"/.exec(
          await (await post(`${host.base}/poll`, hello('A', { wait: 0 }), join)).text(),
        )
        const stream = (await post(`${host.base}/stream`, hello('B'), join)).body?.getReader()
        const resume = JSON.stringify({ t: 'join', ch: 'notices', j: 2, after: cursor?.[1] })
        const held = await post(`${host.base}/poll`, hello('A'), resume)
        expect(await held.text()).toContain('"how":"resumed"')
        await host.emit('notices', 'message', { text: 'still here' })
        let read = ''
        while (!read.includes('still here')) {
          const { value, done } = (await stream?.read()) ?? { done: true }
          expect(done).toBe(false)
          read += new TextDecoder().decode(value)
        }
        await stream?.cancel()
      } finally {
        await host.close()
      }
    })

    if (!hasSockets) continue
    test.skipIf(skip)(`that answers no ping is dropped on ${runtime.name}`, { timeout: 30_000 }, async () => {
      const limits = { connectionsPerUser: 1, heartbeatMs: 500, pongMs: 300 }
      const host = await hostOn(runtime, entry, bundles)({ limits, isBlind: false })
      const dead = new WebSocket(host.base.replace('http', 'ws'), 'triwire.v1')
      try {
        await new Promise((resolve) => dead.once('open', resolve))
        dead.send(hello('A'))
        await new Promise((resolve) => dead.once('message', resolve))
        const ask = async (): Promise<string> => (await post(`${host.base}/poll`, hello('B', { wait: 0 }))).text()
        expect(await ask()).toContain('"too_many_connections"')
        // It reads no more, so it answers no more, and TCP has nothing to say against it.
        dead.pause()
        await vi.waitFor(async () => expect(await ask()).toContain('"welcome"'), { timeout: 15_000, interval: 250 })
      } finally {
        dead.terminate()
        await host.close()
      }
    })
  }
})
