/** The report: one line per file of cases, and what each bad input came to on each wire. */
import type { Case, Section } from './case.ts'
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

/** Writes the report. */
export function formatReport(base: string, sections: readonly Section[], outcomes: readonly Outcome[]): string {
  const rows = sections.map(({ title, cases }) => {
    const own = outcomes.filter(({ one }) => cases.includes(one))
    return [title, String(cases.length), ...COLUMNS.map((wire) => tally(own.filter((o) => o.wire === wire)))]
  })
  const total = [
    'all',
    String(sections.flatMap(({ cases }) => cases).length),
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
    formatBadInput(sections, outcomes),
    ...skips,
    '',
  ].join('\n')
}

function formatBadInput(sections: readonly Section[], outcomes: readonly Outcome[]): string {
  const cases = sections.flatMap((section) => section.cases).filter(({ row }) => row !== undefined)
  const cell = (one: Case, wire: WireName): string => {
    const outcome = outcomes.find((o) => o.one === one && o.wire === wire)
    if (outcome === undefined) return 'not run'
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
