/**
 * One channel of the memory broker: its log, identities, presence and commands, and whoever subscribes. What
 * happens is delivered to subscriptions in one order, the same for all, even where a listener calls back into the
 * broker while it is being told something.
 */
import type {
  BrokerListener,
  BrokerSubscription,
  HoldOutcome,
  LogEntry,
  PresenceChange,
  PresenceHold,
} from './broker.ts'
import { MemoryCommands } from './memory-commands.ts'
import type { Due } from './memory-deadlines.ts'
import type { MemoryBrokerLimits } from './memory-limits.ts'
import { MemoryLog } from './memory-log.ts'
import { MemoryPresence, type PresenceStore } from './memory-presence.ts'
import { MemoryOnceKeys, MemoryProducers } from './memory-producers.ts'

interface Subscriber {
  readonly listener: BrokerListener
  isOpen: boolean
}

interface Delivery {
  /** Who subscribed when it happened: a subscription never hears of what came before its head. */
  readonly to: readonly Subscriber[]
  readonly tell: (listener: BrokerListener) => void
}

/** One life of a channel. */
export class MemoryChannel implements Due {
  slot = -1
  dueAt = 0
  usedAt = 0
  readonly name: string
  readonly log: MemoryLog
  readonly producers: MemoryProducers
  readonly onceKeys: MemoryOnceKeys
  readonly presence: MemoryPresence
  readonly commands: MemoryCommands
  readonly #limits: MemoryBrokerLimits
  readonly #onListenerError: (error: unknown) => void
  readonly #presenceStore: PresenceStore | undefined
  /** Replaced, never changed, so that a delivery under way keeps its own list. */
  #subscribers: readonly Subscriber[] = []
  #outbox: Delivery[] = []
  #isDelivering = false

  constructor(
    name: string,
    epoch: string,
    limits: MemoryBrokerLimits,
    onListenerError: (error: unknown) => void,
    presenceStore?: PresenceStore,
  ) {
    this.name = name
    this.log = new MemoryLog(epoch)
    this.producers = new MemoryProducers(limits)
    this.onceKeys = new MemoryOnceKeys(limits)
    this.presence = new MemoryPresence(epoch, limits, presenceStore?.load(name))
    this.#presenceStore = presenceStore
    this.commands = new MemoryCommands(limits)
    this.#limits = limits
    this.#onListenerError = onListenerError
  }

  get subscriptions(): number {
    return this.#subscribers.length
  }

  /** When something must happen on time: a lease, a claim or a wait ends. Infinity where nothing does. */
  get urgentAt(): number {
    return Math.min(this.presence.dueAt, this.commands.dueAt)
  }

  subscribe(listener: BrokerListener, onClose: () => void): BrokerSubscription {
    const subscriber: Subscriber = { listener, isOpen: true }
    this.#subscribers = [...this.#subscribers, subscriber]
    return {
      head: this.log.head,
      close: async (): Promise<void> => {
        if (!subscriber.isOpen) return
        subscriber.isOpen = false
        this.#subscribers = this.#subscribers.filter((other) => other !== subscriber)
        onClose()
      },
    }
  }

  hold(hold: PresenceHold, maxMembers: number, now: number): HoldOutcome {
    const { outcome, changes } = this.presence.hold(hold, maxMembers, now)
    this.#handlePresence(hold.member, changes)
    return outcome
  }

  release(member: string, holder: string, graceMs: number, now: number): void {
    this.#handlePresence(member, this.presence.release(member, holder, graceMs, now))
  }

  depart(member: string, sequence: number, now: number): void {
    this.#handlePresence(member, this.presence.depart(member, sequence, now))
  }

  deliverEntry(entry: LogEntry): void {
    this.deliver((listener) => listener.onEntry(entry))
  }

  deliver(tell: (listener: BrokerListener) => void): void {
    if (this.#subscribers.length === 0) return
    this.#outbox.push({ to: this.#subscribers, tell })
    if (this.#isDelivering) return
    this.#isDelivering = true
    for (let next = this.#outbox.shift(); next !== undefined; next = this.#outbox.shift()) {
      for (const subscriber of next.to) {
        if (!subscriber.isOpen) continue
        try {
          next.tell(subscriber.listener)
        } catch (error) {
          this.#onListenerError(error)
        }
      }
    }
    this.#isDelivering = false
  }

  /** Ends leases, claims and waits that are over. Cheap where none is. */
  expire(now: number): void {
    this.commands.expire(now)
    for (const change of this.presence.expire(now)) this.#handlePresence(change.member, [change])
  }

  /** Forgets all that has outlived its time. */
  sweep(now: number): void {
    this.log.trim(now)
    this.producers.expire(now)
    this.onceKeys.expire(now)
    this.expire(now)
  }

  /** Whether nothing of this life is needed any more. Its epoch goes with it. */
  isDroppable(now: number): boolean {
    return this.#isIdle && this.usedAt + this.#limits.idleMs <= now
  }

  /** Whether it may go early where room is needed: only memory of the past is lost, and readers are told. */
  get isEvictable(): boolean {
    return this.#subscribers.length === 0 && this.presence.size === 0 && this.commands.running === 0
  }

  /** When to look at it again; Infinity where nothing is left that ends by itself. */
  nextDueAt(now: number): number {
    const expiryAt = Math.min(
      this.log.nextExpiryAt,
      this.producers.nextExpiryAt,
      this.onceKeys.nextExpiryAt,
      this.presence.nextExpiryAt,
      this.commands.nextExpiryAt,
    )
    const idleAt = this.#isIdle ? this.usedAt + this.#limits.idleMs : Number.POSITIVE_INFINITY
    return Math.min(this.urgentAt, Math.max(now + this.#limits.sweepMs, Math.min(expiryAt, idleAt)))
  }

  /** Calls no listener any more and lets every wait end. */
  close(): void {
    for (const subscriber of this.#subscribers) subscriber.isOpen = false
    this.#subscribers = []
    this.#outbox = []
    this.commands.close()
  }

  #handlePresence(member: string, changes: readonly PresenceChange[]): void {
    this.#presenceStore?.save(this.name, member, this.presence)
    for (const change of changes) this.deliver((listener) => listener.onPresence(change))
  }

  /** Whether nothing is kept that anybody could still ask for; the log's last entry stays for its whole age. */
  get #isIdle(): boolean {
    return (
      this.#subscribers.length === 0 &&
      this.log.isEmpty &&
      this.producers.isEmpty &&
      this.onceKeys.isEmpty &&
      this.presence.isEmpty &&
      this.commands.isEmpty
    )
  }
}
