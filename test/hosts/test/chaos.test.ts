/** Kills, cuts and blocked wires on each runtime, amid messages both ways. */
import type { WireName } from '@triwire/client'
import { endAll } from '@triwire-test/chaos/processes/parent'
import { afterAll, describe, expect, test } from 'vitest'
import { createBundles } from '../src/bundle.ts'
import { type ChaosReport, killsAndCuts, runChaos, wiresBlockedAndFreed } from '../src/chaos-run.ts'
import { BUN, DENO, EDGE_RUNTIME, hostOn, NEWER_NODE, type Runtime, WORKERD } from '../src/runtimes.ts'

/** Longer runs: `FOR_MS=60000 npx vitest run --project test-hosts chaos`; `KEEP=1` keeps the histories and says where. */
const FOR_MS = Number(process.env.FOR_MS ?? 4000)
/** Milliseconds of messages while wires are blocked: a blocked WebSocket is tried again after ten seconds. */
const BLOCKED_MS = 20_000

const THREE: readonly WireName[] = ['websocket', 'sse', 'polling']

interface Case {
  readonly runtime: Runtime
  readonly entry: string
  readonly wires: readonly WireName[]
  /** Whether what it has stored outlives its process. Elsewhere the broker is memory. */
  readonly keeps?: boolean
}

const cases: readonly Case[] = [
  { runtime: DENO, entry: 'deno', wires: THREE },
  { runtime: BUN, entry: 'bun', wires: THREE },
  { runtime: NEWER_NODE, entry: 'node-hono', wires: THREE },
  { runtime: EDGE_RUNTIME, entry: 'fetch', wires: ['sse', 'polling'] },
  { runtime: WORKERD, entry: 'workerd', wires: THREE, keeps: true },
]

const bundles = createBundles()

afterAll(async () => {
  await endAll()
  bundles.remove()
})

describe.concurrent('a server that is killed while its connections are cut', () => {
  for (const { runtime, entry, wires, keeps = false } of cases)
    test.skipIf(runtime.binary === undefined)(
      `on ${runtime.name} leaves nothing missing in silence, doubled or out of order`,
      { timeout: FOR_MS + 90_000 },
      async () => {
        const options = { wires, forMs: FOR_MS, disturb: killsAndCuts(1500, 400) }
        const report = await runChaos(hostOn(runtime, entry, bundles), options)
        expectKept(runtime, report, { clients: wires.length * 2, gaps: keeps ? [] : ['new_epoch'] })
        expect(report.kills).toBeGreaterThan(0)
        expect(report.cuts).toBeGreaterThan(0)
      },
    )
})

describe.concurrent('a client whose WebSocket is blocked, and then its stream', () => {
  for (const { runtime, entry } of cases.filter(({ wires }) => wires === THREE))
    test.skipIf(runtime.binary === undefined)(
      `on ${runtime.name} goes to SSE, to polling, and back to WebSocket, and misses nothing`,
      { timeout: BLOCKED_MS + 120_000 },
      async () => {
        const options = { wires: ['all'], forMs: BLOCKED_MS, disturb: wiresBlockedAndFreed } as const
        const report = await runChaos(hostOn(runtime, entry, bundles), options)
        expectKept(runtime, report, { clients: 2, gaps: [] })
      },
    )
})

function expectKept(
  { name }: Runtime,
  { verdicts, late, kills, cuts }: ChaosReport,
  expected: { readonly clients: number; readonly gaps: readonly string[] },
): void {
  const sums = verdicts.map(({ delivered, told, gaps }) => ({ delivered, told, gaps: gaps.length }))
  console.log(`${name}: ${kills} kills, ${cuts} connections cut, ${JSON.stringify(sums)}`)
  expect(late).toEqual([])
  // Each of them reads both channels.
  expect(verdicts).toHaveLength(expected.clients * 2)
  for (const { channel, reader, delivered, gaps, ...counts } of verdicts) {
    const { lost, duplicated, reordered, strange, failed } = counts
    const none = { lost: 0, duplicated: 0, reordered: 0, strange: 0, failed: 0 }
    expect({ channel, reader, lost, duplicated, reordered, strange, failed }).toEqual({ channel, reader, ...none })
    if (channel.startsWith('up')) expect(counts.unanswered).toBe(0)
    expect(delivered).toBeGreaterThan(0)
    expect(new Set(gaps)).toEqual(new Set(expected.gaps))
  }
}
