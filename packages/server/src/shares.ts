/**
 * Each user's share of a turn of the event loop. Whoever writes more than a share, over however many connections, has the
 * rest handled in the turns after it, a line of each connection at a time; so what one user has in store delays the others
 * by a share and no more. Who writes less notices nothing.
 */
import { defer } from './defer.ts'

/** What a share comes to, in lines: a few milliseconds where each of them is stored. */
const SHARE = 32

interface Share {
  taken: number
  /** Who waits, and for how much; undefined where nobody does. */
  waiting: Waiting[] | undefined
}

interface Waiting {
  readonly cost: number
  readonly goOn: () => void
}

/** The shares of all users who have something handled in this turn. */
export class Shares {
  readonly #shares = new Map<string, Share>()

  /**
   * Takes so much of a user's share, which may come to a bit more than the whole of it.
   * @returns undefined where there is something left of this turn's; otherwise what resolves in the turn in which there is
   */
  take(principal: string, cost: number): Promise<void> | undefined {
    const share = this.#shares.get(principal)
    if (share === undefined) {
      if (this.#shares.size === 0) defer(() => this.#handleTurn())
      this.#shares.set(principal, { taken: cost, waiting: undefined })
      return undefined
    }
    if (share.taken < SHARE && share.waiting === undefined) {
      share.taken += cost
      return undefined
    }
    return new Promise((goOn) => {
      share.waiting ??= []
      share.waiting.push({ cost, goOn })
    })
  }

  /** Takes what turned out to be more than was taken before: what is beyond this turn's share is missing in the next ones. */
  charge(principal: string, cost: number): void {
    const share = this.#shares.get(principal)
    if (share !== undefined) share.taken += cost
    else void this.take(principal, cost)
  }

  #handleTurn(): void {
    for (const [principal, share] of this.#shares) {
      share.taken = Math.max(0, share.taken - SHARE)
      const { waiting } = share
      if (waiting === undefined) {
        if (share.taken === 0) this.#shares.delete(principal)
        continue
      }
      let count = 0
      for (; share.taken < SHARE && count < waiting.length; count++) share.taken += waiting[count]?.cost ?? 0
      const next = waiting.splice(0, count)
      if (waiting.length === 0) share.waiting = undefined
      for (const { goOn } of next) goOn()
    }
    if (this.#shares.size > 0) defer(() => this.#handleTurn())
  }
}
