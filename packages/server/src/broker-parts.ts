/**
 * What brokers are made of that keep something in this process's memory, or in SQLite: `@triwire/server/broker-parts`. For
 * adapters of ours; what is here may change with any version.
 */
export type { MemoryChannel } from './memory-channel.ts'
export { type MemoryBrokerOptions, MemoryChannels } from './memory-channels.ts'
export type { MemoryPresence, PresenceStore, StoredMember, StoredPresence } from './memory-presence.ts'
export type { Row, SqlDatabase, SqlValue, Statement } from './sql/database.ts'
export { SqlBroker, type SqlBrokerOptions } from './sql/sql-broker.ts'
export { TABLES } from './sql/tables.ts'
export { fromStored, toStored } from './sql/text.ts'
export type { Transactions, TransactionsOptions } from './sql/transactions.ts'
