/**
 * The broker in a SQLite database that one process has to itself, wherever that lies. What must survive the process is in the
 * tables, and each operation on them takes part in a transaction. The rest is in memory, as in `memory()`: subscriptions,
 * signals, presence and the claims of running commands, because whoever they are of dies with the process. Where connections
 * outlive it, so does presence (`PresenceStore`).
 */
import { TriwireError } from '@triwire/protocol'
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
} from '../broker.ts'
import type { MemoryChannels } from '../memory-channels.ts'
import { ChannelRows, cursorOf } from './channel-rows.ts'
import type { SqlDatabase } from './database.ts'
import { IdentityStore } from './identity-store.ts'
import { LogStore } from './log-store.ts'
import { Sweeper } from './sweeper.ts'
import type { Transactions, TransactionsOptions } from './transactions.ts'

/** What the broker is made of. */
export interface SqlBrokerOptions {
  readonly acknowledges: string
  /** With the tables of `TABLES`. */
  readonly database: SqlDatabase
  readonly createTransactions: (options: TransactionsOptions) => Transactions
  /** For what is in memory. */
  readonly channels: MemoryChannels
  /** Milliseconds producers (since last use) and `once` keys are remembered. */
  readonly dedupeMs: number
  /** Milliseconds a channel that nobody follows is kept beyond everything in it. */
  readonly idleMs: number
  readonly onTrouble: (error: unknown) => void
  /** A step of giving room back, in a transaction; whether there may be more. */
  readonly shrink?: () => boolean
  /** Whether somebody else calls `sweep` now and then. */
  readonly isSweptByHand?: boolean
}

/** The broker. */
export class SqlBroker implements Broker {
  readonly acknowledges: string
  readonly #transactions: Transactions
  readonly #channels: MemoryChannels
  readonly #rows: ChannelRows
  readonly #log: LogStore
  readonly #identities: IdentityStore
  readonly #sweeper: Sweeper
  readonly #trimming = new Set<string>()
  readonly #onTrouble: (error: unknown) => void

  constructor(options: SqlBrokerOptions) {
    const { acknowledges, database, createTransactions, channels, dedupeMs, idleMs, onTrouble, shrink } = options
    const { isSweptByHand = false } = options
    this.acknowledges = acknowledges
    this.#onTrouble = onTrouble
    this.#channels = channels
    this.#transactions = createTransactions({
      onEnd: () => this.#rows.write(),
      onRollback: () => this.#rows.reset(),
      onTrouble,
    })
    const { now, random, setTimer } = channels
    const beginWrite = (): void => this.#transactions.beginWrite()
    const isInUse = (name: string): boolean => channels.peek(name) !== undefined
    this.#rows = new ChannelRows(database, { now, random, idleMs, isInUse, beginWrite })
    this.#log = new LogStore(database)
    this.#identities = new IdentityStore(database, { dedupeMs, beginWrite })
    this.#sweeper = new Sweeper({
      transactions: this.#transactions,
      rows: this.#rows,
      identities: this.#identities,
      shrink,
      now,
      setTimer,
      everyMs: isSweptByHand ? undefined : Math.min(idleMs / 4, dedupeMs, LONGEST_SWEEP_MS),
    })
  }

  append(name: string, append: Append): Promise<AppendOutcome> {
    const { producer, once } = append
    return this.#transactions.run(
      () => {
        const now = this.#channels.now()
        const row = this.#rows.use(name)
        const { earlier, known } =
          producer === undefined
            ? { earlier: undefined, known: undefined }
            : this.#identities.check(row, producer, now)
        if (earlier !== undefined) return { outcome: earlier }
        const twin = once === undefined ? undefined : this.#identities.findKey(row, once, now)
        this.#transactions.beginWrite()
        const entry = twin === undefined ? this.#log.append(row, append, this.#channels.random(), now) : undefined
        const cursor = entry?.cursor ?? cursorOf(row, twin ?? row.head)
        if (producer) this.#identities.record(row, producer, known, { status: 'duplicate', cursor }, now)
        if (entry && once !== undefined) this.#identities.recordKey(row, once, cursor, now)
        this.#rows.handleChanged(row, Math.max(append.history.ttlMs, this.#identities.dedupeMs))
        const outcome: AppendOutcome = { status: entry ? 'appended' : 'duplicate', cursor }
        return { outcome, entry }
      },
      ({ outcome, entry }) => {
        if (entry) this.#channels.peek(name)?.deliverEntry(entry)
        return outcome
      },
      append.data.length,
    )
  }

  refuse(name: string, producer: Producer, code: string): Promise<AppendOutcome> {
    return this.#transactions.run(
      (): AppendOutcome => {
        const now = this.#channels.now()
        const row = this.#rows.use(name)
        const { earlier, known } = this.#identities.check(row, producer, now)
        if (earlier !== undefined) return earlier
        const outcome = { status: 'refused', code } as const
        this.#identities.record(row, producer, known, outcome, now)
        this.#rows.handleChanged(row, this.#identities.dedupeMs)
        return outcome
      },
      (outcome) => outcome,
    )
  }

  read(name: string, request: ReadRequest): Promise<ReadResult> {
    return this.#transactions.run(
      () => {
        const row = this.#rows.use(name)
        const { result, whole } = this.#log.read(row, request, this.#channels.now())
        if (this.#log.isTrimmable(row, whole)) this.#trimLater(name)
        return result
      },
      (result) => this.#channels.use(name, () => result),
    )
  }

  subscribe(name: string, listener: BrokerListener): Promise<BrokerSubscription> {
    return this.#transactions.run(
      () => {
        const row = this.#rows.use(name)
        return cursorOf(row, row.head)
      },
      (head) =>
        this.#channels.use(name, (channel) => {
          const { close } = channel.subscribe(listener, () => this.#channels.touch(channel, this.#channels.now()))
          return { head, close }
        }),
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

  claim(name: string, id: string, leaseMs: number): Promise<ClaimOutcome> {
    return this.#transactions.run(
      () => this.#replyTo(name, id),
      (reply) => {
        if (reply !== undefined) return { status: 'settled', reply }
        return this.#channels.use(name, (channel, now) =>
          channel.commands.claim(id, this.#channels.random(), leaseMs, now),
        )
      },
    )
  }

  async renew(name: string, id: string, fence: string, leaseMs: number): Promise<boolean> {
    return (
      this.#channels.useExisting(name, (channel, now) => channel.commands.renew(id, fence, leaseMs, now)) ?? false
    )
  }

  settle(name: string, id: string, fence: string, reply: CommandReply, rememberMs: number): Promise<boolean> {
    return this.#transactions.run(
      () => {
        const isCurrent = this.#channels.useExisting(name, ({ commands }) => commands.holds(id, fence)) ?? false
        // Of two replies in one group the first is in the file, while its claim ends when the group does.
        if (!isCurrent || this.#replyTo(name, id) !== undefined) return false
        const row = this.#rows.use(name)
        this.#identities.recordReply(row, id, reply, this.#channels.now() + rememberMs)
        this.#rows.handleChanged(row, rememberMs)
        return true
      },
      (isSettled) => {
        if (isSettled) this.#channels.peek(name)?.commands.finish(id, fence, reply)
        return isSettled
      },
      reply.ok ? reply.data.length : reply.message.length,
    )
  }

  settled(name: string, id: string, timeoutMs: number): Promise<SettledOutcome> {
    const endsAt = this.#channels.now() + timeoutMs
    return this.#transactions.run(
      () => this.#replyTo(name, id),
      (reply): SettledOutcome | Promise<SettledOutcome> => {
        if (reply !== undefined) return { status: 'settled', reply }
        const waited = this.#channels.useExisting(name, (channel, now) =>
          channel.commands.settled(id, endsAt - now, now),
        )
        return waited ?? { status: 'lapsed' }
      },
    )
  }

  /** Deletes what has outlived its time. Where it is called by hand: at least every quarter of `idleMs`. */
  async sweep(): Promise<void> {
    await this.#sweeper.sweep()
  }

  /** Ends what waits. The database is the business of whoever opened it. */
  async close(): Promise<void> {
    this.#channels.close()
    this.#sweeper.close()
    await this.#transactions.close()
  }

  #replyTo(name: string, id: string): CommandReply | undefined {
    const row = this.#rows.find(name)
    return row && this.#identities.findReply(row, id, this.#channels.now())
  }

  /** Deletes what a reader found beyond its time; not in the reader's own group, which may have nothing to write. */
  #trimLater(name: string): void {
    if (this.#trimming.has(name)) return
    this.#trimming.add(name)
    const trim = (): void => {
      this.#trimming.delete(name)
      const row = this.#rows.find(name)
      if (row === undefined) return
      this.#transactions.beginWrite()
      this.#log.trim(row, this.#channels.now())
      this.#rows.handleChanged(row, 0)
    }
    this.#transactions
      .run(trim, () => {})
      .catch((error: unknown) => {
        this.#trimming.delete(name)
        // Told of as the trouble of its group; the next reader tries again.
        if (!(error instanceof TriwireError)) this.#onTrouble(error)
      })
  }
}

/** Milliseconds between two sweeps at most. */
const LONGEST_SWEEP_MS = 60_000
