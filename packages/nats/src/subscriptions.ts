/**
 * The channels this node follows. Each is looked at again from time to time: that keeps it in NATS while nothing happens, ends
 * presence leases that are over, and finds out where a message was lost although no line was cut.
 */
import type { Msg } from '@nats-io/transport-node'
import type { BrokerListener, BrokerSubscription } from '@triwire/server'
import type { EntryCache } from './entry-cache.ts'
import type { Log } from './log.ts'
import { isSame, type LogMessage, parseMessage, parseSignal } from './message.ts'
import type { Names } from './names.ts'
import { begin, type Operation } from './operation.ts'
import type { Presence } from './presence.ts'
import { parseNote } from './presence-records.ts'
import { NOTE, type Store } from './store.ts'
import { Topic } from './topic.ts'

/** What subscriptions are made of. */
export interface SubscriptionsOptions {
  readonly store: Store
  readonly names: Names
  readonly log: Log
  readonly presence: Presence
  readonly cache: EntryCache
  /** Milliseconds between two looks at a channel where nothing else calls for one. */
  readonly touchMs: number
  readonly timeoutMs: number
  readonly onTrouble: (error: unknown) => void
}

interface Followed {
  readonly channel: string
  readonly topic: Topic
  /** Resolves when what happens is heard. */
  readonly ready: Promise<void>
  readonly ends: (() => void)[]
  timer: NodeJS.Timeout | undefined
  touchAt: number
}

/** Where a channel is, as the store has it. */
interface Touched {
  readonly head: LogMessage['head']
  readonly version: string
}

/** Milliseconds a message may take that the head of the log is ahead of. */
const LATE_MS = 1000
/**
 * Milliseconds after which a channel is looked at that was just subscribed to: servers of a cluster tell each other of
 * subscriptions, and nothing tells when they have.
 */
const SETTLED_MS = 2000

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

  async subscribe(channel: string, listener: BrokerListener, operation: Operation): Promise<BrokerSubscription> {
    const followed = this.#followed.get(channel) ?? this.#follow(channel, operation)
    const { begin, leave } = followed.topic.add(listener)
    const close = async (): Promise<void> => {
      leave()
      this.#release(followed)
    }
    try {
      await followed.ready
      const { head, version } = await this.#touch(followed, operation)
      begin(head, version)
      this.#schedule(followed, SETTLED_MS)
      return { head, close }
    } catch (error) {
      await close()
      throw error
    }
  }

  /** What was published meanwhile is lost. */
  handleInterrupted(): void {
    this.#options.presence.handleInterrupted()
    for (const followed of this.#followed.values()) {
      followed.topic.handleInterrupted()
      this.#schedule(followed, SETTLED_MS)
    }
  }

  close(): void {
    for (const followed of this.#followed.values()) {
      clearTimeout(followed.timer)
      followed.topic.close()
    }
    this.#followed.clear()
  }

  #follow(channel: string, operation: Operation): Followed {
    const { store, names, presence, onTrouble } = this.#options
    const topic = new Topic(onTrouble)
    const ends: (() => void)[] = []
    const listen = async (subject: string, handle: (message: Msg) => void): Promise<void> => {
      const end = await store.listen(subject, handle, operation)
      // Everybody may have left by now.
      if (this.#followed.get(channel) === followed) ends.push(end)
      else end()
    }
    const ready = Promise.all([
      listen(names.live(channel), (message) => this.#handleLive(followed, message)),
      listen(names.changed(names.state(channel, 'set', '')), (message) => this.#handleChanged(followed, message)),
    ]).then(() => {})
    // Whoever waits for it hears of the failure.
    ready.catch(() => {})
    const followed: Followed = {
      channel,
      topic,
      ready,
      ends,
      timer: undefined,
      touchAt: Number.POSITIVE_INFINITY,
    }
    presence.follow(channel)
    this.#followed.set(channel, followed)
    return followed
  }

  #release(followed: Followed): void {
    const { channel, topic, ends, timer } = followed
    if (topic.listeners > 0 || this.#followed.get(channel) !== followed) return
    this.#followed.delete(channel)
    this.#options.presence.unfollow(channel)
    clearTimeout(timer)
    for (const end of ends) end()
  }

  #handleLive({ channel, topic }: Followed, message: Msg): void {
    if (message.subject.endsWith('.signal')) {
      const signal = parseSignal(message.string())
      if (signal) topic.handleSignal(signal)
      else this.#malformed++
      return
    }
    const { names, cache } = this.#options
    const isStored = message.headers?.get('Nats-Stream') === names.logStream
    const sequence = Number(message.headers?.get('Nats-Sequence'))
    const entry = isStored && sequence > 0 ? parseMessage(sequence, message.string()) : undefined
    if (entry === undefined) {
      this.#malformed++
      return
    }
    cache.add(channel, entry)
    topic.handleMessage(entry)
  }

  #handleChanged(followed: Followed, message: Msg): void {
    const text = message.headers?.get(NOTE)
    const note = text ? parseNote(text) : undefined
    if (note === undefined) {
      this.#malformed++
      return
    }
    this.#options.presence.handleNote(followed.channel, note)
    followed.topic.handleNote(note)
    for (const [, endsAt] of note.ends) this.#scheduleAt(followed, endsAt)
  }

  /** Looks at a channel, and says when to look again. */
  async #touch(followed: Followed, operation: Operation): Promise<Touched> {
    const { log, presence, touchMs } = this.#options
    const { channel } = followed
    const [message, { set, dueAt }] = await Promise.all([
      log.head(channel, operation),
      presence.look(channel, operation),
    ])
    await log.keep(channel, message, operation)
    if (dueAt !== undefined) this.#scheduleAt(followed, dueAt)
    this.#schedule(followed, touchMs)
    return { head: message.head, version: set.version }
  }

  #scheduleAt(followed: Followed, at: number): void {
    const { store, touchMs } = this.#options
    this.#schedule(followed, Math.min(touchMs, Math.max(0, at - store.clock.now())))
  }

  #schedule(followed: Followed, delayMs: number): void {
    const touchAt = performance.now() + delayMs
    if (this.#followed.get(followed.channel) !== followed || followed.touchAt <= touchAt) return
    clearTimeout(followed.timer)
    followed.touchAt = touchAt
    followed.timer = setTimeout(() => void this.#look(followed), delayMs + 1)
    followed.timer.unref()
  }

  /** Touches a channel, and has its position verified where what was published does not come. */
  async #look(followed: Followed): Promise<void> {
    const { topic } = followed
    const { onTrouble, timeoutMs } = this.#options
    followed.touchAt = Number.POSITIVE_INFINITY
    try {
      const { head, version } = await this.#touch(followed, begin(timeoutMs))
      const before = { position: topic.position, version: topic.version }
      const isThere = before.position === undefined || isSame(before.position, head)
      if (isThere && (before.version === undefined || before.version === version)) return
      setTimeout(() => {
        if (this.#followed.get(followed.channel) !== followed) return
        // Where it has moved meanwhile, messages come, and each says which one it follows.
        if (topic.position === before.position && topic.version === before.version)
          topic.handleInterrupted({ head, version })
      }, LATE_MS).unref()
    } catch (error) {
      if (this.#followed.get(followed.channel) !== followed) return
      onTrouble(error)
      this.#schedule(followed, LATE_MS)
    }
  }
}
