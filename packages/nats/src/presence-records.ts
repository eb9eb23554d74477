/**
 * What is kept of a presence set, and as which text.
 *
 * - The *set*, one record per channel: who is shown, with what, under which version. It changes when something visible does,
 *   and its note tells followers what that is.
 * - A *member*, one record each: its leases, the highest number it has shown or said goodbye with. A renewal changes nothing
 *   else. Whether somebody is present is decided here: the set follows.
 */
import type { PresenceChange } from '@triwire/server'
import { nonce } from './nonce.ts'
import { readRecord } from './records.ts'

/** Somebody who is shown. */
export interface Shown {
  readonly sequence: number
  /** JSON text. */
  readonly data: string
  /** When the last lease ended as far as was known; its member record may have renewed ones. */
  readonly endsAt: number
}

/** The set. */
export interface PresenceSet {
  readonly version: string
  /** When it was stored, by the server's clock. */
  readonly at: number
  readonly members: ReadonlyMap<string, Shown>
}

/** A member. */
export interface Member {
  /** The highest number shown; of one who departed, the number of the goodbye. */
  readonly sequence: number
  /** When each holder's lease ends. */
  readonly leases: ReadonlyMap<string, number>
  /** Until when a goodbye counts; 0 where there was none. */
  readonly departedUntil: number
}

/** What followers of a set are told. */
export interface SetNote {
  /** The version before it. */
  readonly before: string
  readonly version: string
  readonly changes: readonly PresenceChange[]
  /** Leases that end earlier or later than the set said: member and time. */
  readonly ends: readonly (readonly [string, number])[]
}

/** The set where there is none. */
const NOBODY: PresenceSet = { version: '0', at: 0, members: new Map() }

export function formatSet({ version, at, members }: PresenceSet): string {
  const list = Array.from(members, ([name, { sequence, data, endsAt }]) => [name, sequence, data, endsAt])
  return JSON.stringify([nonce(), version, at, list])
}

export function parseSet(text: string | undefined): PresenceSet {
  const set = readRecord(text, (fields): PresenceSet => {
    const [, version, at, list] = fields as [string, string, number, [string, number, string, number][]]
    const members = new Map(list.map(([name, sequence, data, endsAt]) => [name, { sequence, data, endsAt }]))
    return { version, at, members }
  })
  return set ?? NOBODY
}

export function formatMember({ sequence, leases, departedUntil }: Member): string {
  return JSON.stringify([nonce(), sequence, [...leases], departedUntil])
}

export function parseMember(text: string | undefined): Member | undefined {
  return readRecord(text, (fields) => {
    const [, sequence, leases, departedUntil] = fields as [string, number, [string, number][], number]
    return { sequence, leases: new Map(leases), departedUntil }
  })
}

export function formatNote({ before, version, changes, ends }: SetNote): string {
  const short = changes.map((change) =>
    change.op === 'leave'
      ? ['leave', change.member, change.version]
      : [change.op, change.member, change.version, change.data],
  )
  return JSON.stringify([before, version, short, ends])
}

/** Reads a note; undefined where it is none of ours. */
export function parseNote(text: string): SetNote | undefined {
  try {
    const [before, version, short, ends] = JSON.parse(text) as [unknown, unknown, unknown[], unknown[]]
    if (typeof before !== 'string' || typeof version !== 'string') return undefined
    return { before, version, changes: short.map(toChange), ends: ends.map(toEnd) }
  } catch {
    return undefined
  }
}

function toChange(value: unknown): PresenceChange {
  const [op, member, version, data] = value as unknown[]
  if (typeof member !== 'string' || typeof version !== 'string') throw new SyntaxError('no change')
  if (op === 'leave') return { op, member, version }
  if ((op !== 'join' && op !== 'update') || typeof data !== 'string') throw new SyntaxError('no change')
  return { op, member, data, version }
}

function toEnd(value: unknown): readonly [string, number] {
  const [member, endsAt] = value as unknown[]
  if (typeof member !== 'string' || typeof endsAt !== 'number') throw new SyntaxError('no end')
  return [member, endsAt]
}
