/**
 * A cursor says where a reader stands in a channel's log: `epoch:offset:tag` (PROTOCOL.md §3).
 *
 * - `epoch` names one life of the log. A broker that comes back empty starts another epoch.
 * - `offset` is the position of the last event the reader has; 0 stands before the first one.
 * - `tag` is unique to the append that made that position. A store that fails over to a stale replica reuses
 *   offsets under the same epoch; only the tag tells the two pasts apart.
 *
 * Opaque to applications: they store it and hand it back.
 */
import { TriwireError } from './codes.ts'

/** A cursor in its parts. */
export interface Cursor {
  /** 1–32 characters of `A–Z a–z 0–9 _ -`. */
  readonly epoch: string
  /** A safe integer, 0 or more. */
  readonly offset: number
  /** 1–32 characters of `A–Z a–z 0–9 _ -`; `0` at offset 0. */
  readonly tag: string
}

/** The longest cursor text that is looked at: two names of 32, a 16-digit offset and two colons. */
export const MAX_CURSOR_LENGTH = 82

const CURSOR = /^([\w-]{1,32}):(0|[1-9]\d{0,15}):([\w-]{1,32})$/

/** Writes a cursor as text. */
export function formatCursor(cursor: Cursor): string {
  return `${cursor.epoch}:${cursor.offset}:${cursor.tag}`
}

/**
 * Reads a cursor, strictly: one text form per cursor, so no `01`, `1e3`, `-1` or 2^64.
 * @throws TriwireError `bad_cursor`
 */
export function parseCursor(text: string): Cursor {
  const [, epoch = '', digits, tag = ''] = CURSOR.exec(text) ?? []
  const offset = Number(digits)
  if (!Number.isSafeInteger(offset))
    throw new TriwireError('bad_cursor', 'This is no cursor. Pass one back as received.')
  return { epoch, offset, tag }
}

/** The cursor that stands before the first event of an epoch. */
export function startOf(epoch: string): Cursor {
  return { epoch, offset: 0, tag: '0' }
}
