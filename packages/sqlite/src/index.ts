export { type Durability, type SqliteOpenCode, SqliteOpenError } from './database.ts'
export { type SqliteBrokerHandle, type SqliteOptions, sqlite } from './sqlite.ts'
