/**
 * Keeps the file from growing for ever: from time to time it deletes what has outlived its time, in steps that are groups
 * like any other, and gives pages that are free back to the file system where there are many.
 */
import type { ChannelRows, SweepMark } from './channel-rows.ts'
import type { Database } from './database.ts'
import type { GroupCommit } from './group-commit.ts'
import type { IdentityStore } from './identity-store.ts'

/** What a sweeper is made of. */
export interface SweeperOptions {
  readonly database: Database
  readonly groups: GroupCommit
  readonly rows: ChannelRows
  readonly identities: IdentityStore
  readonly now: () => number
  readonly setTimer: (callback: () => void, delayMs: number) => () => void
  readonly everyMs: number
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

  #arm(): void {
    const { setTimer, everyMs } = this.#options
    this.#cancel = setTimer(() => {
      this.#arm()
      // A failure was told of by the group it happened in; there is a next time.
      if (!this.#isSweeping) void this.#sweep().catch(() => {})
    }, everyMs)
  }

  async #sweep(): Promise<void> {
    const { rows, identities, now } = this.#options
    this.#isSweeping = true
    try {
      let after: SweepMark | undefined = { keepUntil: 0, id: 0 }
      await this.#repeat(() => {
        after = after && rows.sweep(after)
        return after !== undefined
      })
      await this.#repeat(() => identities.sweep(now()))
      await this.#repeat(() => this.#shrink())
    } finally {
      this.#isSweeping = false
    }
  }

  /** Takes a step in each of several groups, until there is nothing left to do. */
  async #repeat(step: () => boolean): Promise<void> {
    const take = (): Promise<boolean> => this.#options.groups.run(step, (isMore) => isMore)
    while (!this.#isClosed && (await take()));
  }

  /** Gives some free pages back where half of the file is free; whether there may be more. */
  #shrink(): boolean {
    const { database, groups } = this.#options
    const free = Number(database.pragma('freelist_count'))
    if (free < MIN_FREE_PAGES || free < Number(database.pragma('page_count')) / 2) return false
    groups.beginWrite()
    database.exec(`PRAGMA incremental_vacuum(${STEP_PAGES})`)
    return Number(database.pragma('freelist_count')) < free
  }
}

/** Free pages below which giving them back is not worth it: 4 MiB. */
const MIN_FREE_PAGES = 1024

/** Pages one step gives back: 1 MiB. */
const STEP_PAGES = 256
