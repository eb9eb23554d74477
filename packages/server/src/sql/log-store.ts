/**
 * The logs in the file: append, read, trim. A log is trimmed where it is read, in thought; rows are deleted a few at a time,
 * because deleting one with every append would double what an append costs.
 */
import { type Cursor, type History, utf8Length } from '@triwire/protocol'
import type { Append, LogEntry, ReadRequest, ReadResult } from '../broker.ts'
import { type ChannelRow, cursorOf, type Position } from './channel-rows.ts'
import type { Row, SqlDatabase, Statement } from './database.ts'
import { fromStored, toStored } from './text.ts'

/** The logs. */
export class LogStore {
  readonly #insert: Statement
  readonly #at: Statement
  readonly #ages: Statement
  readonly #page: Statement
  readonly #trim: Statement

  constructor(database: SqlDatabase) {
    this.#insert = database.prepare(
      'INSERT INTO entry (channel, offset, tag, total, at, event, cause, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    this.#at = database.prepare('SELECT tag, total FROM entry WHERE channel = ? AND offset = ?')
    this.#ages = database.prepare(
      'SELECT offset, tag, total, at FROM entry WHERE channel = ? AND offset > ? ORDER BY offset LIMIT ?',
    )
    this.#page = database.prepare(
      `SELECT offset, tag, event, cause, data FROM entry
       WHERE channel = ? AND offset > ? AND (total <= ? OR offset = ?) ORDER BY offset LIMIT ?`,
    )
    this.#trim = database.prepare('DELETE FROM entry WHERE channel = ? AND offset <= ?')
  }

  /** Appends; the caller has begun to write, and takes note that the row was changed. */
  append(row: ChannelRow, { event, data, cause, history }: Append, tag: string, now: number): LogEntry {
    const bytes = utf8Length(data)
    // What a shorter history has let go does not come back with a longer one.
    if (row.history !== undefined && isWider(history, row.history)) this.trim(row, now)
    row.head = { offset: row.head.offset + 1, tag, total: row.head.total + bytes }
    row.history = history
    const { offset, total } = row.head
    const storedCause = cause === undefined ? null : toStored(cause)
    this.#insert.run(row.id, offset, tag, total, now, toStored(event), storedCause, toStored(data))
    const { keep, bytes: most } = history
    const isLong = offset - row.boundary.offset > keep + TRIM_SLACK
    const isHeavy = total - row.boundary.total > most + bytes + TRIM_SLACK_BYTES
    if (isLong || isHeavy) this.trim(row, now)
    return { cursor: cursorOf(row, row.head), prev: undefined, event, data, cause }
  }

  /** Deletes what is beyond age, number or bytes; the caller has begun to write. */
  trim(row: ChannelRow, now: number): void {
    const boundary = this.#boundaryAt(row, now)
    if (boundary === row.boundary) return
    row.boundary = boundary
    this.#trim.run(row.id, boundary.offset)
  }

  /** Whether so much is beyond its time that it is worth being deleted. */
  isTrimmable(row: ChannelRow, from: Cursor): boolean {
    return from.offset - row.boundary.offset > TRIM_SLACK
  }

  /** `whole`: the position from which on the log is whole at this moment. */
  read(row: ChannelRow, request: ReadRequest, now: number): { result: ReadResult; whole: Cursor } {
    const { after, tail = 0, limit, bytes } = request
    const boundary = this.#boundaryAt(row, now)
    const whole = cursorOf(row, boundary)
    const head = cursorOf(row, row.head)
    const gap = (reason: 'trimmed' | 'lost_tail' | 'new_epoch', next: Cursor | undefined) =>
      ({ result: { status: 'gap', reason, next, head }, whole }) as const
    if (after !== undefined) {
      if (after.epoch !== row.epoch) return gap('new_epoch', whole)
      if (after.offset < boundary.offset) return gap('trimmed', whole)
      if (after.offset > row.head.offset) return gap('lost_tail', undefined)
    }
    const offset = after?.offset ?? Math.max(boundary.offset, row.head.offset - tail)
    const from = this.#positionAt(row, boundary, offset)
    if (after !== undefined && after.tag !== from.tag) return gap('lost_tail', undefined)
    const rows =
      limit > 0 && offset < row.head.offset
        ? this.#page.all(row.id, offset, from.total + bytes, offset + 1, Math.min(limit, MAX_PAGE))
        : []
    const entries = rows.map((columns) => toEntry(row, columns))
    return { result: { status: 'page', entries, from: cursorOf(row, from), head }, whole }
  }

  /** Where the log begins to be whole. The newest entry goes by age only: it can be read at least once. */
  #boundaryAt(row: ChannelRow, now: number): Position {
    const { head, history } = row
    let boundary = row.boundary
    if (history === undefined) return boundary
    for (let count = 1; boundary.offset < head.offset; count = 64) {
      const rows = this.#ages.all(row.id, boundary.offset, count)
      for (const [offset, tag, total, at] of rows) {
        const length = head.offset - boundary.offset
        const isOver = length > 1 && (length > history.keep || head.total - boundary.total > history.bytes)
        if (!isOver && now - Number(at) < history.ttlMs) return boundary
        boundary = { offset: Number(offset), tag: String(tag), total: Number(total) }
      }
      if (rows.length < count) break
    }
    return boundary
  }

  #positionAt(row: ChannelRow, boundary: Position, offset: number): Position {
    if (offset === boundary.offset) return boundary
    if (offset === row.head.offset) return row.head
    const [tag, total] = this.#at.get(row.id, offset) ?? []
    if (tag === undefined) throw new Error(`The file has no entry ${offset} of channel ${row.id}.`)
    return { offset, tag: String(tag), total: Number(total) }
  }
}

function isWider({ keep, ttlMs, bytes }: History, before: History): boolean {
  return keep > before.keep || ttlMs > before.ttlMs || bytes > before.bytes
}

/** Entries, and bytes, beyond the history that appends leave for the next trimming. */
const TRIM_SLACK = 32
const TRIM_SLACK_BYTES = 64 * 1024

/** Within what SQLite takes as a number; no history is longer. */
const MAX_PAGE = 100_000

function toEntry(row: ChannelRow, [offset, tag, event, cause, data]: Row): LogEntry {
  return {
    cursor: { epoch: row.epoch, offset: Number(offset), tag: String(tag) },
    prev: undefined,
    event: fromStored(String(event)),
    data: fromStored(String(data)),
    cause: cause === null || cause === undefined ? undefined : fromStored(String(cause)),
  }
}
