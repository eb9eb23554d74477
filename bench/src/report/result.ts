// A run as a file: what was measured where, so that tables can be made again, and read by somebody who doubts them.

import { readFileSync, writeFileSync } from 'node:fs'
import type { Machine } from '../machine.ts'
import type { Sample } from '../sample.ts'

/** A run. */
export interface Result {
  /** ISO 8601. */
  readonly startedAt: string
  readonly machine: Machine
  readonly rounds: number
  readonly samples: readonly Sample[]
  readonly skipped: readonly string[]
  readonly failed: readonly string[]
}

/** Writes it, a sample per line, figures with five digits that count. */
export function writeResult(path: string, { samples, ...about }: Result): void {
  const lines = samples.map((sample) => JSON.stringify(sample, (_key, value: unknown) => rounded(value)))
  const head = JSON.stringify(about, null, 1).slice(0, -2)
  writeFileSync(path, `${head},\n "samples": [\n  ${lines.join(',\n  ')}\n ]\n}\n`)
}

/** Reads one back. */
export function readResult(path: string): Result {
  return JSON.parse(readFileSync(path, 'utf8')) as Result
}

function rounded(value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value
}
