// One fault, both libraries, every row: run it, then judge it from the histories on disk.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WireName } from '@triwire/client'
import { check, readHistories, type Verdict } from './checker.ts'
import type { FaultCase, Row } from './fault-cases.ts'
import type { RunPlan, Side } from './side.ts'
import { plainOf, retryingOf, SocketIoSide } from './socket-io-side.ts'
import { clientsOf, TriwireSide } from './triwire-side.ts'

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
  /** The client: its row, or one of several of a row. */
  readonly client: string
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
  /** How often the fault struck Triwire, where it is one that strikes. */
  readonly strikes: number
  /** The wire each client of Triwire ended on. */
  readonly wires: Readonly<Record<string, WireName | undefined>>
  readonly folder: string | undefined
}

const CHANGES_WIRES = new Set<string | undefined>(['change-wires', 'half-open-return'])
const ROWS: readonly Row[] = ['websocket', 'sse', 'polling', 'all']

/** Runs a fault. */
export async function runFault(fault: FaultCase, options: RunOptions): Promise<FaultReport> {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-chaos-'))
  const rows = (options.rows ?? ROWS).filter((row) => fault.blocks?.includes(row) !== true)
  const plan: RunPlan = { case: fault, rows, messages: options.messages, everyMs: options.everyMs, folder }
  // The wires of Socket.IO cannot be changed from outside.
  const hasSocketIo = options.socketIo && fault.copies === undefined && !CHANGES_WIRES.has(fault.disturbance?.kind)
  const triwire = new TriwireSide(plan)
  const sides: Side[] = [...(options.triwire ? [triwire] : []), ...(hasSocketIo ? [new SocketIoSide(plan)] : [])]
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
    const { strikes } = triwire
    const wires = options.triwire ? await triwire.wires() : {}
    const verdicts = check(readHistories(folder))
    const find = (channel: string, reader: string): Verdict | undefined =>
      verdicts.find((verdict) => verdict.channel === channel && verdict.reader === reader)
    const clients = rows.flatMap((row) => clientsOf(fault, row).map((client) => ({ row, client })))
    const outcomes = clients.flatMap(({ row, client }): Outcome[] => [
      {
        client,
        direction: 'down',
        triwire: find('down?run=run', client),
        socketIo: find('down?run=sio', plainOf(row)),
        socketIoRetries: undefined,
      },
      {
        client,
        direction: 'up',
        triwire: find(`up?run=${client}`, 'log'),
        socketIo: find(`up?run=${plainOf(row)}`, 'server'),
        socketIoRetries: find(`up?run=${retryingOf(row)}`, 'server'),
      },
    ])
    return { fault, outcomes, restless, strikes, wires, folder: options.keep ? folder : undefined }
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
  for (const { client, direction, triwire } of outcomes) {
    const where = `${fault.name}, ${client} ${direction}`
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
