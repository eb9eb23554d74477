/** How operations become transactions: the port between the broker and whatever makes a database durable. */

/** What transactions tell the broker. */
export interface TransactionsOptions {
  /** One ends: what its operations left to be written at last. */
  readonly onEnd: () => void
  /** One was rolled back: what was read from the tables is not true any more. */
  readonly onRollback: () => void
  /** Told of a failure once, until something else fails or writing works again. */
  readonly onTrouble: (error: unknown) => void
}

/** The transactions. */
export interface Transactions {
  /** Operations without an answer. */
  readonly waiting: number
  /**
   * Runs an operation. `work` reads and writes the tables, here or later; `then` runs when that is durable, in the order the
   * operations were asked in: it changes what is in memory, tells subscriptions, and makes the answer.
   * @param bytes what it holds in memory until then
   * @throws TriwireError `unavailable` where it was rolled back, too much waits, or this is closed
   */
  run<TFound, TResult>(
    work: () => TFound,
    then: (found: TFound) => TResult | Promise<TResult>,
    bytes?: number,
  ): Promise<TResult>
  /** The running operation is about to write. Called before the first statement that changes something. */
  beginWrite(): void
  close(): Promise<void>
}
