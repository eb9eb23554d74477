// `pnpm chaos fanout`: one event at a time to 1,000 clients on each of 4 nodes, over one store. How long until a client has
// it, and until the last one has; and how many deliveries a second all of this comes to when events come without a pause.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clock } from './clock.ts'
import type { Engine } from './kills/engine.ts'
import type { NodeProcess } from './processes/node.ts'
import { type Child, startChild } from './processes/parent.ts'
import type { StopwatchProcess } from './processes/stopwatch.ts'

const NODES = 4
const CLIENTS = 1000
/** Events that are measured one by one, and events without a pause. */
const SINGLE = 20
const FLOOD = 50

/** Measures, and prints. */
export async function measureFanout(create: () => Promise<Engine>): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-fanout-'))
  const engine = await create()
  const nodes: Child<NodeProcess>[] = []
  const watches: Child<StopwatchProcess>[] = []
  for (let index = 0; index < NODES; index++) {
    const node = await startChild<NodeProcess>('node')
    const { port } = await node.call('start', { folder, name: `node-${index}`, broker: engine.spec(engine.port) })
    const watch = await startChild<StopwatchProcess>('stopwatch')
    await watch.call('open', { port, wire: 'websocket', run: 'run', count: CLIENTS })
    nodes.push(node)
    watches.push(watch)
  }
  const takeAll = async (events: number) => {
    const taken = await Promise.all(
      watches.map((watch) => watch.call('take', { count: events * CLIENTS, boundMs: 120_000 })),
    )
    const latencies = taken.flatMap((one) => one.latencies)
    if (latencies.length !== events * NODES * CLIENTS) throw new Error(`Only ${latencies.length} deliveries.`)
    return { latencies, lastAt: Math.max(...taken.map((one) => one.lastAt)) }
  }
  const [speaker] = nodes as [Child<NodeProcess>]
  const say = (count: number): Promise<number> => speaker.call('emitTimed', { run: 'run', count, everyMs: 0 })
  await say(1)
  await takeAll(1)
  const each: number[] = []
  const last: number[] = []
  for (let index = 0; index < SINGLE; index++) {
    await say(1)
    const { latencies } = await takeAll(1)
    each.push(...latencies)
    last.push(Math.max(...latencies))
  }
  const startedAt = clock()
  await say(FLOOD)
  const flood = await takeAll(FLOOD)
  const seconds = (flood.lastAt - startedAt) / 1000
  console.log(`${engine.name}: ${NODES} nodes with ${CLIENTS} WebSocket clients each`)
  console.log(
    `  one event: a client has it after ${middle(each).toFixed(1)} ms, the last after ${middle(last).toFixed(1)} ms`,
  )
  console.log(
    `  ${FLOOD} events at once: ${flood.latencies.length} deliveries in ${seconds.toFixed(2)} s, ` +
      `${Math.round(flood.latencies.length / seconds)} a second`,
  )
  for (const child of [...watches, ...nodes]) await child.kill()
  await engine.stop()
  rmSync(folder, { recursive: true, force: true })
  return 0
}

function middle(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
}
