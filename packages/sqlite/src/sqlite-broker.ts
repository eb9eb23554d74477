/**
 * The broker in one SQLite file. What must survive the process is in the file and nowhere else, and each operation on it
 * takes part in a group. What dies with the process anyway, because every connection does, is in memory: subscriptions,
 * signals, presence, and the claims of running commands, all of them exactly those of `memory()`.
 */
import {
  type Append,
  type AppendOutcome,
  type Broker,
  type BrokerListener,
  type BrokerSubscription,
  type ClaimOutcome,
  type CommandReply,
  type HoldOutcome,
  type PresenceHold,
  type PresenceMember,
  type Producer,
  type ReadRequest,
  type ReadResult,
  type SettledOutcome,
  type SignalMessage,
  TriwireError,
} from '@triwire/server'
import { type MemoryBrokerOptions, MemoryChannels } from '@triwire/server/broker-parts'
import { ChannelRows, cursorOf } from './channel-rows.ts'
import { Database } from './database.ts'
import { GroupCommit } from './group-commit.ts'
import { IdentityStore } from './identity-store.ts'
import { LogStore } from './log-store.ts'
import type { SqliteOptions } from './sqlite.ts'
import { Sweeper } from './sweeper.ts'

/** What the broker is made of: the options, and what tests replace. */
export type SqliteBrokerOptions = Required<SqliteOptions> & Pick<MemoryBrokerOptions, 'now' | 'random' | 'setTimer'>

/** The broker. */
export class SqliteBroker implements Broker {
  readonly acknowledges: string
  readonly #database: Database
  readonly #groups: GroupCommit
  readonly #channels: MemoryChannels
  readonly #rows: ChannelRows
  readonly #log: LogStore
  readonly #identities: IdentityStore
  readonly #sweeper: Sweeper
  readonly #trimming = new Set<string>()
  readonly #onTrouble: (error: unknown) => void
  #closing: Promise<void> | undefined

  /** @throws SqliteOpenError where the file cannot be used */
  constructor(options: SqliteBrokerOptions) {
    const { path, durability, dedupeMs, idleMs, onTrouble, ...seams } = options
    this.acknowledges = durability === 'full' ? 'sqlite' : 'sqlite, process'
    this.#onTrouble = onTrouble
    this.#channels = new MemoryChannels({ ...seams, onListenerError: onTrouble, limits: { dedupeMs, idleMs } })
    this.#database = new Database(path, durability)
    this.#groups = new GroupCommit(this.#database, {
      onEnd: () => this.#rows.write(),
      onRollback: () => this.#rows.reset(),
      onTrouble,
    })
    const { now, random, setTimer } = this.#channels
    const beginWrite = (): void => this.#groups.beginWrite()
    const isInUse = (name: string): boolean => this.#channels.peek(name) !== undefined
    this.#rows = new ChannelRows(this.#database, { now, random, idleMs, isInUse, beginWrite })
    this.#log = new LogStore(this.#database)
    this.#identities = new IdentityStore(this.#database, { dedupeMs, beginWrite })
    this.#sweeper = new Sweeper({
      database: this.#database,
      groups: this.#groups,
      rows: this.#rows,
      identities: this.#identities,
      now,
      setTimer,
      everyMs: Math.min(idleMs / 4, dedupeMs, LONGEST_SWEEP_MS),
    })
  }

  append(name: string, append: Append): Promise<AppendOutcome> {
    const { producer, once } = append
    return this.#groups.run(
      () => {
        const now = this.#channels.now()
        const row = this.#rows.use(name)
        const { earlier, known } =
          producer === undefined
            ? { earlier: undefined, known: undefined }
            : this.#identities.check(row, producer, now)
        if (earlier !== undefined) return { outcome: earlier }
        const twin = once === undefined ? undefined : this.#identities.findKey(row, once, now)
        this.#groups.beginWrite()
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
    return this.#groups.run(
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
    return this.#groups.run(
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
    return this.#groups.run(
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

  async hold(name: string, hold: PresenceHold, options: { readonly maxMembers: number }): Promise<HoldOutcome> {
    return this.#channels.use(name, (channel, now) => {
      const { outcome, changes } = channel.presence.hold(hold, options.maxMembers, now)
      channel.deliverPresence(changes)
      return outcome
    })
  }

  async release(name: string, member: string, holder: string, graceMs: number): Promise<void> {
    this.#channels.useExisting(name, (channel, now) => {
      channel.deliverPresence(channel.presence.release(member, holder, graceMs, now))
    })
  }

  async depart(name: string, member: string, sequence: number): Promise<void> {
    this.#channels.use(name, (channel, now) => {
      channel.deliverPresence(channel.presence.depart(member, sequence, now))
    })
  }

  async members(name: string): Promise<{ readonly version: string; readonly members: readonly PresenceMember[] }> {
    return this.#channels.use(name, ({ presence }) => ({ version: presence.version, members: presence.members }))
  }

  claim(name: string, id: string, leaseMs: number): Promise<ClaimOutcome> {
    return this.#groups.run(
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
    return this.#groups.run(
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
    return this.#groups.run(
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

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** What it holds in memory at this moment. */
  stats(): { readonly channels: number; readonly subscriptions: number; readonly waiting: number } {
    const { channels, subscriptions, waiting } = this.#channels.stats()
    return { channels, subscriptions, waiting: waiting + this.#groups.waiting }
  }

  async #close(): Promise<void> {
    this.#channels.close()
    this.#sweeper.close()
    await this.#groups.close()
    try {
      await this.#database.close()
    } catch (error) {
      // Everything is in the journal beside the file, and is found there by whoever opens it next.
      this.#onTrouble(error)
    }
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
      this.#groups.beginWrite()
      this.#log.trim(row, this.#channels.now())
      this.#rows.handleChanged(row, 0)
    }
    this.#groups
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
