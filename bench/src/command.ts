// `pnpm bench`: what is asked for on the command line, run, printed as tables and kept as JSON.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from './bench-run.ts'
import { thisMachine } from './machine.ts'
import type { Wire } from './peers/peer.ts'
import { endAll } from './processes/parent.ts'
import { tables } from './report/table.ts'
import { SCENARIOS } from './scenarios/scenarios.ts'

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    subscribers: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    peers: { type: 'string' },
    wires: { type: 'string' },
    parts: { type: 'string' },
  },
})

function list(text: string | undefined): string[] | undefined {
  return text?.split(',').map((part) => part.trim())
}

async function bench(): Promise<number> {
  const scenarios = list(values.only) ?? Object.keys(SCENARIOS)
  const unknown = scenarios.filter((name) => !Object.hasOwn(SCENARIOS, name))
  if (unknown.length > 0) {
    console.error(`No scenario "${unknown.join('", "')}". There are: ${Object.keys(SCENARIOS).join(', ')}.`)
    return 2
  }
  const machine = thisMachine()
  console.error(
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; up to ${machine.openFiles} open files; ` +
      (machine.pinned
        ? 'server and load on a core each'
        : 'server and load NOT pinned: no `taskset`, or one core only'),
  )
  const startedAt = new Date()
  const outcome = await run({
    scenarios,
    rounds: Number(values.rounds),
    wishes: {
      subscribers: list(values.subscribers)?.map(Number),
      peers: list(values.peers),
      wires: list(values.wires) as Wire[] | undefined,
      parts: list(values.parts),
    },
    onProgress: (line) => console.error(line),
  })
  const { samples, skipped, failed } = outcome
  console.log(tables(samples))
  if (skipped.length > 0) console.log(`\nSkipped:\n${skipped.map((line) => `- ${line}`).join('\n')}`)
  if (failed.length > 0) console.log(`\nFailed, without a figure:\n${failed.map((line) => `- ${line}`).join('\n')}`)
  const folder = join(process.cwd(), 'results')
  mkdirSync(folder, { recursive: true })
  const file = `${startedAt.toISOString().slice(0, 19).replaceAll(':', '')}.json`
  const result = { startedAt: startedAt.toISOString(), machine, rounds: Number(values.rounds), ...outcome }
  writeFileSync(join(folder, file), `${JSON.stringify(result, null, 1)}\n`)
  console.error(`\nresults/${file}`)
  return failed.length > 0 ? 1 : 0
}

let code = 1
try {
  code = await bench()
} catch (error) {
  console.error(error)
} finally {
  await endAll()
  process.exit(code)
}
