/** The cases as data: what a file of `cases/` holds. README.md describes the steps. */
import { readdirSync, readFileSync } from 'node:fs'
import { isRecord } from './pattern.ts'
import { WIRES, type WireName } from './wire.ts'

/** One step: exactly one verb with its object, and modifiers beside it. */
export type Step = Readonly<Record<string, unknown>>

/** One case. */
export interface Case {
  readonly id: string
  /** A sentence that holds. */
  readonly title: string
  /** The section of PROTOCOL.md that says so: `§8.3`. */
  readonly section: string
  /** The wires it runs on. `http` stands for requests that belong to no wire. Default: all three. */
  readonly wires: readonly (WireName | 'http')[]
  /** Limits it needs; it then runs against a server of its own and is skipped where that cannot be. */
  readonly limits: Readonly<Record<string, number>> | undefined
  /** It needs a host that cannot tell how much it has buffered, and is skipped where that cannot be. */
  readonly blind: boolean
  /** It acts on the server from inside, and is skipped where that cannot be. */
  readonly inside: boolean
  /** It is about what each node does for itself: it counts, or it knows only the connections it has. */
  readonly oneNode: boolean
  /** The row of the bad-input table it fills. */
  readonly row: string | undefined
  readonly steps: readonly Step[]
}

/** One file of cases. */
export interface CaseFile {
  readonly file: string
  readonly title: string
  readonly cases: readonly Case[]
}

/** Reads every file of cases, in the order of their names. */
export function readCaseFiles(): CaseFile[] {
  const folder = new URL('../cases/', import.meta.url)
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const data: unknown = JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
      if (!isRecord(data) || typeof data.title !== 'string' || !Array.isArray(data.cases)) {
        throw new Error(`${file} needs a title and cases.`)
      }
      return { file, title: data.title, cases: data.cases.map((one) => readCase(file, one)) }
    })
}

function readCase(file: string, data: unknown): Case {
  if (!isRecord(data)) throw new Error(`${file}: a case is an object.`)
  const {
    id,
    title,
    section,
    wires = [...WIRES],
    limits,
    blind = false,
    inside = false,
    oneNode = false,
    row,
    steps,
    ...rest
  } = data
  const isWellFormed =
    typeof id === 'string' &&
    typeof title === 'string' &&
    typeof section === 'string' &&
    Array.isArray(wires) &&
    Array.isArray(steps) &&
    Object.keys(rest).length === 0
  if (!isWellFormed) throw new Error(`${file}: case ${String(id)} is malformed, or has a field nobody knows.`)
  return {
    id,
    title,
    section,
    wires: wires as Case['wires'],
    limits: limits as Case['limits'],
    blind: blind === true,
    inside: inside === true,
    oneNode: oneNode === true,
    row: row as string | undefined,
    steps: steps as Step[],
  }
}
