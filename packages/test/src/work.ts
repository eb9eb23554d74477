/**
 * What somebody is doing at the moment: the engine with a request, a hook of the app with its database. Nobody can tell
 * from outside whether a promise waits for the disk, which it is right to wait for, or for time to pass, which does not
 * happen by itself here. So each piece of work is waited for, but not for long.
 */

/** Milliseconds that a piece of work is waited for. */
const PATIENCE_MS = 100
/** Of those, what one look may take: when a busy machine has let this process wait, the work has waited as well. */
const LOOK_MS = 5

/** The host's own, also when the test fakes it later. */
const realNow: () => number = performance.now.bind(performance)

/** The work. */
export class Work {
  /** How many pieces are done. */
  done = 0
  readonly #pieces = new Set<{ leftMs: number }>()
  #lookedAt = 0

  /** Whether something is under way that is still worth waiting for. Asked in every turn of the event loop. */
  wait(): boolean {
    const now = realNow()
    const passedMs = Math.min(LOOK_MS, now - this.#lookedAt)
    this.#lookedAt = now
    let isBusy = false
    for (const piece of this.#pieces) {
      piece.leftMs -= passedMs
      isBusy ||= piece.leftMs > 0
    }
    return isBusy
  }

  /** Counts a piece of work until it is done; hands back what it was given. */
  during<TResult>(work: TResult): TResult {
    if (work instanceof Promise) {
      const piece = { leftMs: PATIENCE_MS }
      this.#pieces.add(piece)
      const end = (): void => {
        this.#pieces.delete(piece)
        this.done++
      }
      work.then(end, end)
    }
    return work
  }
}
