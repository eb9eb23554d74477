/**
 * The broker of one Durable Object: the tables of every broker in SQLite, in the object's own storage. It has them to itself,
 * because a Durable Object is one of its name in the world.
 */
import { MemoryChannels, SqlBroker, TABLES } from '@triwire/server/broker-parts'
import { objectDatabase } from './object-database.ts'
import type { ObjectTimers } from './object-timers.ts'
import { ObjectTransactions } from './object-transactions.ts'
import type { ObjectStorage } from './platform.ts'
import { PRESENCE_TABLES, PresenceRows, type StoredLease } from './presence-rows.ts'

/** Milliseconds producers, keys and departed members are remembered. */
const DEDUPE_MS = 300_000
/** Milliseconds a channel nobody follows is kept beyond everything in it: a week, because a row costs next to nothing. */
const IDLE_MS = 7 * 86_400_000
/** Milliseconds until memory is swept after it was used: no longer than the object stays awake anyway, to note what it wrote. */
const MEMORY_SWEEP_MS = 1000
/** Milliseconds between sweeps of the storage. */
const SWEEP_MS = 6 * 3_600_000

/** The broker. */
export class ObjectBroker extends SqlBroker {
  readonly #storage: ObjectStorage
  readonly #timers: ObjectTimers
  /** Those of connections, of this life or an earlier one. */
  readonly #earlierLeases: readonly StoredLease[]

  constructor(storage: ObjectStorage, timers: ObjectTimers, onTrouble: (error: unknown) => void) {
    const { sql } = storage
    storage.transactionSync(() => {
      const [tables] = sql.exec("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'").raw().toArray()
      if (tables?.[0] === 0) sql.exec(`${TABLES} ${PRESENCE_TABLES} ${META_TABLE}`)
    })
    const database = objectDatabase(sql)
    const presence = new PresenceRows(database)
    super({
      acknowledges: 'durable-object',
      database,
      createTransactions: (hooks) => new ObjectTransactions(storage, hooks),
      channels: new MemoryChannels({
        setTimer: timers.setTimer,
        presenceStore: presence,
        onListenerError: onTrouble,
        limits: { dedupeMs: DEDUPE_MS, idleMs: 300_000, sweepMs: MEMORY_SWEEP_MS },
      }),
      dedupeMs: DEDUPE_MS,
      idleMs: IDLE_MS,
      onTrouble,
      isSweptByHand: true,
    })
    this.#storage = storage
    this.#timers = timers
    this.#earlierLeases = presence.leases()
  }

  /** Releases what connections that are gone have left behind: all leases of earlier lives but those of these holders. */
  async releaseAllBut(holders: ReadonlySet<string>, graceMs: number): Promise<void> {
    for (const { channel, member, holder } of this.#earlierLeases)
      if (!holders.has(holder)) await this.release(channel, member, holder, graceMs)
  }

  /** Deletes what has outlived its time, if that was not done for hours; has the object woken for the next time. */
  async sweepNowAndThen(): Promise<void> {
    const { sql } = this.#storage
    const [row] = sql.exec("SELECT value FROM meta WHERE name = 'swept_at'").raw().toArray()
    const sweptAt = Number(row?.[0] ?? 0)
    const now = Date.now()
    if (now - sweptAt >= SWEEP_MS) {
      sql.exec("INSERT OR REPLACE INTO meta (name, value) VALUES ('swept_at', ?)", now)
      await this.sweep()
    }
    this.#timers.wakeAt(Math.max(sweptAt, now) + SWEEP_MS)
  }
}

const META_TABLE = 'CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;'
