/**
 * Flow control for hosts that cannot tell how much they have buffered (PROTOCOL.md §8.14): the client is asked. A mark
 * follows every quarter of a window, and the window is full when more than all of it is written and not seen. So a slow
 * client costs one window at most, wherever on the way its bytes pile up.
 */
import type { Cancel, TimerWheel } from './timer-wheel.ts'

/** What marks are made of. */
export interface MarksOptions {
  readonly wheel: TimerWheel
  readonly windowBytes: number
  /** Gives numbers that rise, and that no other connection of this node has. */
  readonly nextNumber: () => number
  /** Milliseconds a full window waits for an answer before `onSilence`. */
  readonly patienceMs: number
  /** Called when the window is full and nothing was answered for so long. Left out: it just stays full. */
  readonly onSilence?: (() => void) | undefined
}

/** The marks of one connection. */
export class Marks {
  readonly #options: MarksOptions
  #writtenBytes = 0
  #seenBytes = 0
  #markedBytes = 0
  #unanswered: { readonly number: number; readonly writtenBytes: number }[] = []
  #patience: Cancel | undefined

  constructor(options: MarksOptions) {
    this.#options = options
  }

  /** How much of the window is on its way, as far as is known, with `moreBytes` added: 1 is all of it. */
  load(moreBytes = 0): number {
    return (this.#writtenBytes + moreBytes - this.#seenBytes) / this.#options.windowBytes
  }

  /** Takes note of what was written; returns the number of the mark to write behind it, where one is due. */
  handleWritten(bytes: number): number | undefined {
    this.#writtenBytes += bytes
    this.#wait()
    const { windowBytes, nextNumber } = this.#options
    if (this.#writtenBytes - this.#markedBytes < windowBytes / 4) return undefined
    this.#markedBytes = this.#writtenBytes
    const number = nextNumber()
    this.#unanswered.push({ number, writtenBytes: this.#writtenBytes })
    return number
  }

  /** Takes an answer: all before that mark has arrived. False where no such mark is unanswered. */
  handleSeen(number: number): boolean {
    const index = this.#unanswered.findIndex((mark) => mark.number === number)
    const mark = this.#unanswered[index]
    if (mark === undefined) return false
    this.#unanswered.splice(0, index + 1)
    this.#seenBytes = mark.writtenBytes
    this.close()
    this.#wait()
    return true
  }

  /** Waits for nothing any more. */
  close(): void {
    this.#patience?.()
    this.#patience = undefined
  }

  #wait(): void {
    const { onSilence, wheel, patienceMs } = this.#options
    if (onSilence === undefined || this.load() <= 1) return
    this.#patience ??= wheel.schedule(patienceMs, onSilence)
  }
}
