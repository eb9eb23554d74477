/** What the tables need of a database: statements that run here and now, as SQLite's do in a process of its own. */

/** What a column holds, as far as we use it. */
export type SqlValue = string | number | null

/** A row: its columns in the order of the query. */
export type Row = readonly SqlValue[]

/** A prepared statement. */
export interface Statement {
  run(...parameters: readonly SqlValue[]): { readonly lastInsertRowid: number | bigint; readonly changes: number }
  get(...parameters: readonly SqlValue[]): Row | undefined
  all(...parameters: readonly SqlValue[]): readonly Row[]
}

/** The database. Transactions are the business of whoever has it. */
export interface SqlDatabase {
  prepare(sql: string): Statement
}
