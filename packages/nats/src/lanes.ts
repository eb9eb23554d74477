/** Lanes: what goes into the same one is done one after another, so that a node does not get in its own way. */

/** The lanes of one broker. A lane that is empty is not there. */
export class Lanes {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** Runs `act` when all that was given to this lane before is over, however it ended. */
  run<TResult>(lane: string, act: () => Promise<TResult>): Promise<TResult> {
    const before = this.#tails.get(lane)
    const result = before === undefined ? act() : before.then(act, act)
    const tail: Promise<void> = result.then(
      () => this.#leave(lane, tail),
      () => this.#leave(lane, tail),
    )
    this.#tails.set(lane, tail)
    return result
  }

  #leave(lane: string, tail: Promise<unknown>): void {
    if (this.#tails.get(lane) === tail) this.#tails.delete(lane)
  }
}
