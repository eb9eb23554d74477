/**
 * The broker in one process's memory: the default, with nothing to set up. What it acknowledges lives as long as the
 * process. Channels come into being when they are used and are dropped, epoch and all, when nothing of them is
 * needed any more; positions are never reused, because the next life has another epoch.
 *
 * Every operation does its work before it returns its promise, so calls take effect in the order they are made, and
 * subscriptions have been told by the time an append resolves.
 */
import type {
  Append,
  AppendOutcome,
  Broker,
  BrokerListener,
  BrokerSubscription,
  ClaimOutcome,
  CommandReply,
  HoldOutcome,
  PresenceHold,
  PresenceMember,
  Producer,
  ReadRequest,
  ReadResult,
  SettledOutcome,
  SignalMessage,
} from './broker.ts'
import { type MemoryBrokerOptions, MemoryChannels } from './memory-channels.ts'

/** A memory broker, and what it holds. */
export interface MemoryBroker extends Broker {
  /** Channels, subscriptions and waiting calls held at this moment. All are 0 after `close`. */
  stats(): { readonly channels: number; readonly subscriptions: number; readonly waiting: number }
}

/**
 * Makes a broker that lives in this process. After `close` every operation rejects with `unavailable`, no listener
 * is called and no timer is left; waiting calls of `settled` end as `running`.
 */
export function memory(options: MemoryBrokerOptions = {}): MemoryBroker {
  return new ProcessBroker(options)
}

class ProcessBroker implements MemoryBroker {
  readonly acknowledges = 'memory'
  readonly #channels: MemoryChannels

  constructor(options: MemoryBrokerOptions) {
    this.#channels = new MemoryChannels(options)
  }

  async append(name: string, append: Append): Promise<AppendOutcome> {
    return this.#channels.use(name, (channel, now) => {
      const { producer, once } = append
      const earlier = producer && channel.producers.check(producer, now)
      if (earlier !== undefined) return earlier
      const twin = once === undefined ? undefined : channel.onceKeys.find(once, now)
      const entry = twin === undefined ? channel.log.append(append, this.#channels.random(), now) : undefined
      const cursor = entry?.cursor ?? twin
      if (producer) channel.producers.record(producer, { status: 'duplicate', cursor }, now)
      if (entry === undefined) return { status: 'duplicate', cursor }
      if (once !== undefined) channel.onceKeys.record(once, entry.cursor, now)
      channel.deliverEntry(entry)
      return { status: 'appended', cursor: entry.cursor }
    })
  }

  async refuse(name: string, producer: Producer, code: string): Promise<AppendOutcome> {
    return this.#channels.use(name, (channel, now) => {
      const earlier = channel.producers.check(producer, now)
      if (earlier !== undefined) return earlier
      const outcome: AppendOutcome = { status: 'refused', code }
      channel.producers.record(producer, outcome, now)
      return outcome
    })
  }

  async read(name: string, request: ReadRequest): Promise<ReadResult> {
    return this.#channels.use(name, (channel, now) => channel.log.read(request, now))
  }

  async subscribe(name: string, listener: BrokerListener): Promise<BrokerSubscription> {
    return this.#channels.use(name, (channel) =>
      channel.subscribe(listener, () => this.#channels.touch(channel, this.#channels.now())),
    )
  }

  async signal(name: string, signal: SignalMessage): Promise<void> {
    this.#channels.assertOpen()
    this.#channels.peek(name)?.deliver((listener) => listener.onSignal(signal))
  }

  async hold(
    name: string,
    hold: PresenceHold,
    { maxMembers }: { readonly maxMembers: number },
  ): Promise<HoldOutcome> {
    return this.#channels.use(name, (channel, now) => channel.hold(hold, maxMembers, now))
  }

  async release(name: string, member: string, holder: string, graceMs: number): Promise<void> {
    this.#channels.useExisting(name, (channel, now) => channel.release(member, holder, graceMs, now))
  }

  async depart(name: string, member: string, sequence: number): Promise<void> {
    this.#channels.use(name, (channel, now) => channel.depart(member, sequence, now))
  }

  async members(name: string): Promise<{ readonly version: string; readonly members: readonly PresenceMember[] }> {
    return this.#channels.use(name, ({ presence }) => ({ version: presence.version, members: presence.members }))
  }

  async claim(name: string, id: string, leaseMs: number): Promise<ClaimOutcome> {
    return this.#channels.use(name, (channel, now) =>
      channel.commands.claim(id, this.#channels.random(), leaseMs, now),
    )
  }

  async renew(name: string, id: string, fence: string, leaseMs: number): Promise<boolean> {
    return (
      this.#channels.useExisting(name, (channel, now) => channel.commands.renew(id, fence, leaseMs, now)) ?? false
    )
  }

  async settle(name: string, id: string, fence: string, reply: CommandReply, rememberMs: number): Promise<boolean> {
    return (
      this.#channels.useExisting(name, (channel, now) =>
        channel.commands.settle(id, fence, reply, rememberMs, now),
      ) ?? false
    )
  }

  async settled(name: string, id: string, timeoutMs: number): Promise<SettledOutcome> {
    const settled = this.#channels.useExisting(name, (channel, now) => channel.commands.settled(id, timeoutMs, now))
    return settled ?? { status: 'lapsed' }
  }

  async close(): Promise<void> {
    this.#channels.close()
  }

  stats(): { readonly channels: number; readonly subscriptions: number; readonly waiting: number } {
    return this.#channels.stats()
  }
}
