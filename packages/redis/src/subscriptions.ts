/**
 * The channels this node follows. Each is looked at again from time to time: that keeps it in Redis while nothing happens,
 * ends presence leases that are over, and finds out where a message was lost although no line was cut.
 */
import type { BrokerListener, BrokerSubscription, Cursor } from '@triwire/server'
import { Topic } from './topic.ts'

/** What subscriptions are made of. */
export interface SubscriptionsOptions {
  readonly subscribe: (channel: string, listener: (message: string) => void) => Promise<void>
  readonly unsubscribe: (channel: string, listener: (message: string) => void) => Promise<void>
  /** Looks at a channel: its head, and the milliseconds until the next presence lease ends. */
  readonly touch: (channel: string) => Promise<{ readonly head: Cursor; readonly dueMs: number | undefined }>
  /** Milliseconds between two looks at a channel where nothing else calls for one. */
  readonly touchMs: number
  readonly onTrouble: (error: unknown) => void
}

interface Followed {
  readonly topic: Topic
  readonly ready: Promise<void>
  readonly handleMessage: (text: string) => void
  isSubscribed: boolean
  timer: NodeJS.Timeout | undefined
  touchAt: number
}

/** Milliseconds a message may take that the head of the log is ahead of. */
const LATE_MS = 1000

/** The subscriptions. */
export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #followed = new Map<string, Followed>()
  #malformed = 0

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  /** Channels followed. */
  get channels(): number {
    return this.#followed.size
  }

  /** Messages that were none of ours, since the start. */
  get malformed(): number {
    return this.#malformed
  }

  async subscribe(channel: string, listener: BrokerListener): Promise<BrokerSubscription> {
    const followed = this.#followed.get(channel) ?? this.#follow(channel)
    const { begin, leave } = followed.topic.add(listener)
    const close = async (): Promise<void> => {
      leave()
      await this.#release(channel, followed)
    }
    try {
      await followed.ready
      const head = await this.#touch(channel, followed)
      begin(head)
      return { head, close }
    } catch (error) {
      // Not waited for: a Redis that did not answer the one does not answer the other. Once it does, it lets go again.
      void close()
      throw error
    }
  }

  /** What was published meanwhile is lost. */
  handleInterrupted(): void {
    for (const { topic, isSubscribed } of this.#followed.values()) if (isSubscribed) topic.handleInterrupted()
  }

  close(): void {
    for (const followed of this.#followed.values()) {
      clearTimeout(followed.timer)
      followed.topic.close()
    }
    this.#followed.clear()
  }

  #follow(channel: string): Followed {
    const topic: Topic = new Topic({
      onMalformed: () => this.#malformed++,
      onDue: (dueMs) => this.#schedule(channel, followed, dueMs),
      onListenerError: this.#options.onTrouble,
    })
    const handleMessage = (text: string): void => topic.handleMessage(text)
    const ready = this.#options.subscribe(channel, handleMessage)
    ready.then(
      () => {
        followed.isSubscribed = true
      },
      // Whoever waits for it hears of the failure.
      () => {},
    )
    const followed: Followed = {
      topic,
      handleMessage,
      ready,
      isSubscribed: false,
      timer: undefined,
      touchAt: Number.POSITIVE_INFINITY,
    }
    this.#followed.set(channel, followed)
    return followed
  }

  async #release(channel: string, followed: Followed): Promise<void> {
    if (followed.topic.listeners > 0 || this.#followed.get(channel) !== followed) return
    this.#followed.delete(channel)
    clearTimeout(followed.timer)
    await this.#options.unsubscribe(channel, followed.handleMessage)
  }

  async #touch(channel: string, followed: Followed): Promise<Cursor> {
    const { head, dueMs } = await this.#options.touch(channel)
    followed.touchAt = Number.POSITIVE_INFINITY
    this.#schedule(channel, followed, Math.min(dueMs ?? Number.POSITIVE_INFINITY, this.#options.touchMs))
    return head
  }

  #schedule(channel: string, followed: Followed, delayMs: number): void {
    const touchAt = performance.now() + delayMs
    if (this.#followed.get(channel) !== followed || followed.touchAt <= touchAt) return
    clearTimeout(followed.timer)
    followed.touchAt = touchAt
    followed.timer = setTimeout(() => void this.#look(channel, followed), delayMs + 1)
    followed.timer.unref()
  }

  /** Touches a channel, and has its position verified where what was published does not come. */
  async #look(channel: string, followed: Followed): Promise<void> {
    const { topic } = followed
    followed.touchAt = Number.POSITIVE_INFINITY
    try {
      const head = await this.#touch(channel, followed)
      const { position } = topic
      if (position === undefined || isSame(position, head)) return
      setTimeout(() => {
        // Where it has moved meanwhile, messages come, and each says which one it follows.
        if (this.#followed.get(channel) === followed && topic.position === position) topic.handleInterrupted(head)
      }, LATE_MS).unref()
    } catch (error) {
      if (this.#followed.get(channel) !== followed) return
      this.#options.onTrouble(error)
      this.#schedule(channel, followed, LATE_MS)
    }
  }
}

function isSame(one: Cursor, other: Cursor): boolean {
  return one.epoch === other.epoch && one.offset === other.offset && one.tag === other.tag
}
