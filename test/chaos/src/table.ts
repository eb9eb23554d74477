// The table of a run: wire × fault × direction, both libraries side by side.

import type { FaultReport } from './chaos-run.ts'
import type { Verdict } from './checker.ts'

const COLUMNS = [
  ['fault', 36],
  ['wire', 10],
  ['way', 5],
  ['Triwire', 38],
  ['Socket.IO', 28],
  ['Socket.IO, retries', 22],
] as const

/** Two lines that say what the columns hold. */
export function tableHead(): string {
  const head = COLUMNS.map(([name, width]) => name.padEnd(width)).join('')
  return `${head}\n${'—'.repeat(head.length)}`
}

/** The lines of one fault. */
export function tableLines({ fault, outcomes }: FaultReport): string {
  return outcomes
    .map(({ client, direction, triwire, socketIo, socketIoRetries }, index) => {
      const gaps =
        triwire !== undefined && triwire.gaps.length > 0 ? `, ${triwire.gaps.length} gap (${triwire.told})` : ''
      const cells = [
        index === 0 ? fault.name : '',
        client,
        direction,
        cellOf(triwire) + gaps,
        cellOf(socketIo),
        cellOf(socketIoRetries),
      ]
      return cells
        .map((cell, column) => cell.padEnd(COLUMNS[column]?.[1] ?? 0))
        .join('')
        .trimEnd()
    })
    .join('\n')
}

/** sent / lost / duplicated / reordered */
function cellOf(verdict: Verdict | undefined): string {
  if (verdict === undefined) return '–'
  const { sent, lost, duplicated, reordered, failed, unanswered } = verdict
  const notes = [failed > 0 ? `${failed} failed` : '', unanswered > 0 ? `${unanswered} open` : ''].filter(Boolean)
  return [`${sent} / ${lost} / ${duplicated} / ${reordered}`, ...notes].join(', ')
}
