/** The SQLite of a Durable Object as the broker's database. Statements run here and now; the platform caches them by text. */
import type { Row, SqlDatabase, SqlValue, Statement } from '@triwire/server/broker-parts'
import type { ObjectSql } from './platform.ts'

/** The database. */
export function objectDatabase(sql: ObjectSql): SqlDatabase {
  const rows = (text: string, parameters: readonly SqlValue[]): Row[] =>
    sql
      .exec(text, ...parameters)
      .raw()
      .toArray() as Row[]
  const numberOf = (text: string): number => Number(rows(text, [])[0]?.[0])
  return {
    prepare: (text): Statement => ({
      run(...parameters) {
        rows(text, parameters)
        // Asked for at once by the few who want to know.
        return {
          get lastInsertRowid() {
            return numberOf('SELECT last_insert_rowid()')
          },
          get changes() {
            return numberOf('SELECT changes()')
          },
        }
      },
      get: (...parameters) => rows(text, parameters)[0],
      all: (...parameters) => rows(text, parameters),
    }),
  }
}
