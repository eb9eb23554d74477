/**
 * What nodes tell each other about permissions. The notices are a log in the broker like any other, which every node with
 * clients follows by cursor: one that was cut off reads what it missed. A signal would have been simpler, and a node that
 * lost it would have gone on serving somebody who was let go.
 */
import type { Cursor, History } from '@triwire/protocol'
import type { Broker, BrokerSubscription, LogEntry } from './broker.ts'
import type { Logger } from './logger.ts'
import type { TimerWheel } from './timer-wheel.ts'

/** The channel of the notices. Addresses begin with a letter, so no contract and no client can name it. */
const CHANNEL = '_control'

/** Notices that can be caught up with: whoever was cut off for longer cannot know, and is told so. */
const HISTORY: History = { keep: 1000, ttlMs: 3_600_000, bytes: 1024 * 1024 }

/** Milliseconds before a failed read of the notices is tried again. */
const RETRY_MS = 1000

/** A notice: what happened, to whom or where. */
export interface Notice {
  readonly type: 'revoke' | 'reauthorize'
  /** The principal, or the address of the channel. */
  readonly subject: string
}

/** What control is made of. */
export interface ControlOptions {
  readonly broker: Broker
  readonly wheel: TimerWheel
  readonly logger: Logger
  readonly onNotice: (notice: Notice) => void
  /** Notices were missed that cannot be read any more. */
  readonly onMissed: () => void
}

/** The notices, followed. */
export class Control {
  readonly #options: ControlOptions
  #subscription: Promise<BrokerSubscription> | undefined
  #position: Cursor | undefined
  #revision = 0
  #catchingUp = false
  /** The subscription was interrupted since the last read began. */
  #interrupted = false
  #closed = false

  constructor(options: ControlOptions) {
    this.#options = options
  }

  /** Changes with every notice: what was decided under another revision may no longer hold. */
  get revision(): number {
    return this.#revision
  }

  /** Whether later notices are heard, or will be read when the broker can be reached again. */
  get following(): boolean {
    return this.#position !== undefined
  }

  /**
   * Begins to follow; from when it resolves on, no notice is missed.
   * @throws TriwireError `unavailable`
   */
  async open(): Promise<void> {
    this.#subscription ??= this.#subscribe()
    try {
      await this.#subscription
    } catch (error) {
      this.#subscription = undefined
      throw error
    }
  }

  /** Tells every node; resolves once the broker has it. */
  async publish({ type, subject }: Notice): Promise<void> {
    await this.#options.broker.append(CHANNEL, { event: type, data: JSON.stringify(subject), history: HISTORY })
  }

  async close(): Promise<void> {
    this.#closed = true
    // One that is still being made closes itself; a broker that does not answer must not hold up the closing.
    if (this.following) await (await this.#subscription)?.close()
  }

  async #subscribe(): Promise<BrokerSubscription> {
    const subscription = await this.#options.broker.subscribe(CHANNEL, {
      onEntry: (entry) => this.#handleEntry(entry),
      onInterrupted: () => {
        this.#interrupted = true
        void this.#catchUp()
      },
      onSignal: () => {},
      onPresence: () => {},
    })
    // Entries may have come first; the later of the two positions is the true one.
    if (this.#closed) await subscription.close()
    this.#position ??= subscription.head
    if (this.#interrupted) void this.#catchUp()
    return subscription
  }

  #handleEntry(entry: LogEntry): void {
    const { cursor, prev = cursor.offset - 1 } = entry
    const position = this.#position
    const isNext = position === undefined || (cursor.epoch === position.epoch && prev === position.offset)
    if (!isNext) {
      if (cursor.epoch !== position.epoch || cursor.offset > position.offset) void this.#catchUp()
      return
    }
    this.#position = cursor
    this.#apply(entry)
  }

  #apply({ event, data }: LogEntry): void {
    this.#revision++
    // Nodes of another version may know of more.
    if (event !== 'revoke' && event !== 'reauthorize') return
    this.#options.onNotice({ type: event, subject: JSON.parse(data) as string })
  }

  async #catchUp(): Promise<void> {
    if (this.#catchingUp || this.#closed || this.#position === undefined) return
    this.#catchingUp = true
    try {
      let hasMore: boolean
      do {
        this.#interrupted = false
        hasMore = await this.#readOn(this.#position)
      } while (!this.#closed && (hasMore || this.#interrupted))
    } catch (err) {
      const { logger, wheel } = this.#options
      logger.warn({ err }, 'the notices of other nodes could not be read')
      if (!this.#closed) wheel.schedule(RETRY_MS, () => void this.#catchUp())
    } finally {
      this.#catchingUp = false
    }
  }

  /** Reads and applies one page; whether there may be more. */
  async #readOn(after: Cursor): Promise<boolean> {
    const result = await this.#options.broker.read(CHANNEL, { after, limit: 100, bytes: 1024 * 1024 })
    if (result.status === 'gap') {
      this.#position = result.next ?? result.head
      this.#revision++
      this.#options.onMissed()
      return true
    }
    // Entries that were delivered while the page was read are part of it, or come behind it.
    const position = this.#position as Cursor
    for (const entry of result.entries) {
      if (entry.cursor.epoch === position.epoch && entry.cursor.offset <= position.offset) continue
      this.#position = entry.cursor
      this.#apply(entry)
    }
    return result.entries.length > 0
  }
}
