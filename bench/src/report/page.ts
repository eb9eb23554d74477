// docs/performance.md: what is between its markers, made from one result. The prose around it is written by hand; a figure in
// it would be one that nobody can make again.

import type { Wire } from '../peers/peer.ts'
import type { Sample } from '../sample.ts'
import { goalTable } from './goal-table.ts'
import { growthTables } from './growth.ts'
import { pivot } from './pivot.ts'
import { pollersText } from './pollers.ts'
import type { Result } from './result.ts'
import { tables } from './table.ts'

const SIZES = [200, 1000, 5000, 10_000]
const PATTERNS = ['single', 'tens', 'tens-mixed', 'fifties', 'saturated']
/** Scenarios that are shown as `bench` prints them. */
const WHOLE = [
  'latency',
  'memory',
  'connect',
  'ingest',
  'command',
  'replay',
  'restart',
  'channels',
  'presence',
  'pauses',
  'flood',
  'browser',
]

/** What may stand between `<!-- bench:name -->` and `<!-- /bench:name -->`, by name. */
const SECTIONS: Readonly<Record<string, (result: Result) => string>> = {
  machine,
  goals: ({ samples }) => goalTable(samples),
  'fanout-websocket': ({ samples }) => patterns(samples, 'websocket'),
  'fanout-sse': ({ samples }) => patterns(samples, 'sse'),
  'fanout-polling': ({ samples }) => patterns(samples, 'polling'),
  'growth-websocket': ({ samples }) => sizes(samples, 'websocket'),
  'growth-sse': ({ samples }) => sizes(samples, 'sse'),
  'growth-polling': ({ samples }) => sizes(samples, 'polling'),
  growth: ({ samples }) => growthTables(samples),
  pollers: ({ samples }) => pollersText(samples),
  ...Object.fromEntries(
    WHOLE.map((scenario) => [
      scenario,
      ({ samples }: Result) =>
        tables(samples.filter((one) => one.scenario === scenario)).replaceAll('### ', '#### '),
    ]),
  ),
}

/**
 * The page with every section made anew.
 * @throws Error where a marker names no section, or is not closed
 */
export function fillPage(page: string, result: Result): string {
  const opened = [...page.matchAll(/<!-- bench:([a-z-]+) -->/g)].map(([, name]) => name as string)
  return opened.reduce((text, name) => {
    const section = SECTIONS[name]
    if (section === undefined) throw new Error(`There is no section "${name}" for the page.`)
    const begin = `<!-- bench:${name} -->`
    const end = `<!-- /bench:${name} -->`
    const from = text.indexOf(begin) + begin.length
    const to = text.indexOf(end, from)
    if (to === -1) throw new Error(`The section "${name}" of the page is not closed by ${end}.`)
    return `${text.slice(0, from)}\n\n${section(result) || 'Not measured in this run.'}\n\n${text.slice(to)}`
  }, page)
}

function machine({ startedAt, machine, rounds, skipped, failed }: Result): string {
  const { cpu, cores, kernel, node, pinned, openFiles } = machine
  const lines = [
    `Measured on ${startedAt.slice(0, 10)} in ${rounds} ${rounds === 1 ? 'round' : 'rounds'}: ${cpu}, ${cores} cores, ` +
      `Linux ${kernel}, Node ${node}, up to ${openFiles.toLocaleString('en-US')} open files. ` +
      (pinned ? 'Server and load had a core each.' : 'Server and load were **not** pinned to cores.'),
    ...skipped.map((line) => `- Skipped: ${line}`),
    ...failed.map((line) => `- Failed, without a figure: ${line}`),
  ]
  return lines.join('\n')
}

function patterns(samples: readonly Sample[], wire: Wire): string {
  return pivot(samples, {
    scenario: 'fanout',
    wire,
    figure: 'cpuUsPerDelivery',
    within: 'userUsPerDelivery',
    parts: PATTERNS.map((name) => `${name}, 1000`),
  })
}

function sizes(samples: readonly Sample[], wire: Wire): string {
  return pivot(samples, {
    scenario: 'fanout',
    wire,
    figure: 'cpuUsPerDelivery',
    parts: SIZES.flatMap((size) => [`single, ${size}`, `tens, ${size}`]),
  })
}
