/**
 * Keeps the tables from growing for ever: from time to time it deletes what has outlived its time, in steps that are
 * operations like any other, and then gives room back where its owner knows how.
 */
import type { ChannelRows, SweepMark } from './channel-rows.ts'
import type { IdentityStore } from './identity-store.ts'
import type { Transactions } from './transactions.ts'

/** What a sweeper is made of. */
export interface SweeperOptions {
  readonly transactions: Transactions
  readonly rows: ChannelRows
  readonly identities: IdentityStore
  readonly shrink?: (() => boolean) | undefined
  readonly now: () => number
  readonly setTimer: (callback: () => void, delayMs: number) => () => void
  /** Milliseconds between sweeps; undefined: only when it is told to. */
  readonly everyMs: number | undefined
}

/** The sweeper. */
export class Sweeper {
  readonly #options: SweeperOptions
  #cancel: () => void = () => {}
  #isSweeping = false
  #isClosed = false

  constructor(options: SweeperOptions) {
    this.#options = options
    this.#arm()
  }

  close(): void {
    this.#isClosed = true
    this.#cancel()
  }

  /** Deletes what has outlived its time; what another sweep is at already is left to that one. */
  async sweep(): Promise<void> {
    if (this.#isSweeping || this.#isClosed) return
    const { rows, identities, shrink, now } = this.#options
    this.#isSweeping = true
    try {
      let after: SweepMark | undefined = { keepUntil: 0, id: 0 }
      await this.#repeat(() => {
        after = after && rows.sweep(after)
        return after !== undefined
      })
      await this.#repeat(() => identities.sweep(now()))
      if (shrink !== undefined) await this.#repeat(shrink)
    } finally {
      this.#isSweeping = false
    }
  }

  #arm(): void {
    const { setTimer, everyMs } = this.#options
    if (everyMs === undefined) return
    this.#cancel = setTimer(() => {
      this.#arm()
      // A failure was told of where it happened; there is a next time.
      this.sweep().catch(() => {})
    }, everyMs)
  }

  /** Takes a step in each of several transactions, until there is nothing left to do. */
  async #repeat(step: () => boolean): Promise<void> {
    const take = (): Promise<boolean> => this.#options.transactions.run(step, (isMore) => isMore)
    while (!this.#isClosed && (await take()));
  }
}
