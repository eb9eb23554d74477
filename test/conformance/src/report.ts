/** The report: one line per section of PROTOCOL.md, and what each bad input came to on each wire. */
import { readFileSync } from 'node:fs'
import type { Case, CaseFile } from './case.ts'
import type { Observed } from './run.ts'
import type { WireName } from './wire.ts'

/** What became of one case on one wire. */
export interface Outcome {
  readonly one: Case
  readonly wire: WireName | 'http'
  readonly result: 'passed' | 'failed' | { readonly skipped: string }
  readonly observed: Observed
}

const COLUMNS = ['websocket', 'sse', 'polling', 'http'] as const

/** The sections of PROTOCOL.md: numbers with their titles, in their order. */
function readHeadings(): Map<string, string> {
  const text = readFileSync(new URL('../../../PROTOCOL.md', import.meta.url), 'utf8')
  return new Map(
    [...text.matchAll(/^### (\d+\.\d+) (.+)$/gm)].map(([, number = '', title = '']) => [number, title]),
  )
}

/** Writes the report. */
export function formatReport(base: string, files: readonly CaseFile[], outcomes: readonly Outcome[]): string {
  const cases = files.flatMap((file) => file.cases)
  const rows = [...readHeadings()].flatMap(([number, title]) => {
    const own = cases.filter(({ section }) => section === `§${number}`)
    if (own.length === 0) return []
    const ownOutcomes = outcomes.filter(({ one }) => own.includes(one))
    const tallies = COLUMNS.map((wire) => tally(ownOutcomes.filter((o) => o.wire === wire)))
    return [[`§${number} ${title.replaceAll('`', '')}`, String(own.length), ...tallies]]
  })
  const total = [
    'all',
    String(cases.length),
    ...COLUMNS.map((wire) => tally(outcomes.filter((o) => o.wire === wire))),
  ]
  const skips = outcomes.flatMap(({ one, wire, result }) =>
    typeof result === 'object' ? [`skipped: ${one.id} [${wire}] ${result.skipped}`] : [],
  )
  return [
    `Conformance of ${base}: ${tally(outcomes)} runs passed`,
    '',
    formatTable(['section', 'cases', ...COLUMNS], [...rows, total]),
    '',
    'Bad input',
    '',
    formatBadInput(cases, outcomes),
    ...skips,
    '',
  ].join('\n')
}

function formatBadInput(all: readonly Case[], outcomes: readonly Outcome[]): string {
  const cases = all.filter(({ row }) => row !== undefined)
  const cell = (one: Case, wire: WireName): string => {
    const outcome = outcomes.find((o) => o.one === one && o.wire === wire)
    if (outcome === undefined) return 'not run'
    if (typeof outcome.result === 'object') return 'left out'
    return outcome.result === 'passed' ? outcome.observed.join(', ') : 'FAILED'
  }
  const wires = ['websocket', 'sse', 'polling'] as const
  return formatTable(
    ['input', ...wires],
    cases.map((one) => [one.row as string, ...wires.map((wire) => cell(one, wire))]),
  )
}

function tally(outcomes: readonly Outcome[]): string {
  const run = outcomes.filter(({ result }) => typeof result === 'string')
  const passed = run.filter(({ result }) => result === 'passed').length
  return outcomes.length === 0 ? '–' : `${passed}/${run.length}`
}

function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => (row[column] as string).length)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] as number)).join(' | ')} |`
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n')
}
