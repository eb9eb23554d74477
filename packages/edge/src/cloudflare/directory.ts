/** The names of all objects, in one of them: whoever is let go may be connected to any. */
import type { ObjectSql } from './platform.ts'

/** The names. */
export class Directory {
  readonly #sql: ObjectSql

  constructor(sql: ObjectSql) {
    this.#sql = sql
    sql.exec('CREATE TABLE IF NOT EXISTS shard (name TEXT PRIMARY KEY) WITHOUT ROWID')
  }

  register(name: string): void {
    this.#sql.exec('INSERT OR IGNORE INTO shard (name) VALUES (?)', name)
  }

  names(): string[] {
    return this.#sql
      .exec('SELECT name FROM shard')
      .raw()
      .toArray()
      .map(([name]) => String(name))
  }
}
