/**
 * The client session: everything a client knows that outlives a wire. Channels and where they stand, publishes
 * and commands without an answer, presence values, pacing. Sans I/O: text and time go in, lines, deliveries and
 * the next deadline come out; nothing here waits, ticks or draws random numbers (the pattern of quinn-proto and
 * h11). A driver feeds it, drains it in the order below, and sets one timer:
 *
 * - getters: `member`, `limits`, `pending`, `behind`, `hasChanges`, `deadline`
 * - the app's wishes: `subscribe`, `unsubscribe`, `publish`, `command`, `signal`, `setPresence`, `holdPresence`
 * - what happened: `handleBatch`, `handleDetached`, `handleTimeout`, `handleClosed`, `ping`
 * - what to do, after every call: `takeOpening` on a new wire, `takeChanges` and `takeLines` on an open one,
 *   `takeDeliveries` always
 */
import { decodeDownstream, encodeLine } from './codec.ts'
import { TriwireError } from './codes.ts'
import { type Cursor, formatCursor, parseCursor } from './cursor.ts'
import { DEFAULT_WIRE_LIMITS, type WireLimits } from './limits.ts'
import { type DownstreamLine, type ErrorLine, type GapReason, PROTOCOL_VERSION } from './line.ts'
import { commandKey, Outbox, type OutboxOptions, type OutgoingLine, publishKey } from './outbox.ts'
import { Pacer } from './pacer.ts'
import { Subscription, type Want } from './subscription.ts'

/** What a session tells its driver, in the order it happened. */
export type Delivery =
  /** The server has answered on this wire. */
  | { readonly type: 'welcome'; readonly heartbeatMs: number }
  /**
   * A channel's stay begins. `anew`: every observer starts from what follows. `gap`: so it does, behind events that are
   * missing. `newcomers`: only those start that subscribed for a starting state up to join `number`.
   */
  | {
      readonly type: 'start'
      readonly channel: string
      readonly who: 'anew' | 'gap' | 'newcomers'
      readonly number: number
      /** The position before the first event that follows. */
      readonly at: Cursor
    }
  | {
      readonly type: 'snapshot'
      readonly channel: string
      readonly data: unknown
      readonly at: Cursor
    }
  | EventDelivery
  /** Everything up to the log's head at the time of the join has been delivered. */
  | { readonly type: 'current'; readonly channel: string }
  | {
      readonly type: 'gap'
      readonly channel: string
      readonly from: string
      readonly to: string | undefined
      readonly reason: GapReason
      /** False where only a newcomer misses something: the others have had it. */
      readonly everybody: boolean
    }
  | {
      readonly type: 'signal'
      readonly channel: string
      readonly event: string
      readonly data: unknown
      readonly member: string | undefined
    }
  /** Who is present, after every change. */
  | { readonly type: 'members'; readonly channel: string; readonly members: ReadonlyMap<string, unknown> }
  /** The wire is gone and with it the certainty of being up to date. */
  | { readonly type: 'stale'; readonly channel: string }
  | { readonly type: 'ended'; readonly channel: string; readonly error: TriwireError }
  /** A publish or command has its answer. `at`: behind the last event that it brought about, where that is known. */
  | { readonly type: 'settled'; readonly key: string; readonly data: unknown; readonly at: string | undefined }
  | { readonly type: 'failed'; readonly key: string; readonly error: TriwireError }
  /** Something of a channel that has no answer of its own was refused: a signal, a presence value. */
  | {
      readonly type: 'refused'
      readonly channel: string
      readonly of: string | undefined
      readonly error: TriwireError
    }
  | { readonly type: 'pong'; readonly rttMs: number }
  /** The token of this wire runs out: it is kept by a new one. */
  | { readonly type: 'expires' }
  /** The wire ends, and why. `leavingMs`: it goes on for so long, so that another can be attached before. */
  | { readonly type: 'bye'; readonly error: TriwireError; readonly leavingMs?: number | undefined }

/** An event as a session hands it out. */
export interface EventDelivery {
  readonly type: 'event'
  readonly channel: string
  readonly event: string
  readonly data: unknown
  readonly cursor: Cursor
  readonly cause: string | undefined
  /** Caused by a publish or command of this session. */
  readonly own: boolean
  /**
   * `live`: just happened · `replayed`: recovered after an interruption · `history`: from before the first join ·
   * `past`: history for newcomers; the others have it already.
   */
  readonly kind: 'live' | 'replayed' | 'history' | 'past'
  /** May be contained in the snapshot of this stay. */
  readonly overlap: boolean
}

/** Slots of control lines beside those that are named by a channel: blank, as no channel is. */
const PING = ''
const SEEN = ' '

/** What a session is made of. */
export interface SessionOptions {
  /** 128 random bits as 22 characters of base64url. */
  readonly id: string
  readonly outbox?: OutboxOptions
  /** Signals that may wait for their turn; the oldest is dropped beyond. Default 64. */
  readonly signals?: number
}

/** One client session. */
export class Session {
  readonly id: string
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #outbox: Outbox
  readonly #pacer: Pacer
  readonly #maxSignals: number
  /**
   * Presence lines by channel, whether the wire has been opened with them, and when a refused one is written again. Those
   * of other sessions have names of their own; `last` ones are written once.
   */
  readonly #presence = new Map<
    string,
    { readonly text: string; announced: boolean; retryAt?: number; readonly last?: boolean }
  >()
  /** When goodbyes that were refused for the moment are said again, by channel. */
  readonly #goodbyes = new Map<string, number>()
  /** Lines of which only the newest of a kind matters: presence by channel, the ping, what was seen. */
  readonly #control = new Map<string, string>()
  /** Signals that wait for their turn, by conflation key; those without one have a name of their own. */
  readonly #signals = new Map<unknown, { readonly text: string; readonly everyMs: number }>()
  /** When the next signal of a slot may follow upon the last one, where they have an interval. */
  readonly #nextSignalAt = new Map<unknown, number>()
  readonly #leaves = new Set<string>()
  #attached = false
  #deliveries: Delivery[] = []
  #limits: WireLimits = DEFAULT_WIRE_LIMITS
  #member: string | undefined
  #joins = 0
  #presences = 0
  #pings = 0
  #pingNumber = 0
  #hostSleeps = false
  /** When the last ping was written; undefined once it is answered. */
  #pingedAt: number | undefined

  constructor({ id, outbox, signals = 64 }: SessionOptions, now: number) {
    this.id = id
    this.#outbox = new Outbox(outbox)
    this.#maxSignals = signals
    this.#pacer = new Pacer(DEFAULT_WIRE_LIMITS.rate, DEFAULT_WIRE_LIMITS.burst, now)
  }

  // ── Getters ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** This session's public name, once a server has told it. */
  get member(): string | undefined {
    return this.#member
  }

  /** The limits in force. */
  get limits(): WireLimits {
    return this.#limits
  }

  /** Publishes and commands without an answer. */
  get pending(): number {
    return this.#outbox.size
  }

  /**
   * Whether anything needs a wire: a channel, a present value, or something that waits for an answer. A goodbye does not: it
   * is the last word of a wire that is there, and where there is none, the server has noticed.
   */
  get active(): boolean {
    return this.#subscriptions.size + this.#outbox.size + this.#presence.size > 0
  }

  /** Rises with every join and presence value: a wire that was opened at this number has been told all of them. */
  get joins(): number {
    return this.#joins + this.#presences
  }

  /** Whether a join has no answer yet. */
  get joining(): boolean {
    return this.#some(({ asked }) => asked !== undefined)
  }

  /** Whether a channel is known to have more than was read of it, or has no answer to its join yet. */
  get behind(): boolean {
    return this.#some(({ asked, cursor, current, ended }) => !!asked || (!!cursor && !current && !ended))
  }

  /** Whether the set of channels differs from what the wire was opened with. */
  get hasChanges(): boolean {
    const unannounced = [...this.#presence.values()].some(({ announced }) => !announced)
    return this.#leaves.size > 0 || unannounced || this.#some(({ needsJoin }) => needsJoin)
  }

  /**
   * When `handleTimeout` or `takeLines` has something next; Infinity when never by itself.
   * @param writable whether there is a wire to write to. Without one, what waits to be written is due at no time.
   */
  deadline(now: number, writable = true): number {
    const refused = [...this.#subscriptions.values(), ...this.#presence.values()]
    const retries = refused
      .map(({ retryAt = Number.POSITIVE_INFINITY }) => retryAt)
      .concat(...this.#goodbyes.values())
    if (writable) {
      const pacedAt = now + this.#pacer.waitMs(now)
      for (const slot of this.#signals.keys()) retries.push(Math.max(this.#nextSignalAt.get(slot) ?? 0, pacedAt))
      if (this.#control.size > 0) retries.push(pacedAt)
    }
    return Math.min(this.#outbox.deadline(now, writable ? this.#pacer : undefined), ...retries)
  }

  // ── The app's wishes ────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Asks for a channel, or changes what is asked of it. Returns the number of the join that will carry the wish:
   * a `start` delivery with this number or a higher one answers it.
   * @param start whether a starting state (tail, snapshot) is wanted although the position is known: the channel may be
   *   joined already, and `after` names one
   * @throws TriwireError `too_many_channels`, `bad_cursor`
   */
  subscribe(channel: string, want: Want, start: boolean): number {
    const subscription = this.#subscriptions.get(channel)
    if (subscription === undefined || subscription.ended) {
      const { channels } = this.#limits
      if (subscription === undefined && this.#subscriptions.size >= channels)
        throw new TriwireError('too_many_channels', `Over ${channels} channels. Let some go.`)
      this.#subscriptions.set(channel, new Subscription(channel, want, start))
    } else subscription.handleWant(want, start)
    this.#leaves.delete(channel)
    return this.#joins + 1
  }

  /** Lets a channel go. */
  unsubscribe(channel: string): void {
    if (this.#subscriptions.delete(channel)) this.#leaves.add(channel)
  }

  /** The position of a channel's last delivered event. */
  cursorOf(channel: string): Cursor | undefined {
    return this.#subscriptions.get(channel)?.cursor
  }

  /**
   * Queues an event; returns the key that a `settled` or `failed` delivery will name.
   * @throws TriwireError `queue_full`
   */
  publish(channel: string, event: string, data: unknown, now: number): string {
    return this.#outbox.publish(channel, event, data, now)
  }

  /**
   * Queues a command; returns the key that a `settled` or `failed` delivery will name.
   * @throws TriwireError `queue_full`
   */
  command(channel: string, name: string, input: unknown, now: number): string {
    return this.#outbox.command(channel, name, input, now)
  }

  /**
   * Sends a signal as soon as pacing lets it; lost while the wire is down. Waiting ones of one key are conflated.
   * @param everyMs milliseconds between two of this name and key, with or without a key: the first goes out at once, the
   *   newest of those behind it when its time has come
   */
  signal(channel: string, event: string, data: unknown, key?: string, everyMs = 0): void {
    if (!this.#attached) return
    const slot = key === undefined && everyMs === 0 ? {} : `${channel} ${event} ${key}`
    this.#signals.delete(slot)
    this.#signals.set(slot, { text: encodeLine({ t: 'sig', ch: channel, e: event, k: key, d: data }), everyMs })
    this.#bound(this.#signals)
  }

  /** Shows a value in a channel's presence set, undefined for none; every wire announces it again. */
  setPresence(channel: string, value: unknown): void {
    const announced = this.#presence.get(channel)?.announced
    if (announced === undefined && value === undefined) return
    if (value === undefined) {
      this.#presence.delete(channel)
      this.#sayGoodbye(channel)
      return
    }
    this.#goodbyes.delete(channel)
    const text = encodeLine({ t: 'pres', ch: channel, n: ++this.#presences, d: value })
    this.#presence.set(channel, { text, announced: announced === true })
    if (announced) this.#control.set(channel, text)
  }

  /**
   * Has the wire hold a presence value of another session of this user (PROTOCOL.md §8.9). One that changes is not
   * announced anew: its session has said so itself.
   * @param key names it here: its session and the channel, with a space between them
   * @param text the line, without a value to let go of it
   */
  holdPresence(key: string, text: string, last = false): void {
    this.#presences++
    const before = this.#presence.get(key)
    this.#presence.set(key, { text, announced: !last && before?.announced === true && !before.retryAt, last })
  }

  /** Asks the server for a sign of life; a `pong` delivery answers with the round-trip time. */
  ping(now: number): void {
    this.#pingedAt = now
    // A host that sleeps answers the number 0 in its sleep.
    this.#pingNumber = this.#hostSleeps ? 0 : ++this.#pings
    this.#control.set(PING, encodeLine({ t: 'ping', n: this.#pingNumber }))
  }

  // ── What happened ───────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes a batch of lines from a wire. Lines that cannot be read are skipped: a newer server may write more, and
   * what is lost with a broken one shows as a hole. Nothing of the app runs in here, so whatever is thrown is a line's.
   * @param replaced whether the channels are being joined on another wire: what is in no log is left to that one
   */
  handleBatch(text: string, now: number, replaced = false): void {
    for (const one of text.split('\n')) {
      try {
        const line = decodeDownstream(one)
        if (line !== undefined && !(replaced && (line.t === 'sig' || line.t === 'pres')))
          this.#handleLine(line, now, replaced)
      } catch {}
    }
  }

  /** The channels are to be joined on another wire, while this one still speaks. */
  handleRejoin(): void {
    for (const subscription of this.#subscriptions.values()) subscription.needsJoin = !subscription.ended
    for (const presence of this.#presence.values()) presence.announced = false
  }

  /** Another wire has taken over. Everything without an answer is written again on it. */
  handleMoved(): void {
    this.#outbox.handleDetached()
    this.#control.delete(PING)
    this.#control.delete(SEEN)
    this.#pingedAt = undefined
  }

  /** The wire is gone. Everything without an answer is written again on the next one. */
  handleDetached(): void {
    this.handleMoved()
    this.handleRejoin()
    this.#signals.clear()
    this.#attached = false
    for (const subscription of this.#subscriptions.values()) {
      subscription.handleDetached()
      if (!subscription.ended) this.#tell({ type: 'stale', channel: subscription.address })
    }
  }

  /** The deadline has passed. */
  handleTimeout(now: number): void {
    for (const subscription of this.#subscriptions.values()) subscription.handleTimeout(now)
    for (const presence of this.#presence.values()) {
      if (presence.retryAt === undefined || presence.retryAt > now) continue
      delete presence.retryAt
      // With the wire itself: what is sent beside a stream holds for the grace alone.
      presence.announced = false
    }
    for (const [channel, at] of this.#goodbyes) if (at <= now) this.#sayGoodbye(channel)
    for (const failure of this.#outbox.takeExpired(now)) this.#tell({ type: 'failed', ...failure })
  }

  /** The client is closed: whatever has no answer fails, and every stay is over. */
  handleClosed(error: TriwireError): void {
    for (const failure of this.#outbox.takeExpired(Number.POSITIVE_INFINITY, error))
      this.#tell({ type: 'failed', ...failure })
    for (const [channel, subscription] of this.#subscriptions) {
      if (!subscription.ended) this.#tell({ type: 'ended', channel, error })
      subscription.handleEnd()
    }
  }

  // ── What to do ──────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The line every body begins with.
   * @param waitMs how long a poll may be held
   */
  takeHello(token?: string, waitMs?: number): string {
    return encodeLine({ t: 'hello', v: PROTOCOL_VERSION, s: this.id, k: token, wait: waitMs })
  }

  /**
   * What a new wire is opened with, after `hello`: every channel with its cursor, and every presence value.
   * @param racing whether only one of several wires that are opened will be listened to. Joins without an answer keep
   *   their numbers then, so that it does not matter which one that is.
   */
  takeOpening(racing = false): string[] {
    const subscriptions = [...this.#subscriptions.values()]
    const repeated = subscriptions.filter(({ asked, needsJoin }) => racing && asked && !needsJoin)
    const lines = repeated.map((subscription) => encodeLine(subscription.takeJoin(subscription.number)))
    this.#leaves.clear()
    this.handleRejoin()
    for (const subscription of repeated) subscription.needsJoin = false
    return [...lines, ...this.takeChanges()]
  }

  /** What changed in the set of channels since the wire was opened; only a duplex wire can write this. */
  takeChanges(): string[] {
    const lines = [...this.#leaves].map((channel) => encodeLine({ t: 'leave', ch: channel }))
    this.#leaves.clear()
    for (const subscription of this.#subscriptions.values())
      if (subscription.needsJoin) lines.push(encodeLine(subscription.takeJoin(++this.#joins)))
    for (const [key, presence] of this.#presence) {
      if (!presence.announced) lines.push(presence.text)
      presence.announced = true
      if (presence.last) this.#presence.delete(key)
    }
    return lines
  }

  /** What may be written now: presence changes, publishes, commands and signals, as far as pacing allows. */
  takeLines(now: number): OutgoingLine[] {
    const control: string[] = []
    for (const [slot, text] of this.#control) {
      // Presence, whose slots have names, as much as the server takes. The rest is asked for, or asks.
      if (slot.trim() && !this.#pacer.take(now)) continue
      this.#control.delete(slot)
      control.push(text)
    }
    const unanswered = this.#outbox.takeLines(now, this.#pacer)
    const signals: string[] = []
    for (const [slot, { text, everyMs }] of this.#signals) {
      const waitMs = (this.#nextSignalAt.get(slot) ?? 0) - now
      // No longer than the interval: a clock that has jumped back must not hold anything back.
      if (waitMs > 0 && waitMs <= everyMs) continue
      if (!this.#pacer.take(now)) break
      this.#signals.delete(slot)
      signals.push(text)
      this.#nextSignalAt.delete(slot)
      if (everyMs > 0) this.#nextSignalAt.set(slot, now + everyMs)
    }
    // What is forgotten here may be sent early.
    this.#bound(this.#nextSignalAt)
    return [...control.map(ordered), ...unanswered, ...signals.map(ordered)]
  }

  /** What the app must be told, in order. */
  takeDeliveries(): Delivery[] {
    const deliveries = this.#deliveries
    this.#deliveries = []
    return deliveries
  }

  // ── Lines ───────────────────────────────────────────────────────────────────────────────────────────────────

  #handleLine(line: DownstreamLine, now: number, replaced: boolean): void {
    switch (line.t) {
      case 'ack':
        this.#settle(publishKey(line.ch, line.n), line)
        return
      case 'res':
        this.#settle(commandKey(line.id), line)
        return
      case 'err':
        this.#handleError(line, now)
        return
      case 'welcome':
        this.#attached = true
        this.#member = line.m
        this.#hostSleeps = line.hb === 0
        this.#limits = { ...DEFAULT_WIRE_LIMITS, ...line.max }
        this.#pacer.configure(this.#limits.rate, this.#limits.burst)
        this.#tell({ type: 'welcome', heartbeatMs: line.hb })
        return
      case 'pong':
        if (line.n !== this.#pingNumber || this.#pingedAt === undefined) return
        this.#tell({ type: 'pong', rttMs: now - this.#pingedAt })
        this.#pingedAt = undefined
        return
      case 'bye': {
        const error = new TriwireError(line.code, 'The server said goodbye.', { retryMs: line.retry })
        this.#tell({ type: 'bye', error, leavingMs: line.in })
        return
      }
      case 'mark':
        this.#control.set(SEEN, encodeLine({ t: 'seen', n: line.n }))
        return
      case 'expires':
        this.#tell({ type: 'expires' })
        return
      case 'hb':
        return
      default: {
        const subscription = this.#subscriptions.get(line.ch)
        if (subscription !== undefined && !subscription.ended) this.#handleChannelLine(line, subscription, replaced)
      }
    }
  }

  #handleChannelLine(line: ChannelLine, subscription: Subscription, replaced: boolean): void {
    const channel = line.ch
    switch (line.t) {
      case 'joined': {
        const who = subscription.handleJoined(line)
        if (who === 'unexpected') return
        if (who !== 'nobody') this.#tell({ type: 'start', channel, who, number: line.j, at: parseCursor(line.at) })
        if (subscription.current) this.#tell({ type: 'current', channel })
        return
      }
      case 'snap': {
        subscription.handleSnapshot(line)
        this.#tellSnapshot(subscription)
        return
      }
      case 'ev': {
        const { continuity, cursor } = subscription.handleEvent(line, replaced)
        if (continuity === 'duplicate' || continuity === 'hole') return
        const { offset } = cursor
        const { e: event, d: data, c: cause } = line
        const overlap = offset <= subscription.overlapTo
        const kind = continuity === 'past' ? continuity : subscription.kindOf(offset)
        this.#tell({ type: 'event', channel, event, data, cursor, cause, own: this.#isOwn(cause), kind, overlap })
        this.#tellSnapshot(subscription)
        if (continuity === 'next' && offset === subscription.head) this.#tell({ type: 'current', channel })
        return
      }
      case 'gap': {
        // Where this client stands is what it misses from: events before the gap may have been lost with a wire.
        const { cursor } = subscription
        const everybody = subscription.handleGap(line)
        const { to, reason } = line
        const from = everybody && cursor ? formatCursor(cursor) : line.from
        if (everybody || subscription.asked?.start)
          this.#tell({ type: 'gap', channel, from, to: to ?? undefined, reason, everybody })
        return
      }
      case 'sig':
        // A signal is not for the session that sent it; on a wire that tabs share it comes all the same.
        if (!line.m || line.m !== this.#member)
          this.#tell({ type: 'signal', channel, event: line.e, data: line.d, member: line.m })
        return
      case 'pres': {
        const me = this.#member ?? ''
        const before = JSON.stringify(subscription.members.get(me))
        const members = subscription.handlePresence(line)
        const presence = this.#presence.get(channel)
        // A store that has lost its last writes shows what was before, and the wire may know no better: say it again.
        if (presence && line.op === 'all' && before && before !== JSON.stringify(members.get(me)))
          presence.announced = false
        this.#tell({ type: 'members', channel, members })
        return
      }
      case 'end':
        subscription.handleEnd()
        this.#presence.delete(channel)
        this.#tell({ type: 'ended', channel, error: new TriwireError(line.code, line.msg) })
    }
  }

  #handleError({ code, msg, retry, want, of, ch, n, id }: ErrorLine, now: number): void {
    const error = new TriwireError(code, msg, { retryMs: retry })
    const channel = ch ?? ''
    const key = id !== undefined ? commandKey(id) : n !== undefined ? publishKey(channel, n) : undefined
    if (key !== undefined) {
      if (this.#outbox.refuse(key, retry, now, want)) this.#tell({ type: 'failed', key, error })
    } else if (of === undefined) this.#tell({ type: 'bye', error })
    else if (of === 'join' && retry !== undefined) this.#subscriptions.get(channel)?.handleRefused(now + retry)
    else {
      if (of === 'pres' && retry !== undefined) {
        // Which of the values that this wire holds there, the answer does not say.
        for (const [key, presence] of this.#presence)
          if (` ${key}`.endsWith(` ${channel}`)) presence.retryAt = now + retry
        if (!this.#presence.has(channel)) this.#goodbyes.set(channel, now + retry)
      }
      this.#tell({ type: 'refused', channel, of, error })
    }
  }

  /** A cause is `<member>.<command id>` or `<member>#<n>`; one member's name may begin with another's. */
  #isOwn(cause: string | undefined): boolean {
    const member = this.#member
    return member !== undefined && ['.', '#'].some((mark) => cause?.startsWith(member + mark))
  }

  /** Drops the oldest entries beyond as many as signals may wait. */
  #bound(entries: Map<unknown, unknown>): void {
    for (const slot of entries.keys()) if (entries.size > this.#maxSignals) entries.delete(slot)
  }

  #sayGoodbye(channel: string): void {
    this.#goodbyes.delete(channel)
    this.#control.set(channel, encodeLine({ t: 'pres', ch: channel, n: ++this.#presences }))
  }

  #settle(key: string, { d: data, at }: { readonly d?: unknown; readonly at?: string | undefined }): void {
    if (this.#outbox.settle(key)) this.#tell({ type: 'settled', key, data, at })
  }

  #tellSnapshot(subscription: Subscription): void {
    const snapshot = subscription.takeSnapshot()
    if (snapshot) this.#tell({ type: 'snapshot', channel: subscription.address, ...snapshot })
  }

  #tell(delivery: Delivery): void {
    this.#deliveries.push(delivery)
  }

  #some(test: (subscription: Subscription) => boolean): boolean {
    return [...this.#subscriptions.values()].some(test)
  }
}

type ChannelLine = Extract<
  DownstreamLine,
  { readonly t: 'joined' | 'snap' | 'ev' | 'gap' | 'sig' | 'pres' | 'end' }
>

function ordered(text: string): OutgoingLine {
  return { text, lane: 'ordered' }
}
