/**
 * The lives of channels, as rows. The rows used last stay in memory and are changed there; what was changed is written when
 * the group ends. After a rollback all of them are read anew, so memory never says anything that the file does not.
 */
import type { Cursor } from '@triwire/protocol'
import type { Row, SqlDatabase, SqlValue, Statement } from './database.ts'
import { fromStored, toStored } from './text.ts'

/** A position in the log of a channel: offset, tag, and bytes ever appended up to it. */
export interface Position {
  readonly offset: number
  readonly tag: string
  readonly total: number
}

/** One life of a channel. */
export interface ChannelRow {
  readonly id: number
  readonly name: string
  readonly epoch: string
  head: Position
  /** The position before the first entry that is in the file. */
  boundary: Position
  /** What the last append said; undefined before the first one. */
  history: { readonly keep: number; readonly ttlMs: number; readonly bytes: number } | undefined
  /** When it may be dropped, where nobody follows it. */
  keepUntil: number
}

/** How far a sweep has come. */
export interface SweepMark {
  readonly keepUntil: number
  readonly id: number
}

/** What the rows need to know. */
export interface ChannelRowsOptions {
  readonly now: () => number
  /** A new name for each epoch. */
  readonly random: () => string
  /** Milliseconds a channel is kept beyond everything in it. */
  readonly idleMs: number
  /** Whether somebody follows it, or has used it a short while ago. */
  readonly isInUse: (name: string) => boolean
  /** Called before the first statement that changes something. */
  readonly beginWrite: () => void
}

/** The rows. */
export class ChannelRows {
  readonly #options: ChannelRowsOptions
  /** In the order of their last use. */
  readonly #rows = new Map<string, ChannelRow>()
  readonly #changed = new Set<ChannelRow>()
  readonly #find: Statement
  readonly #insert: Statement
  readonly #update: Statement
  readonly #ageing: Statement
  readonly #drops: readonly Statement[]

  constructor(database: SqlDatabase, options: ChannelRowsOptions) {
    this.#options = options
    this.#find = database.prepare(`SELECT ${COLUMNS} FROM channel WHERE name = ?`)
    this.#insert = database.prepare(
      `INSERT INTO channel (name, epoch, head, tag, total, boundary, boundary_tag, boundary_total, keep_until)
       VALUES (?, ?, 0, '0', 0, 0, '0', 0, ?)`,
    )
    this.#update = database.prepare(
      `UPDATE channel SET head = ?, tag = ?, total = ?, boundary = ?, boundary_tag = ?, boundary_total = ?,
       keep = ?, ttl = ?, bytes = ?, keep_until = ? WHERE id = ?`,
    )
    this.#ageing = database.prepare(
      `SELECT ${COLUMNS} FROM channel WHERE keep_until <= ? AND (keep_until, id) > (?, ?) ORDER BY keep_until, id LIMIT ?`,
    )
    this.#drops = [
      'DELETE FROM entry WHERE channel = ?',
      'DELETE FROM answer WHERE producer IN (SELECT id FROM producer WHERE channel = ?)',
      'DELETE FROM producer WHERE channel = ?',
      'DELETE FROM once WHERE channel = ?',
      'DELETE FROM reply WHERE channel = ?',
      'DELETE FROM channel WHERE id = ?',
    ].map((sql) => database.prepare(sql))
  }

  /** The life that goes on; undefined where there is none. */
  find(name: string): ChannelRow | undefined {
    const row = this.#rows.get(name) ?? this.#read(name)
    if (row === undefined || this.#isOver(row)) return undefined
    this.#keepInMemory(row)
    return row
  }

  /** The life that goes on, or a new one. */
  use(name: string): ChannelRow {
    const found = this.find(name)
    if (found !== undefined) return found
    this.#options.beginWrite()
    const over = this.#rows.get(name) ?? this.#read(name)
    if (over !== undefined) this.#drop(over)
    const epoch = this.#options.random()
    const keepUntil = this.#options.now() + this.#options.idleMs
    const { lastInsertRowid } = this.#insert.run(toStored(name), epoch, keepUntil)
    const start: Position = { offset: 0, tag: '0', total: 0 }
    const id = Number(lastInsertRowid)
    const row: ChannelRow = { id, name, epoch, head: start, boundary: start, history: undefined, keepUntil }
    this.#keepInMemory(row)
    return row
  }

  /** Takes note that a row was changed, and that something in it lives for so long. */
  handleChanged(row: ChannelRow, lifeMs: number): void {
    row.keepUntil = Math.max(row.keepUntil, this.#options.now() + lifeMs + this.#options.idleMs)
    this.#changed.add(row)
  }

  /** Writes what was changed. */
  write(): void {
    for (const row of this.#changed) {
      const { head, boundary, history, keepUntil, id } = row
      this.#update.run(
        head.offset,
        head.tag,
        head.total,
        boundary.offset,
        boundary.tag,
        boundary.total,
        history?.keep ?? null,
        history?.ttlMs ?? null,
        history?.bytes ?? null,
        keepUntil,
        id,
      )
    }
    this.#changed.clear()
    for (const name of this.#rows.keys()) {
      if (this.#rows.size <= MAX_ROWS) break
      this.#rows.delete(name)
    }
  }

  /** Forgets what memory says. */
  reset(): void {
    this.#changed.clear()
    this.#rows.clear()
  }

  /**
   * Drops channels that are over, and gives those in use a longer life long before it ends: a process that dies takes along
   * the knowledge of who used them. Looks at a few; returns from where to go on, undefined at the end.
   */
  sweep(after: SweepMark): SweepMark | undefined {
    const { now, idleMs, isInUse, beginWrite } = this.#options
    const found = this.#ageing.all(now() + idleMs / 2, after.keepUntil, after.id, SWEEP_ROWS).map(toRow)
    for (const stored of found) {
      const row = this.#rows.get(stored.name) ?? stored
      if (isInUse(row.name)) {
        beginWrite()
        this.handleChanged(row, 0)
      } else if (row.keepUntil <= now()) {
        beginWrite()
        this.#drop(row)
      }
    }
    const last = found.at(-1)
    return found.length < SWEEP_ROWS ? undefined : last
  }

  #isOver({ name, keepUntil }: ChannelRow): boolean {
    return keepUntil <= this.#options.now() && !this.#options.isInUse(name)
  }

  #read(name: string): ChannelRow | undefined {
    const found = this.#find.get(toStored(name))
    return found && toRow(found)
  }

  #keepInMemory(row: ChannelRow): void {
    this.#rows.delete(row.name)
    this.#rows.set(row.name, row)
  }

  #drop(row: ChannelRow): void {
    for (const statement of this.#drops) statement.run(row.id)
    this.#rows.delete(row.name)
    this.#changed.delete(row)
  }
}

/** The position as a cursor of this life. */
export function cursorOf(row: ChannelRow, { offset, tag }: Pick<Position, 'offset' | 'tag'>): Cursor {
  return { epoch: row.epoch, offset, tag }
}

const COLUMNS =
  'id, name, epoch, head, tag, total, boundary, boundary_tag, boundary_total, keep, ttl, bytes, keep_until'

/** Rows that stay in memory from one group to the next. */
const MAX_ROWS = 1000

/** Channels one step of a sweep looks at. */
const SWEEP_ROWS = 200

function toRow(columns: Row): ChannelRow {
  const [id, name, epoch, head, tag, total, boundary, boundaryTag, boundaryTotal, keep, ttlMs, bytes, keepUntil] =
    columns
  const position = (
    offset: SqlValue | undefined,
    at: SqlValue | undefined,
    sum: SqlValue | undefined,
  ): Position => ({
    offset: Number(offset),
    tag: String(at),
    total: Number(sum),
  })
  return {
    id: Number(id),
    name: fromStored(String(name)),
    epoch: String(epoch),
    head: position(head, tag, total),
    boundary: position(boundary, boundaryTag, boundaryTotal),
    history: keep === null ? undefined : { keep: Number(keep), ttlMs: Number(ttlMs), bytes: Number(bytes) },
    keepUntil: Number(keepUntil),
  }
}
