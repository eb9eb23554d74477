/**
 * The broker in one SQLite file: the tables and rules are those of every broker in SQLite, what is of a file is here. Each
 * operation takes part in a group that ends when the disk has it.
 */
import { type MemoryBrokerOptions, MemoryChannels, SqlBroker } from '@triwire/server/broker-parts'
import { Database } from './database.ts'
import { GroupCommit } from './group-commit.ts'
import type { SqliteOptions } from './sqlite.ts'

/** What the broker is made of: the options, and what tests replace. */
export type SqliteBrokerOptions = Required<SqliteOptions> & Pick<MemoryBrokerOptions, 'now' | 'random' | 'setTimer'>

/** The broker. */
export class SqliteBroker extends SqlBroker {
  readonly #database: Database
  readonly #groups: GroupCommit
  readonly #channels: MemoryChannels
  readonly #onTrouble: (error: unknown) => void
  #closing: Promise<void> | undefined

  /** @throws SqliteOpenError where the file cannot be used */
  constructor(options: SqliteBrokerOptions) {
    const { path, durability, dedupeMs, idleMs, onTrouble, ...seams } = options
    const channels = new MemoryChannels({ ...seams, onListenerError: onTrouble, limits: { dedupeMs, idleMs } })
    const database = new Database(path, durability)
    let groups: GroupCommit | undefined
    super({
      acknowledges: durability === 'full' ? 'sqlite' : 'sqlite, process',
      database,
      createTransactions: (hooks) => {
        groups = new GroupCommit(database, hooks)
        return groups
      },
      channels,
      dedupeMs,
      idleMs,
      onTrouble,
      shrink: () => shrink(database, groups as GroupCommit),
    })
    this.#database = database
    this.#groups = groups as unknown as GroupCommit
    this.#channels = channels
    this.#onTrouble = onTrouble
  }

  override close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** What it holds in memory at this moment. */
  stats(): { readonly channels: number; readonly subscriptions: number; readonly waiting: number } {
    const { channels, subscriptions, waiting } = this.#channels.stats()
    return { channels, subscriptions, waiting: waiting + this.#groups.waiting }
  }

  async #close(): Promise<void> {
    await super.close()
    try {
      await this.#database.close()
    } catch (error) {
      // Everything is in the journal beside the file, and is found there by whoever opens it next.
      this.#onTrouble(error)
    }
  }
}

/** Gives some free pages back where half of the file is free; whether there may be more. */
function shrink(database: Database, groups: GroupCommit): boolean {
  const free = Number(database.pragma('freelist_count'))
  if (free < MIN_FREE_PAGES || free < Number(database.pragma('page_count')) / 2) return false
  groups.beginWrite()
  database.exec(`PRAGMA incremental_vacuum(${STEP_PAGES})`)
  return Number(database.pragma('freelist_count')) < free
}

/** Free pages below which giving them back is not worth it: 4 MiB. */
const MIN_FREE_PAGES = 1024

/** Pages one step gives back: 1 MiB. */
const STEP_PAGES = 256
