/** The broker on NATS: it gives each operation its time, and puts together what the other files know. */
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
} from '@triwire/server'
import { Commands } from './commands.ts'
import { EntryCache } from './entry-cache.ts'
import { Identities } from './identities.ts'
import { Lanes } from './lanes.ts'
import { Log } from './log.ts'
import { formatSignal } from './message.ts'
import { Names } from './names.ts'
import type { NatsBrokerHandle, NatsOptions } from './nats.ts'
import { begin, type Operation } from './operation.ts'
import { Presence } from './presence.ts'
import { Reader } from './reader.ts'
import { Records } from './records.ts'
import { Store } from './store.ts'
import { Subscriptions } from './subscriptions.ts'

/** The broker. */
export class NatsBroker implements Broker, NatsBrokerHandle {
  readonly acknowledges = 'jetstream'
  readonly #timeoutMs: number
  readonly #names: Names
  readonly #store: Store
  readonly #cache = new EntryCache()
  readonly #log: Log
  readonly #reader: Reader
  readonly #identities: Identities
  readonly #presence: Presence
  readonly #commands: Commands
  readonly #subscriptions: Subscriptions
  /** One producer's appends to one channel take their sequences one after another. */
  readonly #producers = new Lanes()

  constructor(options: Required<NatsOptions>) {
    const { servers, connection, prefix, storage, replicas, timeoutMs, dedupeMs, idleMs, onTrouble } = options
    this.#timeoutMs = timeoutMs
    const names = new Names(prefix)
    // Longer than a producer is remembered, by the time an append may take.
    const idMs = Math.ceil(dedupeMs * 1.125) + timeoutMs
    const store = new Store({
      servers,
      connection,
      name: prefix,
      onTrouble,
      onInterrupted: () => {
        this.#subscriptions.handleInterrupted()
        this.#commands.handleInterrupted()
      },
      names,
      storage,
      replicas,
      logMs: Math.max(idMs, idleMs),
      stateMs: Math.max(idMs, idleMs),
      idMs,
      onPrepared: () => {
        records.forget()
        this.#log.forget()
      },
    })
    const records = new Records(store)
    this.#names = names
    this.#store = store
    this.#log = new Log(store, names, this.#cache, idleMs)
    this.#reader = new Reader(this.#log, this.#cache, () => store.clock.now())
    this.#identities = new Identities(records, names, store.clock, dedupeMs)
    this.#presence = new Presence(store, records, names, dedupeMs, idleMs)
    this.#commands = new Commands(store, records, names, idleMs, timeoutMs)
    this.#subscriptions = new Subscriptions({
      store,
      names,
      log: this.#log,
      presence: this.#presence,
      cache: this.#cache,
      touchMs: idleMs / 4,
      timeoutMs,
      onTrouble,
    })
  }

  async append(channel: string, append: Append): Promise<AppendOutcome> {
    const { producer } = append
    const operation = begin(this.#timeoutMs)
    if (producer === undefined) return this.#appendOnce(channel, append, undefined, operation)
    return this.#producers.run(laneOf(channel, producer), async () => {
      const verdict = await this.#identities.take(channel, producer, undefined, operation)
      if (verdict.status === 'answered') return verdict.outcome
      const outcome = await this.#appendOnce(channel, append, verdict.id, operation)
      const cursor = 'cursor' in outcome ? outcome.cursor : undefined
      // Without it the next repetition finds the event by its id.
      await this.#identities.answer(channel, producer, { cursor }, operation).catch(() => {})
      return outcome
    })
  }

  async refuse(channel: string, producer: Producer, code: string): Promise<AppendOutcome> {
    const operation = begin(this.#timeoutMs)
    return this.#producers.run(laneOf(channel, producer), async () => {
      const verdict = await this.#identities.take(channel, producer, code, operation)
      if (verdict.status === 'answered') return verdict.outcome
      // Somebody began to append it. If it is not in the log by now, it never will be.
      const { isTwin, cursor } = await this.#log.spend(channel, verdict.id, operation)
      const isRefused = !isTwin
      await this.#identities.answer(channel, producer, isRefused ? { code } : { cursor }, operation)
      return isRefused ? { status: 'refused', code } : { status: 'duplicate', cursor }
    })
  }

  async read(channel: string, request: ReadRequest): Promise<ReadResult> {
    return this.#reader.read(channel, request, begin(this.#timeoutMs))
  }

  async subscribe(channel: string, listener: BrokerListener): Promise<BrokerSubscription> {
    return this.#subscriptions.subscribe(channel, listener, begin(this.#timeoutMs))
  }

  async signal(channel: string, signal: SignalMessage): Promise<void> {
    await this.#store.publish(this.#names.signal(channel), formatSignal(signal), begin(this.#timeoutMs))
  }

  async hold(
    channel: string,
    hold: PresenceHold,
    { maxMembers }: { readonly maxMembers: number },
  ): Promise<HoldOutcome> {
    return this.#presence.hold(channel, hold, maxMembers, begin(this.#timeoutMs))
  }

  async release(channel: string, member: string, holder: string, graceMs: number): Promise<void> {
    await this.#presence.release(channel, member, holder, graceMs, begin(this.#timeoutMs))
  }

  async depart(channel: string, member: string, sequence: number): Promise<void> {
    await this.#presence.depart(channel, member, sequence, begin(this.#timeoutMs))
  }

  async members(
    channel: string,
  ): Promise<{ readonly version: string; readonly members: readonly PresenceMember[] }> {
    return this.#presence.members(channel, begin(this.#timeoutMs))
  }

  async claim(channel: string, id: string, leaseMs: number): Promise<ClaimOutcome> {
    return this.#commands.claim(channel, id, leaseMs, begin(this.#timeoutMs))
  }

  async renew(channel: string, id: string, fence: string, leaseMs: number): Promise<boolean> {
    return this.#commands.renew(channel, id, fence, leaseMs, begin(this.#timeoutMs))
  }

  async settle(
    channel: string,
    id: string,
    fence: string,
    reply: CommandReply,
    rememberMs: number,
  ): Promise<boolean> {
    return this.#commands.settle(channel, id, fence, reply, rememberMs, begin(this.#timeoutMs))
  }

  async settled(channel: string, id: string, timeoutMs: number): Promise<SettledOutcome> {
    return this.#commands.settled(channel, id, timeoutMs)
  }

  async close(): Promise<void> {
    this.#subscriptions.close()
    this.#commands.close()
    this.#store.close()
    this.#cache.clear()
  }

  /** What it holds at this moment, and messages that were none of ours. */
  stats(): {
    readonly channels: number
    readonly entries: number
    readonly bytes: number
    readonly malformed: number
  } {
    const { channels, malformed } = this.#subscriptions
    return { channels, malformed, entries: this.#cache.entries, bytes: this.#cache.bytes }
  }

  /** Appends under a key, where there is one, or else under an id, where there is one. */
  async #appendOnce(
    channel: string,
    append: Append,
    id: string | undefined,
    operation: Operation,
  ): Promise<AppendOutcome> {
    const { once } = append
    const verdict = once === undefined ? undefined : await this.#identities.takeKey(channel, once, operation)
    if (verdict?.status === 'answered') return verdict.outcome
    const { isTwin, cursor } = await this.#log.append(channel, append, verdict?.id ?? id, operation)
    return isTwin || cursor === undefined ? { status: 'duplicate', cursor } : { status: 'appended', cursor }
  }
}

function laneOf(channel: string, { id }: Producer): string {
  return JSON.stringify([channel, id])
}
