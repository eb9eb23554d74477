// `pnpm chaos latency`: how long an event takes from the call of `emit` to the handler of a client, for one node with its
// memory and for three nodes on each store. All of them stand at the same time, and take turns, so that what else the
// machine does falls on all alike.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WireName } from '@triwire/client'
import { startRoundRobin } from '@triwire-test/services'
import type { Engine } from './kills/engine.ts'
import type { NodeProcess } from './processes/node.ts'
import { type Child, startChild } from './processes/parent.ts'
import type { StopwatchProcess } from './processes/stopwatch.ts'

const WIRES: readonly WireName[] = ['websocket', 'sse', 'polling']
/** Clients per wire. */
const CLIENTS = 3
/** Events in one turn, and milliseconds between two of them: no set-up is anywhere near its limit. */
const TURN = 100
const EVERY_MS = 10

interface Subject {
  readonly name: string
  readonly nodes: readonly Child<NodeProcess>[]
  readonly watches: ReadonlyMap<WireName, Child<StopwatchProcess>>
  readonly latencies: Map<WireName, number[]>
  close(): Promise<void>
}

/** Measures, and prints a table. `engines` are asked for stores of their own. */
export async function measureLatency(
  engines: readonly (() => Promise<Engine>)[],
  { turns }: { turns: number },
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-latency-'))
  const subjects = [await start('1 node, memory', 1, folder)]
  for (const create of engines) {
    const engine = await create()
    subjects.push(await start(`3 nodes, ${engine.name}`, 3, folder, engine))
  }
  // One turn each before anything counts.
  for (let turn = -1; turn < turns; turn++) {
    for (const { nodes, watches, latencies } of subjects) {
      const speaker = nodes[(turn + 1) % nodes.length] as Child<NodeProcess>
      await speaker.call('emitTimed', { run: 'run', count: TURN, everyMs: EVERY_MS })
      for (const [wire, watch] of watches) {
        const taken = await watch.call('take', { count: TURN * CLIENTS, boundMs: 30_000 })
        if (taken.latencies.length !== TURN * CLIENTS) throw new Error(`Only ${taken.latencies.length} came.`)
        if (turn >= 0) latencies.get(wire)?.push(...taken.latencies)
      }
    }
  }
  console.log(
    `ms from emit to handler, ${turns * TURN * CLIENTS} deliveries per cell, ${1000 / EVERY_MS} events/s\n`,
  )
  console.log(`${''.padEnd(26)}${WIRES.map((wire) => `${wire} p50 / p99`.padEnd(24)).join('')}`)
  for (const { name, latencies, close } of subjects) {
    const cells = WIRES.map((wire) => {
      const sorted = [...(latencies.get(wire) ?? [])].sort((one, other) => one - other)
      const at = (share: number): string =>
        (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(2)
      return `${at(0.5)} / ${at(0.99)}`.padEnd(24)
    })
    console.log(`${name.padEnd(26)}${cells.join('')}`)
    await close()
  }
  rmSync(folder, { recursive: true, force: true })
  return 0
}

async function start(name: string, count: number, folder: string, engine?: Engine): Promise<Subject> {
  const nodes: Child<NodeProcess>[] = []
  const ports: number[] = []
  for (let index = 0; index < count; index++) {
    const node = await startChild<NodeProcess>('node')
    const broker = engine === undefined ? {} : { broker: engine.spec(engine.port) }
    ports.push((await node.call('start', { folder, name: `${name}-${index}`, ...broker })).port)
    nodes.push(node)
  }
  const front = await startRoundRobin(ports)
  const watches = new Map<WireName, Child<StopwatchProcess>>()
  for (const wire of WIRES) {
    const watch = await startChild<StopwatchProcess>('stopwatch')
    await watch.call('open', { port: front.port, wire, run: 'run', count: CLIENTS })
    watches.set(wire, watch)
  }
  return {
    name,
    nodes,
    watches,
    latencies: new Map(WIRES.map((wire) => [wire, []])),
    close: async () => {
      for (const child of [...watches.values(), ...nodes]) await child.kill()
      await front.close()
      await engine?.stop()
    },
  }
}
