/**
 * Transactions of a Durable Object. Each operation is one, over before anything else runs. Nothing leaves the object before
 * the disk has what was written: the platform's output gate holds back answers, frames and calls until then
 * (https://developers.cloudflare.com/durable-objects/reference/in-memory-state/), so nobody is ever told of what may be lost.
 */
import { TriwireError } from '@triwire/server'
import type { Transactions, TransactionsOptions } from '@triwire/server/broker-parts'
import type { ObjectStorage } from './platform.ts'

/** The transactions. */
export class ObjectTransactions implements Transactions {
  readonly waiting = 0
  readonly #storage: ObjectStorage
  readonly #options: TransactionsOptions
  #isClosed = false

  constructor(storage: ObjectStorage, options: TransactionsOptions) {
    this.#storage = storage
    this.#options = options
  }

  async run<TFound, TResult>(
    work: () => TFound,
    then: (found: TFound) => TResult | Promise<TResult>,
  ): Promise<TResult> {
    if (this.#isClosed) throw new TriwireError('unavailable', 'The broker is closed.')
    let found: TFound
    try {
      found = this.#storage.transactionSync(() => {
        const result = work()
        this.#options.onEnd()
        return result
      })
    } catch (cause) {
      this.#options.onRollback()
      if (cause instanceof TriwireError) throw cause
      this.#options.onTrouble(cause)
      throw new TriwireError('unavailable', 'The storage cannot be used at the moment. Try again later.', { cause })
    }
    return await then(found)
  }

  beginWrite(): void {}

  async close(): Promise<void> {
    this.#isClosed = true
  }
}
