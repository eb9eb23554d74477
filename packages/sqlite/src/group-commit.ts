/**
 * Operations that end together. Everything asked in one tick, or while the group before it waits for the disk, becomes one
 * transaction: one wait for the disk, however many wait for it. Nobody is answered before it is over, readers included, so
 * nobody ever sees what the disk does not have.
 *
 * An operation has two halves. `work` reads and writes the file. `then` runs when that is durable, in the order the
 * operations were asked in: it changes what is in memory, tells subscriptions, and makes the answer.
 *
 * Where a group fails (no room, a disk that reports errors) its transaction is rolled back and nothing of it has happened:
 * those that wrote are `unavailable`, those that only read are asked again.
 */
import { TriwireError } from '@triwire/server'
import type { Transactions, TransactionsOptions } from '@triwire/server/broker-parts'
import type { Database } from './database.ts'

interface Operation {
  readonly work: () => unknown
  readonly then: (found: never) => unknown
  readonly bytes: number
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
  found: unknown
  hasWritten: boolean
}

/** The groups. */
export class GroupCommit implements Transactions {
  readonly #database: Database
  readonly #options: TransactionsOptions
  #waiting: Operation[] = []
  #waitingBytes = 0
  #underWay = 0
  #running: Promise<void> | undefined
  #current: Operation | undefined
  #trouble: string | undefined
  #isClosed = false

  constructor(database: Database, options: TransactionsOptions) {
    this.#database = database
    this.#options = options
  }

  /** Operations without an answer. */
  get waiting(): number {
    return this.#waiting.length + this.#underWay
  }

  /**
   * Takes part in the next group.
   * @param bytes what it holds in memory until then
   * @throws TriwireError `unavailable` where too much waits, the group failed, or the broker is closed
   */
  run<TFound, TResult>(
    work: () => TFound,
    then: (found: TFound) => TResult | Promise<TResult>,
    bytes: number = 0,
  ): Promise<TResult> {
    if (this.#isClosed) return Promise.reject(closed())
    if (this.#waiting.length >= MAX_WAITING || this.#waitingBytes + bytes > MAX_WAITING_BYTES) {
      return Promise.reject(
        new TriwireError('unavailable', 'The disk does not keep up with what is asked. Try again later.'),
      )
    }
    return new Promise<TResult>((resolve, reject) => {
      const operation = { work, then, bytes, resolve, reject, found: undefined, hasWritten: false }
      this.#waiting.push(operation as Operation)
      this.#waitingBytes += bytes
      this.#running ??= this.#run()
    })
  }

  /** The running operation is about to write. Called before the first statement that changes something. */
  beginWrite(): void {
    if (this.#current !== undefined) this.#current.hasWritten = true
    if (!this.#database.isInTransaction) this.#database.exec('BEGIN IMMEDIATE')
  }

  /** Ends what waits, and resolves when the group under way is over. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const { reject } of this.#waiting) reject(closed())
    this.#waiting = []
    this.#waitingBytes = 0
    await this.#running
  }

  async #run(): Promise<void> {
    // What else is asked in this tick belongs to the group.
    await undefined
    while (this.#waiting.length > 0) {
      await this.#runGroup([])
      this.#underWay = 0
    }
    this.#running = undefined
  }

  /** Runs what waits, as far as one group goes; `group` takes it up. */
  async #runGroup(group: Operation[]): Promise<void> {
    const endsAt = performance.now() + MAX_GROUP_MS
    try {
      while (group.length === 0 || (group.length < MAX_GROUP && performance.now() < endsAt)) {
        const operation = this.#waiting.shift()
        if (operation === undefined) break
        this.#waitingBytes -= operation.bytes
        this.#underWay = group.push(operation)
        this.#current = operation
        operation.hasWritten = false
        operation.found = operation.work()
      }
      this.#current = undefined
      this.#options.onEnd()
      if (this.#database.isInTransaction) {
        await this.#database.execAside('COMMIT')
        this.#trouble = undefined
      } else if (this.#waiting.length > 0) {
        // Nobody waits for the disk, so others get their turn in another way.
        await new Promise((resolve) => setImmediate(resolve))
      }
    } catch (error) {
      this.#handleFailure(group, error)
      return
    }
    for (const { then, found, resolve, reject } of group) {
      try {
        resolve(then(found as never))
      } catch (error) {
        reject(error)
      }
    }
  }

  #handleFailure(group: readonly Operation[], error: unknown): void {
    const culprit = this.#current
    this.#current = undefined
    try {
      // Some failures have rolled it back already (https://sqlite.org/lang_transaction.html).
      if (this.#database.isInTransaction) this.#database.exec('ROLLBACK')
    } catch (rollbackError) {
      this.#tell(rollbackError)
    }
    this.#options.onRollback()
    this.#tell(error)
    const again: Operation[] = []
    for (const operation of group) {
      if (operation === culprit || operation.hasWritten || this.#isClosed) operation.reject(failed(error))
      else again.push(operation)
    }
    this.#waiting = [...again, ...this.#waiting]
    for (const { bytes } of again) this.#waitingBytes += bytes
  }

  #tell(error: unknown): void {
    const trouble = String(error)
    if (trouble === this.#trouble) return
    this.#trouble = trouble
    this.#options.onTrouble(error)
  }
}

/** Operations in a group, and milliseconds after which it takes up no more: the event loop has other things to do. */
const MAX_GROUP = 256
const MAX_GROUP_MS = 10

/** Operations that may wait. Beyond it `unavailable`: a disk that slow is better noticed. */
const MAX_WAITING = 10_000

/** Bytes that may wait. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024

function closed(): TriwireError {
  return new TriwireError('unavailable', 'The broker is closed.')
}

function failed(cause: unknown): TriwireError {
  return new TriwireError('unavailable', 'The file cannot be used at the moment. Try again later.', { cause })
}
