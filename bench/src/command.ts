// `pnpm bench`: what is asked for on the command line, run, printed as tables and kept as JSON. `pnpm bench:page`: such a
// file, as a page.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from './bench-run.ts'
import { thisMachine } from './machine.ts'
import type { Wire } from './peers/peer.ts'
import { endAll } from './processes/parent.ts'
import { goalTable } from './report/goal-table.ts'
import { growthTables } from './report/growth.ts'
import { fillPage } from './report/page.ts'
import { plot } from './report/plot.ts'
import { pollersText } from './report/pollers.ts'
import { readResult, writeResult } from './report/result.ts'
import { tables } from './report/table.ts'
import { SCENARIOS } from './scenarios/scenarios.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    subscribers: { type: 'string' },
    connections: { type: 'string' },
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
      connections: list(values.connections)?.map(Number),
      peers: list(values.peers),
      wires: list(values.wires) as Wire[] | undefined,
      parts: list(values.parts),
    },
    onProgress: (line) => console.error(line),
  })
  const { samples, skipped, failed } = outcome
  console.log(tables(samples))
  const growth = growthTables(samples)
  if (growth !== '') console.log(`\n### How it grows\n\n${growth}`)
  const pollers = pollersText(samples)
  if (pollers !== '') console.log(`\n### Where polls spend it\n\n${pollers}`)
  const goals = goalTable(samples)
  if (goals !== '') console.log(`\n### What it has to show\n\n${goals}`)
  if (skipped.length > 0) console.log(`\nSkipped:\n${skipped.map((line) => `- ${line}`).join('\n')}`)
  if (failed.length > 0) console.log(`\nFailed, without a figure:\n${failed.map((line) => `- ${line}`).join('\n')}`)
  mkdirSync('results', { recursive: true })
  const file = `${startedAt.toISOString().slice(0, 19).replaceAll(':', '')}.json`
  const result = { startedAt: startedAt.toISOString(), machine, rounds: Number(values.rounds), ...outcome }
  writeResult(join('results', file), result)
  console.error(`\nresults/${file}`)
  return failed.length > 0 ? 1 : 0
}

/** The result the page is made from: the only one that is kept in the repository. */
const PUBLISHED = 'results/published.json'
const DOCS = '../docs'

/** Makes the page from a result, which is then the published one; without one, from that which is. */
function page(): number {
  const [, path] = positionals
  if (path !== undefined) copyFileSync(path, PUBLISHED)
  const result = readResult(PUBLISHED)
  const file = join(DOCS, 'performance.md')
  writeFileSync(file, fillPage(readFileSync(file, 'utf8'), result))
  writeFileSync(join(DOCS, 'performance.svg'), plot(result.samples))
  console.error(`docs/performance.md and docs/performance.svg, from the run of ${result.startedAt}`)
  return 0
}

let code = 1
try {
  code = positionals[0] === 'page' ? page() : await bench()
} catch (error) {
  console.error(error)
} finally {
  await endAll()
  process.exit(code)
}
