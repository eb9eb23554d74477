// What the page does with events, whoever brings them: a handler for each, a state folded from all of them, and that state
// on the page. It is little, so that what is measured is the way there.

/** The state that is folded. */
export interface RoomState {
  readonly count: number
  readonly newest: string
}

/** Before the first event. */
export const EMPTY_ROOM: RoomState = { count: 0, newest: '' }

/** Folds an event into the state. */
export function addMessage({ count }: RoomState, text: string): RoomState {
  return { count: count + 1, newest: text }
}

/** An app of one room. */
export class App {
  /** Events its handler was called for. */
  handled = 0
  /** When the first event came since `expect`, and the last one that was expected. */
  firstAt = 0
  lastAt = 0
  readonly #output = document.body.appendChild(document.createElement('output'))
  #shown = EMPTY_ROOM
  #from = 0
  #to = Number.POSITIVE_INFINITY

  /** The handler. */
  handle(): void {
    if (++this.handled === this.#from) this.firstAt = performance.now()
    if (this.handled === this.#to) this.lastAt = performance.now()
  }

  /** Puts the state on the page. */
  show(state: RoomState): void {
    this.#shown = state
    this.#output.textContent = `${state.count} ${state.newest}`
  }

  /** Makes ready for so many more. */
  expect(count: number): void {
    this.#from = this.handled + 1
    this.#to = this.handled + count
  }

  /**
   * Resolves when they have been handled and the state that they make is on the page.
   * @throws Error where there are too many, or not all of them after `boundMs`
   */
  async taken(boundMs: number): Promise<void> {
    // Looked at once per frame: whatever told us of each one would be measured along.
    for (const endsAt = performance.now() + boundMs; performance.now() < endsAt; ) {
      if (this.#shown.count >= this.#to) break
      await new Promise(requestAnimationFrame)
    }
    if (this.handled === this.#to && this.#shown.count === this.#to) return
    throw new Error(`${this.handled} were handled and ${this.#shown.count} are shown instead of ${this.#to}.`)
  }
}
