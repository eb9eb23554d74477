/**
 * Presence in the object's storage: its connections outlive its memory, so who is present must, too. A row is somebody who is
 * there, with leases, or has departed and is remembered. Leases of connections have no end of their own here; whoever finds
 * that a connection is gone releases them.
 */
import {
  fromStored,
  type MemoryPresence,
  type PresenceStore,
  type SqlDatabase,
  type Statement,
  type StoredMember,
  type StoredPresence,
  toStored,
} from '@triwire/server/broker-parts'

/** Makes the tables of presence. */
export const PRESENCE_TABLES: string = `
CREATE TABLE presence (channel TEXT PRIMARY KEY, life TEXT NOT NULL, changes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE member (
  channel TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (channel, name)
) STRICT, WITHOUT ROWID;
`

/** A lease, and whose it is. */
export interface StoredLease {
  readonly channel: string
  readonly member: string
  readonly holder: string
}

/** The rows. */
export class PresenceRows implements PresenceStore {
  readonly #find: Statement
  readonly #members: Statement
  readonly #setVersion: Statement
  readonly #setMember: Statement
  readonly #deleteMember: Statement
  readonly #all: Statement

  constructor(database: SqlDatabase) {
    this.#find = database.prepare('SELECT life, changes FROM presence WHERE channel = ?')
    this.#members = database.prepare('SELECT name, state FROM member WHERE channel = ?')
    this.#setVersion = database.prepare('INSERT OR REPLACE INTO presence (channel, life, changes) VALUES (?, ?, ?)')
    this.#setMember = database.prepare('INSERT OR REPLACE INTO member (channel, name, state) VALUES (?, ?, ?)')
    this.#deleteMember = database.prepare('DELETE FROM member WHERE channel = ? AND name = ?')
    this.#all = database.prepare('SELECT channel, name, state FROM member')
  }

  load(channel: string): StoredPresence | undefined {
    const [life, changes] = this.#find.get(toStored(channel)) ?? []
    if (life === undefined) return undefined
    const members = this.#members
      .all(toStored(channel))
      .map(([name, state]) => [fromStored(String(name)), JSON.parse(String(state)) as StoredMember] as const)
    return { life: String(life), changes: Number(changes), members }
  }

  save(channel: string, member: string, presence: MemoryPresence): void {
    const stored = presence.stored(member)
    const key = [toStored(channel), toStored(member)] as const
    if (stored === undefined) this.#deleteMember.run(...key)
    else this.#setMember.run(...key, JSON.stringify(stored))
    this.#setVersion.run(key[0], presence.life, presence.changes)
  }

  /** All leases that are held. */
  leases(): StoredLease[] {
    return this.#all.all().flatMap(([channel, name, state]) => {
      const stored = JSON.parse(String(state)) as StoredMember
      if (!('leases' in stored)) return []
      const whose = { channel: fromStored(String(channel)), member: fromStored(String(name)) }
      return stored.leases.map(([holder]) => ({ ...whose, holder }))
    })
  }
}
