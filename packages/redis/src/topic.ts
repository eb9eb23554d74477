/**
 * One channel that is followed: one subscription at Redis for all who listen here. Pub/sub forgets whom it could not reach,
 * so every event says which one it follows, and whatever does not fit makes the listeners verify their position.
 *
 * - `opening`: subscribed, but the head is not known yet; what comes waits for it
 * - `open`: what comes is delivered at once
 */
import type { BrokerListener, Cursor } from '@triwire/server'
import { type Message, parseMessage } from './message.ts'

/** Messages that may wait for the head. Beyond it they are dropped, and the listener verifies its position instead. */
const MOST_WAITING = 1000

interface Listening {
  readonly listener: BrokerListener
  /** What came before the head was known. */
  waiting: (Message | 'interrupted')[] | undefined
  isOpen: boolean
}

/** What a topic is made of. */
export interface TopicOptions {
  /** A message that is none of ours. */
  readonly onMalformed: (text: string) => void
  /** When the next presence lease ends, in milliseconds. */
  readonly onDue: (dueMs: number) => void
  /** Told what a listener threw, which it must not; the others are told regardless. */
  readonly onListenerError: (error: unknown) => void
}

/** The topic. */
export class Topic {
  readonly #options: TopicOptions
  /** Replaced, never changed, so that a delivery under way keeps its own list. */
  #listening: readonly Listening[] = []
  /** The last position that was delivered, or read when listening began. */
  #position: Cursor | undefined

  constructor(options: TopicOptions) {
    this.#options = options
  }

  get position(): Cursor | undefined {
    return this.#position
  }

  get listeners(): number {
    return this.#listening.length
  }

  /** Takes up a listener, which hears nothing until `begin`. Returns both, and how to leave. */
  add(listener: BrokerListener): { begin: (head: Cursor) => void; leave: () => void } {
    const listening: Listening = { listener, waiting: [], isOpen: true }
    this.#listening = [...this.#listening, listening]
    return {
      begin: (head) => {
        const { waiting = [] } = listening
        listening.waiting = undefined
        this.#position ??= head
        for (const message of waiting) {
          if (message === 'interrupted') this.#interrupt(listening)
          else if (!isBefore(message, head)) this.#tell(listening, message)
        }
      },
      leave: () => {
        listening.isOpen = false
        this.#listening = this.#listening.filter((other) => other !== listening)
      },
    }
  }

  /** A message came. */
  handleMessage(text: string): void {
    const message = parseMessage(text)
    if (message === undefined) {
      this.#options.onMalformed(text)
      return
    }
    if (message.type === 'due') {
      this.#options.onDue(message.dueMs)
      return
    }
    if (message.type === 'entry') this.#handlePosition(message.entry.cursor, message.tagBefore)
    for (const listening of this.#listening) {
      if (listening.waiting === undefined) this.#tell(listening, message)
      else if (listening.waiting.length < MOST_WAITING) listening.waiting.push(message)
      else listening.waiting = ['interrupted']
    }
  }

  /** The line was cut, or the log turned out to be elsewhere: everybody verifies their position. */
  handleInterrupted(head?: Cursor): void {
    this.#position = head
    for (const listening of this.#listening) {
      if (listening.waiting === undefined) this.#interrupt(listening)
      // Whatever came before is in the log, or lost.
      else listening.waiting = ['interrupted']
    }
  }

  close(): void {
    for (const listening of this.#listening) listening.isOpen = false
    this.#listening = []
  }

  #handlePosition(cursor: Cursor, tagBefore: string): void {
    const position = this.#position
    const follows =
      position === undefined ||
      (cursor.epoch === position.epoch && cursor.offset === position.offset + 1 && tagBefore === position.tag)
    if (!follows) this.handleInterrupted()
    this.#position = cursor
  }

  #interrupt(listening: Listening): void {
    this.#call(listening, ({ onInterrupted }) => onInterrupted())
  }

  #tell(listening: Listening, message: Message): void {
    this.#call(listening, ({ onEntry, onSignal, onPresence }) => {
      if (message.type === 'entry') onEntry(message.entry)
      else if (message.type === 'signal') onSignal(message.signal)
      else if (message.type === 'presence') onPresence(message.change)
    })
  }

  #call(listening: Listening, tell: (listener: BrokerListener) => void): void {
    if (!listening.isOpen) return
    try {
      tell(listening.listener)
    } catch (error) {
      this.#options.onListenerError(error)
    }
  }
}

/** Whether a message was part of the log already when its head was read. */
function isBefore(message: Message, head: Cursor): boolean {
  return (
    message.type === 'entry' &&
    message.entry.cursor.epoch === head.epoch &&
    message.entry.cursor.offset <= head.offset
  )
}
