/**
 * The store behind the broker model: what a database would hold, one place for all nodes. Everything is synchronous and
 * takes effect at once; how long calls and answers travel is `broker-model.ts`. It shares no code with the product's
 * own broker. Every write remembers how to undo itself, so a failover to a replica that lags so many milliseconds is
 * exactly that: the writes of the last so many milliseconds never happened.
 */
import type { Cursor } from '@triwire/protocol'
import type {
  Append,
  AppendOutcome,
  BrokerListener,
  ClaimOutcome,
  CommandReply,
  HoldOutcome,
  LogEntry,
  PresenceChange,
  PresenceHold,
  PresenceMember,
  Producer,
  ReadRequest,
  ReadResult,
  SettledOutcome,
  SignalMessage,
} from '@triwire/server'
import type { Actor, Clock, Entry, Random } from '@triwire/test/parts'
import type { History } from './history.ts'

/** Where a subscription's news go: told in order, one at a time. */
export interface Subscriber {
  readonly tell: (news: (listener: BrokerListener) => void) => void
}

interface Logged {
  readonly entry: LogEntry
  readonly at: number
}

interface ProducerMemory {
  readonly last: number
  readonly usedAt: number
  readonly answers: ReadonlyMap<number, AppendOutcome>
}

interface MemberState {
  readonly data: string
  readonly sequence: number
  readonly leases: ReadonlyMap<string, number>
}

interface Claim {
  readonly fence: string
  readonly lapsesAt: number
}

interface Waiter {
  readonly wake: (outcome: SettledOutcome) => void
  readonly timer: Entry
}

interface Channel {
  readonly name: string
  epoch: string
  /** Replaced, never changed: to undo is to put the former one back. */
  log: readonly Logged[]
  boundary: Cursor
  head: Cursor
  keep: Append['history'] | undefined
  readonly producers: Map<string, ProducerMemory>
  readonly once: Map<string, { readonly cursor: Cursor; readonly until: number }>
  readonly members: Map<string, MemberState>
  readonly departed: Map<string, { readonly sequence: number; readonly until: number }>
  readonly claims: Map<string, Claim>
  readonly replies: Map<string, { readonly reply: CommandReply; readonly until: number }>
  readonly waiters: Map<string, Set<Waiter>>
  readonly subscribers: Set<Subscriber>
  life: string
  changes: number
  expiry: Entry | undefined
}

/** Milliseconds of writes that can be undone. */
const UNDO_MS = 30_000

/** What the store is made of. */
export interface StoreOptions {
  readonly clock: Clock
  readonly actor: Actor
  readonly random: Random
  readonly history: History
  readonly dedupeMs?: number
}

/** The store. */
export class BrokerStore {
  readonly #clock: Clock
  readonly #actor: Actor
  readonly #random: Random
  readonly #history: History
  readonly #dedupeMs: number
  readonly #channels = new Map<string, Channel>()
  readonly #news: (() => void)[] = []
  #telling = false
  #undo: { readonly at: number; readonly undo: () => void }[] = []

  constructor({ clock, actor, random, history, dedupeMs = 300_000 }: StoreOptions) {
    this.#clock = clock
    this.#actor = actor
    this.#random = random
    this.#history = history
    this.#dedupeMs = dedupeMs
  }

  // ── Disasters ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The primary is gone; a replica that had not heard of the last `lagMs` takes over. Returns what was lost. */
  failOver(lagMs: number): number {
    const since = this.#clock.now - lagMs
    let lost = 0
    for (let last = this.#undo.at(-1); last !== undefined && last.at > since; last = this.#undo.at(-1)) {
      this.#undo.pop()
      last.undo()
      lost++
    }
    if (lost > 0) this.#history.rewrites.push(this.#clock.now)
    for (const channel of this.#channels.values()) {
      // A version is never given out twice, so each life of the set names itself.
      channel.life = this.#name()
      this.#wakeAll(channel)
      this.#arm(channel)
    }
    return lost
  }

  /** The store comes back with nothing in it: every channel begins another epoch. */
  flush(): void {
    this.#undo = []
    this.#history.rewrites.push(this.#clock.now)
    for (const name of [...this.#channels.keys()]) this.forget(name)
  }

  forget(name: string): void {
    const known = this.#channels.get(name)
    if (known === undefined) return
    this.#wakeAll(known)
    if (known.expiry !== undefined) this.#clock.clearTimer(known.expiry)
    this.#history.forget(name, this.#clock.now)
    this.#channels.delete(name)
    const fresh = this.#channel(name)
    for (const subscriber of known.subscribers) fresh.subscribers.add(subscriber)
  }

  /** Ends every timer and wait. */
  close(): void {
    for (const channel of this.#channels.values()) {
      if (channel.expiry !== undefined) this.#clock.clearTimer(channel.expiry)
      channel.expiry = undefined
      this.#wakeAll(channel)
    }
  }

  get subscriptions(): number {
    let count = 0
    for (const { subscribers } of this.#channels.values()) count += subscribers.size
    return count
  }

  // ── The log ─────────────────────────────────────────────────────────────────────────────────────────────────

  append(name: string, append: Append): AppendOutcome {
    const channel = this.#channel(name)
    const { producer, once } = append
    const earlier = producer && this.#answerTo(channel, producer)
    if (earlier !== undefined) return earlier
    const twin = once === undefined ? undefined : this.#find(channel.once, once)
    if (twin !== undefined) {
      const outcome = { status: 'duplicate', cursor: twin.cursor } as const
      if (producer !== undefined) this.#remember(channel, producer, outcome)
      return outcome
    }
    const entry = this.#write(channel, append)
    const { cursor } = entry
    if (producer !== undefined) this.#remember(channel, producer, { status: 'duplicate', cursor })
    if (once !== undefined) this.#set(channel.once, once, { cursor, until: this.#clock.now + this.#dedupeMs })
    this.#tell(channel, (listener) => listener.onEntry(entry))
    return { status: 'appended', cursor }
  }

  refuse(name: string, producer: Producer, code: string): AppendOutcome {
    const channel = this.#channel(name)
    const earlier = this.#answerTo(channel, producer)
    if (earlier !== undefined) return earlier
    const outcome: AppendOutcome = { status: 'refused', code }
    this.#remember(channel, producer, outcome)
    return outcome
  }

  read(name: string, { after, tail = 0, limit, bytes }: ReadRequest): ReadResult {
    const channel = this.#channel(name)
    this.#trim(channel)
    const { log, head, boundary, epoch } = channel
    const gap = (reason: 'trimmed' | 'lost_tail' | 'new_epoch', next: Cursor | undefined): ReadResult => ({
      status: 'gap',
      reason,
      next,
      head,
    })
    let start = Math.max(0, log.length - tail)
    if (after !== undefined) {
      if (after.epoch !== epoch) return gap('new_epoch', boundary)
      if (after.offset < boundary.offset) return gap('trimmed', boundary)
      if (after.offset > head.offset) return gap('lost_tail', undefined)
      start = after.offset - boundary.offset
      const own = start === 0 ? boundary : (log[start - 1] as Logged).entry.cursor
      if (own.tag !== after.tag) return gap('lost_tail', undefined)
    }
    const entries: LogEntry[] = []
    let size = 0
    for (const { entry } of log.slice(start)) {
      size += Buffer.byteLength(entry.data)
      if (entries.length >= limit || (size > bytes && entries.length > 0)) break
      entries.push(entry)
    }
    const from = start === 0 ? boundary : (log[start - 1] as Logged).entry.cursor
    return { status: 'page', entries, from, head }
  }

  subscribe(name: string, subscriber: Subscriber): Cursor {
    const channel = this.#channel(name)
    channel.subscribers.add(subscriber)
    return channel.head
  }

  unsubscribe(name: string, subscriber: Subscriber): void {
    this.#channels.get(name)?.subscribers.delete(subscriber)
  }

  signal(name: string, signal: SignalMessage): void {
    this.#tell(this.#channel(name), (listener) => listener.onSignal(signal))
  }

  // ── Presence ────────────────────────────────────────────────────────────────────────────────────────────────

  hold(name: string, { member, holder, value, leaseMs }: PresenceHold, maxMembers: number): HoldOutcome {
    const channel = this.#channel(name)
    this.#expire(channel)
    const known = channel.members.get(member)
    const until = this.#clock.now + leaseMs
    if (known === undefined) {
      if (value === undefined || value.sequence <= (channel.departed.get(member)?.sequence ?? -1)) return 'unknown'
      if (channel.members.size >= maxMembers) return 'full'
      const { data, sequence } = value
      this.#set(channel.members, member, { data, sequence, leases: new Map([[holder, until]]) })
      this.#change(channel, { op: 'join', member, data })
    } else {
      const leases = new Map(known.leases).set(holder, until)
      const isNewer = value !== undefined && value.sequence > known.sequence
      const { data, sequence } = isNewer ? value : known
      this.#set(channel.members, member, { data, sequence, leases })
      if (data !== known.data) this.#change(channel, { op: 'update', member, data })
    }
    this.#arm(channel)
    return 'held'
  }

  release(name: string, member: string, holder: string, graceMs: number): void {
    const channel = this.#channel(name)
    this.#expire(channel)
    const known = channel.members.get(member)
    if (!known?.leases.has(holder)) return
    const leases = new Map(known.leases)
    if (graceMs > 0) leases.set(holder, this.#clock.now + graceMs)
    else leases.delete(holder)
    if (leases.size === 0) this.#leave(channel, member)
    else this.#set(channel.members, member, { ...known, leases })
    this.#arm(channel)
  }

  depart(name: string, member: string, sequence: number): void {
    const channel = this.#channel(name)
    this.#expire(channel)
    const known = channel.members.get(member)?.sequence ?? channel.departed.get(member)?.sequence
    if (known !== undefined && sequence < known) return
    this.#set(channel.departed, member, { sequence, until: this.#clock.now + this.#dedupeMs })
    if (channel.members.has(member)) this.#leave(channel, member)
  }

  members(name: string): { readonly version: string; readonly members: readonly PresenceMember[] } {
    const channel = this.#channel(name)
    this.#expire(channel)
    const members = [...channel.members].map(([member, { data }]) => ({ member, data }))
    return { version: `${channel.life}.${channel.changes}`, members }
  }

  // ── Commands ────────────────────────────────────────────────────────────────────────────────────────────────

  claim(name: string, id: string, leaseMs: number): ClaimOutcome {
    const channel = this.#channel(name)
    this.#expire(channel)
    const known = this.#find(channel.replies, id)
    if (known !== undefined) return { status: 'settled', reply: known.reply }
    if (channel.claims.has(id)) return { status: 'running' }
    const fence = this.#name()
    this.#set(channel.claims, id, { fence, lapsesAt: this.#clock.now + leaseMs })
    this.#arm(channel)
    return { status: 'claimed', fence }
  }

  renew(name: string, id: string, fence: string, leaseMs: number): boolean {
    const channel = this.#channel(name)
    this.#expire(channel)
    if (channel.claims.get(id)?.fence !== fence) return false
    this.#set(channel.claims, id, { fence, lapsesAt: this.#clock.now + leaseMs })
    this.#arm(channel)
    return true
  }

  settle(name: string, id: string, fence: string, reply: CommandReply, rememberMs: number): boolean {
    const channel = this.#channel(name)
    this.#expire(channel)
    if (channel.claims.get(id)?.fence !== fence) return false
    this.#set(channel.claims, id, undefined)
    this.#set(channel.replies, id, { reply, until: this.#clock.now + rememberMs })
    this.#wake(channel, id, { status: 'settled', reply })
    return true
  }

  settled(name: string, id: string, timeoutMs: number, wake: Waiter['wake']): void {
    const channel = this.#channel(name)
    this.#expire(channel)
    const known = this.#find(channel.replies, id)
    if (known !== undefined || timeoutMs <= 0 || !channel.claims.has(id)) {
      if (known !== undefined) wake({ status: 'settled', reply: known.reply })
      else wake({ status: channel.claims.has(id) ? 'running' : 'lapsed' })
      return
    }
    const waiters = channel.waiters.get(id) ?? new Set()
    const timer = this.#clock.after(timeoutMs, this.#actor, () => {
      waiters.delete(waiter)
      wake({ status: 'running' })
    })
    this.#actor.timers.add(timer)
    const waiter: Waiter = { wake, timer }
    waiters.add(waiter)
    channel.waiters.set(id, waiters)
  }

  // ── Parts ───────────────────────────────────────────────────────────────────────────────────────────────────

  #channel(name: string): Channel {
    let channel = this.#channels.get(name)
    if (channel === undefined) {
      const epoch = this.#name()
      const start: Cursor = { epoch, offset: 0, tag: '0' }
      channel = {
        name,
        epoch,
        log: [],
        boundary: start,
        head: start,
        keep: undefined,
        producers: new Map(),
        once: new Map(),
        members: new Map(),
        departed: new Map(),
        claims: new Map(),
        replies: new Map(),
        waiters: new Map(),
        subscribers: new Set(),
        life: this.#name(),
        changes: 0,
        expiry: undefined,
      }
      this.#channels.set(name, channel)
      this.#history.begin(name, epoch)
    }
    return channel
  }

  #write(channel: Channel, { event, data, cause, history }: Append): LogEntry {
    const { now } = this.#clock
    const { log, boundary, head, keep } = channel
    const cursor: Cursor = { epoch: channel.epoch, offset: head.offset + 1, tag: this.#name() }
    const entry: LogEntry = { cursor, prev: undefined, event, data, cause }
    this.#onUndo(() => {
      Object.assign(channel, { log, boundary, head, keep })
      this.#history.takeBack(channel.name, this.#clock.now)
    })
    channel.log = [...log, { entry, at: now }]
    channel.head = cursor
    channel.keep = history
    this.#history.add(channel.name, cursor, data, now)
    this.#trim(channel)
    return entry
  }

  /** Drops what is beyond number, bytes or age; the newest entry goes by age alone. */
  #trim(channel: Channel): void {
    const { keep, log } = channel
    if (keep === undefined) return
    let bytes = log.reduce((sum, { entry }) => sum + Buffer.byteLength(entry.data), 0)
    let first = 0
    for (; first < log.length; first++) {
      const { entry, at } = log[first] as Logged
      const left = log.length - first
      const isOver = left > 1 && (left > keep.keep || bytes > keep.bytes)
      if (!isOver && this.#clock.now - at < keep.ttlMs) break
      bytes -= Buffer.byteLength(entry.data)
      channel.boundary = entry.cursor
      this.#history.trim(channel.name, entry.cursor)
    }
    if (first > 0) channel.log = log.slice(first)
  }

  #answerTo(channel: Channel, { id, sequence, lowest }: Producer): AppendOutcome | undefined {
    const { now } = this.#clock
    const stored = channel.producers.get(id)
    const known = stored !== undefined && now - stored.usedAt < this.#dedupeMs ? stored : undefined
    if (known !== undefined) this.#set(channel.producers, id, { ...known, usedAt: now })
    const expected = known === undefined ? lowest : Math.max(known.last + 1, lowest)
    if (sequence === expected) return undefined
    if (known === undefined || sequence > known.last) return { status: 'sequence_gap', expected }
    return known.answers.get(sequence) ?? { status: 'duplicate', cursor: undefined }
  }

  #remember(channel: Channel, { id, sequence }: Producer, outcome: AppendOutcome): void {
    const answers = new Map(channel.producers.get(id)?.answers).set(sequence, outcome)
    this.#set(channel.producers, id, { last: sequence, usedAt: this.#clock.now, answers })
  }

  #find<TValue extends { readonly until: number }>(map: Map<string, TValue>, key: string): TValue | undefined {
    const value = map.get(key)
    return value !== undefined && value.until > this.#clock.now ? value : undefined
  }

  /** Writes one value, undefined for none, so that it can be undone. */
  #set<TValue>(map: Map<string, TValue>, key: string, value: TValue | undefined): void {
    const before = map.get(key)
    this.#onUndo(() => put(map, key, before))
    put(map, key, value)
  }

  #onUndo(undo: () => void): void {
    const { now } = this.#clock
    this.#undo.push({ at: now, undo })
    if (this.#undo.length > 2000) this.#undo = this.#undo.filter(({ at }) => at > now - UNDO_MS)
  }

  #tell(channel: Channel, news: (listener: BrokerListener) => void): void {
    this.#news.push(...[...channel.subscribers].map((subscriber) => () => subscriber.tell(news)))
    if (this.#telling) return
    // Who is told may call back: what follows from that is told after what is being told.
    this.#telling = true
    for (let next = this.#news.shift(); next !== undefined; next = this.#news.shift()) next()
    this.#telling = false
  }

  #leave(channel: Channel, member: string): void {
    this.#set(channel.members, member, undefined)
    this.#change(channel, { op: 'leave', member })
  }

  #change(
    channel: Channel,
    change: { op: 'join' | 'update'; member: string; data: string } | { op: 'leave'; member: string },
  ): void {
    channel.changes++
    const versioned: PresenceChange = { ...change, version: `${channel.life}.${channel.changes}` }
    this.#tell(channel, (listener) => listener.onPresence(versioned))
  }

  #wake(channel: Channel, id: string, outcome: SettledOutcome): void {
    const waiters = channel.waiters.get(id)
    channel.waiters.delete(id)
    for (const { wake, timer } of waiters ?? []) {
      this.#clock.clearTimer(timer)
      wake(outcome)
    }
  }

  #wakeAll(channel: Channel): void {
    for (const id of [...channel.waiters.keys()]) this.#wake(channel, id, { status: 'running' })
  }

  /** Ends leases and claims that are over. */
  #expire(channel: Channel): void {
    const { now } = this.#clock
    for (const [member, state] of [...channel.members]) {
      const leases = new Map([...state.leases].filter(([, until]) => until > now))
      if (leases.size === 0) this.#leave(channel, member)
      else if (leases.size < state.leases.size) channel.members.set(member, { ...state, leases })
    }
    for (const [id, { lapsesAt }] of [...channel.claims]) {
      if (lapsesAt > now) continue
      channel.claims.delete(id)
      this.#wake(channel, id, { status: 'lapsed' })
    }
    for (const [member, { until }] of [...channel.departed]) if (until <= now) channel.departed.delete(member)
  }

  /** Wakes up when the next lease or claim ends. */
  #arm(channel: Channel): void {
    let next = Number.POSITIVE_INFINITY
    for (const { leases } of channel.members.values())
      for (const until of leases.values()) next = Math.min(next, until)
    for (const { lapsesAt } of channel.claims.values()) next = Math.min(next, lapsesAt)
    if (channel.expiry !== undefined) this.#clock.clearTimer(channel.expiry)
    channel.expiry = undefined
    if (next === Number.POSITIVE_INFINITY) return
    const timer = this.#clock.at(next, this.#actor, () => {
      this.#actor.timers.delete(timer)
      this.#expire(channel)
      this.#arm(channel)
    })
    this.#actor.timers.add(timer)
    channel.expiry = timer
  }

  #name(): string {
    let name = ''
    for (let index = 0; index < 8; index++) name += LETTERS[Math.floor(this.#random.next() * LETTERS.length)]
    return name
  }
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

function put<TValue>(map: Map<string, TValue>, key: string, value: TValue | undefined): void {
  if (value === undefined) map.delete(key)
  else map.set(key, value)
}
