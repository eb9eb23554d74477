/**
 * One channel that is followed, for all who listen here. What is published again may get lost on the way, so every event says
 * which one it follows and every change of the presence set which version; whatever does not fit makes the listeners verify
 * their position. A listener hears nothing until the head it begins at is known; what comes meanwhile waits for that.
 */
import type { BrokerListener, Cursor, LogEntry, PresenceChange, SignalMessage } from '@triwire/server'
import { isSame, type LogMessage, toEntry } from './message.ts'
import type { SetNote } from './presence-records.ts'

type Delivery =
  | { readonly type: 'entry'; readonly entry: LogEntry }
  | { readonly type: 'presence'; readonly change: PresenceChange }
  | { readonly type: 'signal'; readonly signal: SignalMessage }
  | { readonly type: 'interrupted' }

interface Listening {
  readonly listener: BrokerListener
  /** What came before the head was known. */
  waiting: Delivery[] | undefined
  isOpen: boolean
}

/** What waits for a head, at most. Beyond it the listener is told that it missed something. */
const MAX_WAITING = 1000

/** Messages that may come before the one they follow, and milliseconds they wait for it: NATS 2.9 may pass one on late. */
const MAX_EARLY = 100
const EARLY_MS = 50

/** The topic. */
export class Topic {
  readonly #onListenerError: (error: unknown) => void
  /** Replaced, never changed, so that a delivery under way keeps its own list. */
  #listening: readonly Listening[] = []
  /** The last position that was delivered, or read when listening began. */
  #position: Cursor | undefined
  /** What came before the message it follows, by the tag of that. */
  readonly #early = new Map<string, LogMessage>()
  #earlyTimer: NodeJS.Timeout | undefined
  /** The last version of the presence set that was delivered or read. */
  #version: string | undefined

  /** @param onListenerError told what a listener threw, which it must not; the others are told regardless */
  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError
  }

  get position(): Cursor | undefined {
    return this.#position
  }

  get version(): string | undefined {
    return this.#version
  }

  get listeners(): number {
    return this.#listening.length
  }

  /** Takes up a listener, which hears nothing until `begin`. Returns both, and how to leave. */
  add(listener: BrokerListener): { begin: (head: Cursor, version: string) => void; leave: () => void } {
    const listening: Listening = { listener, waiting: [], isOpen: true }
    this.#listening = [...this.#listening, listening]
    return {
      begin: (head, version) => {
        const { waiting = [] } = listening
        listening.waiting = undefined
        this.#position ??= head
        this.#version ??= version
        for (const delivery of waiting) if (!isBefore(delivery, head)) this.#tell(listening, delivery)
      },
      leave: () => {
        listening.isOpen = false
        this.#listening = this.#listening.filter((other) => other !== listening)
      },
    }
  }

  /** A message of the log came. A mark is no news, but says where the head is. */
  handleMessage(message: LogMessage): void {
    const { head, before } = message
    const position = this.#position
    if (position !== undefined && isSame(position, head)) return
    if (position !== undefined && !isSame(position, before ?? head)) {
      const isEarly = before?.epoch === position.epoch && before.offset > position.offset
      if (isEarly && this.#early.size < MAX_EARLY) {
        this.#early.set(before.tag, message)
        this.#earlyTimer ??= setTimeout(() => this.#giveUpWaiting(), EARLY_MS).unref()
        return
      }
      this.#interrupt()
    }
    this.#advance(message)
    for (let next = this.#early.get(head.tag); next !== undefined; next = this.#early.get(next.head.tag)) {
      if (next.before) this.#early.delete(next.before.tag)
      this.#advance(next)
    }
    if (this.#early.size === 0) this.#forgetEarly()
  }

  handleNote({ before, version, changes }: SetNote): void {
    if (this.#version !== undefined && this.#version !== before) this.#interrupt()
    this.#version = version
    for (const change of changes) this.#deliver({ type: 'presence', change })
  }

  handleSignal(signal: SignalMessage): void {
    this.#deliver({ type: 'signal', signal })
  }

  /** The line was cut, or the log or set turned out to be elsewhere: everybody verifies their position. */
  handleInterrupted(at: { readonly head?: Cursor; readonly version?: string } = {}): void {
    this.#forgetEarly()
    this.#position = at.head
    this.#version = at.version
    this.#interrupt()
  }

  close(): void {
    this.#forgetEarly()
    for (const listening of this.#listening) listening.isOpen = false
    this.#listening = []
  }

  #advance(message: LogMessage): void {
    this.#position = message.head
    if (message.before !== undefined) this.#deliver({ type: 'entry', entry: toEntry(message) })
  }

  /** What is missing does not come: the log has it. */
  #giveUpWaiting(): void {
    const early = [...this.#early.values()].sort((one, other) => one.head.offset - other.head.offset)
    this.#forgetEarly()
    this.#interrupt()
    for (const message of early) this.#advance(message)
  }

  #forgetEarly(): void {
    clearTimeout(this.#earlyTimer)
    this.#earlyTimer = undefined
    this.#early.clear()
  }

  #interrupt(): void {
    this.#deliver({ type: 'interrupted' })
  }

  #deliver(delivery: Delivery): void {
    for (const listening of this.#listening) {
      const { waiting } = listening
      if (waiting === undefined) this.#tell(listening, delivery)
      else if (waiting.length < MAX_WAITING) waiting.push(delivery)
      else listening.waiting = [{ type: 'interrupted' }]
    }
  }

  #tell(listening: Listening, delivery: Delivery): void {
    if (!listening.isOpen) return
    const { onEntry, onSignal, onPresence, onInterrupted } = listening.listener
    try {
      if (delivery.type === 'entry') onEntry(delivery.entry)
      else if (delivery.type === 'signal') onSignal(delivery.signal)
      else if (delivery.type === 'presence') onPresence(delivery.change)
      else onInterrupted()
    } catch (error) {
      this.#onListenerError(error)
    }
  }
}

/** Whether an event was part of the log already when its head was read. */
function isBefore(delivery: Delivery, head: Cursor): boolean {
  if (delivery.type !== 'entry') return false
  const { epoch, offset } = delivery.entry.cursor
  return epoch === head.epoch && offset <= head.offset
}
