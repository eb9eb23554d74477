// `pnpm bench`: what is asked for on the command line, run, printed as tables and kept as JSON. `pnpm bench soak`: one server
// for an hour. `pnpm bench:page`: a file of the first, as a page.

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
import { lookHead, lookLine, verdictLine } from './soak/look-table.ts'
import { type Look, soak } from './soak/soak.ts'

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
    minutes: { type: 'string', default: '60' },
    every: { type: 'string', default: '60' },
  },
})

function list(text: string | undefined): string[] | undefined {
  return text?.split(',').map((part) => part.trim())
}

/** What runs have measured. */
const RESULTS = 'results'

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
  const startedAt = new Date().toISOString()
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
  const file = join(RESULTS, `${stampOf(startedAt)}.json`)
  mkdirSync(RESULTS, { recursive: true })
  writeResult(file, { startedAt, machine, rounds: Number(values.rounds), ...outcome })
  console.error(`\n${file}`)
  return failed.length > 0 ? 1 : 0
}

/** ISO 8601 as part of a file's name. */
function stampOf(startedAt: string): string {
  return startedAt.slice(0, 19).replaceAll(':', '')
}

/** Soaks for so many minutes. It fails where memory grows, and where anything goes wrong. */
async function soakFor(): Promise<number> {
  console.log(lookHead())
  const startedAt = new Date().toISOString()
  const looks: Look[] = []
  const verdict = await soak({
    minutes: Number(values.minutes),
    everySeconds: Number(values.every),
    onLook: (look) => {
      looks.push(look)
      console.log(lookLine(look))
    },
  })
  console.log(`\n${verdictLine(verdict)}`)
  const file = join(RESULTS, `soak-${stampOf(startedAt)}.json`)
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(file, `${JSON.stringify({ startedAt, machine: thisMachine(), verdict, looks }, null, 1)}\n`)
  console.error(`\n${file}`)
  return verdict.isFlat ? 0 : 1
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
  // `pnpm bench soak` is `run soak` here.
  const isSoak = positionals.includes('soak')
  code = positionals[0] === 'page' ? page() : isSoak ? await soakFor() : await bench()
} catch (error) {
  console.error(error)
} finally {
  await endAll()
  process.exit(code)
}
