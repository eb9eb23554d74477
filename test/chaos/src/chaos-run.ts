// One fault, both libraries, every row: run it, then judge it from the histories on disk.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check, readHistories, type Verdict } from './checker.ts'
import type { FaultCase, Row } from './fault-cases.ts'
import type { RunPlan, Side } from './side.ts'
import { plainOf, retryingOf, SocketIoSide } from './socket-io-side.ts'
import { TriwireSide } from './triwire-side.ts'

/** What is run. */
export interface RunOptions {
  readonly messages: number
  readonly everyMs: number
  readonly triwire: boolean
  readonly socketIo: boolean
  readonly rows?: readonly Row[]
  /** Keeps the histories. */
  readonly keep?: boolean
}

/** One line of the table. Without a verdict, this library has no such row. */
export interface Outcome {
  readonly fault: FaultCase
  readonly row: Row
  readonly direction: 'down' | 'up'
  readonly triwire: Verdict | undefined
  readonly socketIo: Verdict | undefined
  readonly socketIoRetries: Verdict | undefined
}

/** All lines of one fault. */
export interface FaultReport {
  readonly fault: FaultCase
  readonly outcomes: readonly Outcome[]
  /** Clients that did not come to rest in time. */
  readonly restless: readonly string[]
  readonly folder: string | undefined
}

const ROWS: readonly Row[] = ['websocket', 'sse', 'polling', 'all']

/** Runs a fault. */
export async function runFault(fault: FaultCase, options: RunOptions): Promise<FaultReport> {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-chaos-'))
  const rows = (options.rows ?? ROWS).filter((row) => fault.blocks?.includes(row) !== true)
  const plan: RunPlan = { case: fault, rows, messages: options.messages, everyMs: options.everyMs, folder }
  // The wires of Socket.IO cannot be changed from outside.
  const hasSocketIo = options.socketIo && fault.disturbance?.kind !== 'change-wires'
  const sides: Side[] = [
    ...(options.triwire ? [new TriwireSide(plan)] : []),
    ...(hasSocketIo ? [new SocketIoSide(plan)] : []),
  ]
  try {
    const restless: string[] = []
    for (const side of sides) await side.start()
    await Promise.all(
      sides.map(async (side) => {
        await side.open()
        await side.send()
        restless.push(...(await side.settle()))
      }),
    )
    const verdicts = check(readHistories(folder))
    const find = (channel: string, reader: string): Verdict | undefined =>
      verdicts.find((verdict) => verdict.channel === channel && verdict.reader === reader)
    const outcomes = rows.flatMap((row): Outcome[] => [
      {
        fault,
        row,
        direction: 'down',
        triwire: find('down?run=run', row),
        socketIo: find('down?run=sio', plainOf(row)),
        socketIoRetries: undefined,
      },
      {
        fault,
        row,
        direction: 'up',
        triwire: find(`up?run=${row}`, 'log'),
        socketIo: find(`up?run=${plainOf(row)}`, 'server'),
        socketIoRetries: find(`up?run=${retryingOf(row)}`, 'server'),
      },
    ])
    return { fault, outcomes, restless, folder: options.keep ? folder : undefined }
  } finally {
    for (const side of sides) await side.close()
    if (!options.keep) rmSync(folder, { recursive: true, force: true })
  }
}

/** What Triwire promises and did not keep, as sentences. Empty where all is well. */
export function brokenPromises({ fault, outcomes, restless }: FaultReport): string[] {
  const broken = restless
    .filter((client) => !client.startsWith('sio-'))
    .map((client) => `${fault.name}: the client over ${client} did not catch up`)
  for (const { row, direction, triwire } of outcomes) {
    const where = `${fault.name}, ${row} ${direction}`
    if (triwire === undefined) {
      broken.push(`${where}: there is no history`)
      continue
    }
    const { lost, duplicated, reordered, strange, failed, gaps, unanswered } = triwire
    const wantedGaps = fault.expectsGap === true && direction === 'down' ? 1 : 0
    for (const [what, count] of Object.entries({ lost, duplicated, reordered, strange, failed }))
      if (count > 0) broken.push(`${where}: ${count} ${what}`)
    if (direction === 'up' && unanswered > 0) broken.push(`${where}: ${unanswered} unanswered`)
    if (gaps.length !== wantedGaps || gaps.some((reason) => reason !== 'new_epoch'))
      broken.push(`${where}: gaps [${gaps.join(', ')}], expected ${wantedGaps}`)
  }
  return broken
}
