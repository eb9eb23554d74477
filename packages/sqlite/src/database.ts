/**
 * The file, and the one connection to it. Statements run here and now, on the thread of the event loop: they touch
 * memory, seldom the disk. What waits for the disk, the end of a transaction, runs on a thread of the driver. Meanwhile
 * nothing else may use the connection; `GroupCommit` sees to that.
 *
 * The journal is a write-ahead log (https://sqlite.org/wal.html), and the connection holds the file exclusively
 * (https://sqlite.org/pragma.html#pragma_locking_mode), so no shared memory is needed and no second process gets in.
 */
import type { SqlDatabase, SqlValue, Statement } from '@triwire/server/broker-parts'
import Libsql from 'libsql'
import LibsqlPromise from 'libsql/promise'
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from './schema.ts'

/** Why a file cannot be used. */
export type SqliteOpenCode =
  /** It is not there and cannot be made, or may not be read. */
  | 'cannot_open'
  /** Another process has it, or another broker in this one. */
  | 'in_use'
  /** It is no SQLite file, or its pages contradict each other. */
  | 'corrupt'
  /** It is a SQLite file of somebody else. */
  | 'not_ours'
  /** It was written by a newer version of this package. */
  | 'newer_schema'

/** Thrown by `sqlite()` where the file cannot be used. The message says what to do. */
export class SqliteOpenError extends Error {
  override readonly name = 'SqliteOpenError'
  readonly code: SqliteOpenCode

  constructor(code: SqliteOpenCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/** `full`: a transaction ends when the disk has it. `process`: when the operating system has it. */
export type Durability = 'full' | 'process'

/** The database. */
export class Database implements SqlDatabase {
  readonly #database: Libsql.Database

  /** @throws SqliteOpenError where the file cannot be used; it is left as it was */
  constructor(path: string, durability: Durability) {
    this.#database = connect(path)
    try {
      this.#set('locking_mode = EXCLUSIVE')
      const isFresh = this.#verify(path)
      // Only a file without pages can be told; then pages that are free again can be given back.
      if (isFresh) this.#set('auto_vacuum = INCREMENTAL')
      this.#set('journal_mode = WAL')
      this.#set(`synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`)
      // macOS: a plain fsync leaves the data in the drive.
      this.#set('fullfsync = ON')
      this.#set('checkpoint_fullfsync = ON')
      this.#set(`cache_size = -${CACHE_KIB}`)
      this.#set(`journal_size_limit = ${JOURNAL_BYTES}`)
      if (isFresh) this.#database.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`)
    } catch (error) {
      this.#database.close()
      throw toOpenError(path, error)
    }
  }

  /** Whether a transaction is open. */
  get isInTransaction(): boolean {
    return this.#database.inTransaction
  }

  prepare(sql: string): Statement {
    const statement = this.#database.prepare(sql)
    return (statement.reader ? statement.raw() : statement) as Statement
  }

  /** Runs statements here and now. */
  exec(sql: string): void {
    this.#database.exec(sql)
  }

  /** Runs statements on another thread. Nothing else may use the database before this is over. */
  async execAside(sql: string): Promise<void> {
    // The driver has two classes for the two ways of calling one native connection, which both keep in `db`.
    const { db } = this.#database as unknown as { readonly db: unknown }
    await (LibsqlPromise.prototype.exec.call({ db } as LibsqlPromise, sql) as Promise<void>)
  }

  /**
   * Puts everything into the one file and lets go of it. The driver (0.5.29) ends a connection only when all its statements
   * have been collected as garbage, so the lock is given up by leaving the write-ahead log first.
   */
  async close(): Promise<void> {
    try {
      await this.execAside(
        'PRAGMA synchronous = FULL; PRAGMA journal_mode = DELETE; PRAGMA locking_mode = NORMAL; SELECT 1 FROM channel',
      )
    } finally {
      this.#database.close()
    }
  }

  /** A value of the file's own: of `PRAGMA <name>`. Null where it has none. */
  pragma(name: string): SqlValue {
    return this.prepare(`PRAGMA ${name}`).all()[0]?.[0] ?? null
  }

  /** Whether the file is empty; whatever else is not ours is refused. Nothing has been written yet. */
  #verify(path: string): boolean {
    const version = Number(this.pragma('user_version'))
    const isOurs = this.pragma('application_id') === APPLICATION_ID
    const [tables] = this.prepare('SELECT count(*) FROM sqlite_schema').all()
    if (!isOurs && (version !== 0 || tables?.[0] !== 0)) {
      throw new SqliteOpenError(
        'not_ours',
        `${path} is a SQLite database of something else. Give Triwire a file of its own.`,
      )
    }
    if (version > SCHEMA_VERSION) {
      throw new SqliteOpenError(
        'newer_schema',
        `${path} has schema ${version}, and this version of @triwire/sqlite knows ${SCHEMA_VERSION}. Use the version that wrote it, or another file.`,
      )
    }
    const found = this.pragma('quick_check(1)')
    if (found !== 'ok') {
      throw new SqliteOpenError('corrupt', `${path} is damaged (${found}). ${RESTORE}`)
    }
    return !isOurs
  }

  #set(pragma: string): void {
    this.#database.exec(`PRAGMA ${pragma}`)
  }
}

/** Memory for pages of the file. */
const CACHE_KIB = 16 * 1024

/** What the write-ahead log is cut back to after it was longer. It is begun anew every 1,000 pages of 4 KiB. */
const JOURNAL_BYTES = 8 * 1024 * 1024

const RESTORE = 'Move it away and start with a new file, or restore a copy: clients are told of a gap and go on.'

function connect(path: string): Libsql.Database {
  try {
    return new Libsql(path)
  } catch (error) {
    throw new SqliteOpenError(
      'cannot_open',
      `${path} cannot be opened. Does its folder exist, and may this process write there?`,
      error,
    )
  }
}

function toOpenError(path: string, error: unknown): unknown {
  const code = (error as { readonly code?: unknown } | null)?.code
  if (error instanceof SqliteOpenError || typeof code !== 'string' || !code.startsWith('SQLITE_')) return error
  if (/BUSY|LOCKED/.test(code)) {
    const what = 'One process may use a file at a time: end the other one. For several nodes use @triwire/redis.'
    return new SqliteOpenError('in_use', `${path} is in use by another broker. ${what}`, error)
  }
  if (/NOTADB|CORRUPT/.test(code)) {
    return new SqliteOpenError('corrupt', `${path} is damaged, or no SQLite file. ${RESTORE}`, error)
  }
  return new SqliteOpenError('cannot_open', `${path} cannot be used (${code}): ${(error as Error).message}`, error)
}
