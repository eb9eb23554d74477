/** `sqlite()`: the broker for one process that must not forget, in one file. */
import type { Broker } from '@triwire/server'
import type { Durability } from './database.ts'
import { SqliteBroker } from './sqlite-broker.ts'

/** What `sqlite()` takes. */
export interface SqliteOptions {
  /** The file. It is made where it does not exist; its folder is not. A journal lies beside it, named `…-wal`. */
  readonly path: string
  /**
   * What an acknowledgement survives. `full`: the process and the machine, because the disk has it. `process`: the process
   * however it ends; if the machine loses power or crashes, the last moments may be lost, as one whole end and never a hole
   * in the middle, and readers are told (`gap`). Default `full`.
   */
  readonly durability?: Durability
  /** Milliseconds producers (since last use), `once` keys and departed members are remembered. Default 300,000. */
  readonly dedupeMs?: number
  /**
   * Milliseconds a channel that nobody follows is kept beyond everything in it. Default 300,000. Whoever comes back later
   * gets a gap (`new_epoch`).
   */
  readonly idleMs?: number
  /**
   * Told of trouble with the file, once per kind until writing works again, and of what a listener threw. Default
   * `console.error`.
   */
  readonly onTrouble?: (error: unknown) => void
}

/** A broker in a file, and what it holds in memory. */
export interface SqliteBrokerHandle extends Broker {
  /** Channels in memory, subscriptions, and operations and calls of `settled` that wait. All are 0 after `close`. */
  stats(): { readonly channels: number; readonly subscriptions: number; readonly waiting: number }
  /**
   * Ends all waits, finishes the transaction under way, and leaves one file that another process may open. Every operation
   * rejects with `unavailable` from now on. A process that ends without it loses nothing either.
   */
  close(): Promise<void>
}

/**
 * Opens the file, or makes it, and holds it until `close`: no other process and no other broker can use it meanwhile. It
 * is checked, which takes half a second per 100 MiB.
 * @param options or just the path
 * @throws SqliteOpenError where the file cannot be used, with what to do
 * @throws RangeError where an option cannot be used
 */
export function sqlite(options: SqliteOptions | string): SqliteBrokerHandle {
  const {
    path,
    durability = 'full',
    dedupeMs = 300_000,
    idleMs = 300_000,
    onTrouble = (error: unknown): void => console.error('Trouble with the file of the SQLite broker.', error),
  } = typeof options === 'string' ? { path: options } : options
  if (path === '' || path.startsWith(':memory:') || path.includes('://')) {
    throw new RangeError('A SQLite broker needs the path of a file; what need not outlive the process is memory().')
  }
  if (durability !== 'full' && durability !== 'process')
    throw new RangeError(`The durability of a SQLite broker is 'full' or 'process', not '${String(durability)}'.`)
  for (const [name, value] of Object.entries({ dedupeMs, idleMs })) {
    if (!(value >= 1 && value <= LONGEST_MS)) {
      throw new RangeError(`${name} of a SQLite broker is from 1 to ${LONGEST_MS} milliseconds, not ${value}.`)
    }
  }
  return new SqliteBroker({ path, durability, dedupeMs, idleMs, onTrouble })
}

/** A year: what is kept is kept by its clock, and must stay a number that the file can hold. */
const LONGEST_MS = 31_536_000_000
