/**
 * The client session: everything a client knows that outlives a wire. Channels and where they stand, publishes
 * and commands without an answer, presence values, pacing. Sans I/O: text and time go in, lines, deliveries and
 * the next deadline come out; nothing here waits, ticks or draws random numbers (the pattern of quinn-proto and
 * h11). A driver feeds it, drains it in the order below, and sets one timer:
 *
 * - getters: `member`, `limits`, `pending`, `hasChanges`, `deadline`
 * - the app's wishes: `subscribe`, `unsubscribe`, `publish`, `command`, `signal`, `setPresence`, `clearPresence`
 * - what happened: `handleBatch`, `handleDetached`, `handleTimeout`, `ping`
 * - what to do, after every call: `takeOpening` on a new wire, `takeChanges` and `takeLines` on an open one,
 *   `takeDeliveries` always
 */
import { decodeDownstream, encodeLine } from './codec.ts'
import { TriwireError } from './codes.ts'
import { type Cursor, parseCursor } from './cursor.ts'
import { DEFAULT_WIRE_LIMITS, type WireLimits } from './limits.ts'
import { type DownstreamLine, type ErrorLine, type EventLine, type GapReason, PROTOCOL_VERSION } from './line.ts'
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
      readonly anew: boolean
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
  | { readonly type: 'members'; readonly channel: string; readonly members: readonly PresentMember[] }
  | { readonly type: 'present'; readonly channel: string; readonly member: PresentMember }
  | { readonly type: 'absent'; readonly channel: string; readonly member: string }
  /** The wire is gone and with it the certainty of being up to date. */
  | { readonly type: 'stale'; readonly channel: string }
  | { readonly type: 'ended'; readonly channel: string; readonly error: TriwireError }
  /** A publish or command has its answer. */
  | { readonly type: 'settled'; readonly key: string; readonly data: unknown }
  | { readonly type: 'failed'; readonly key: string; readonly error: TriwireError }
  /** Something without an address of its own was refused: a signal, a presence value, a line. */
  | {
      readonly type: 'refused'
      readonly channel: string | undefined
      readonly of: string | undefined
      readonly error: TriwireError
    }
  | { readonly type: 'pong'; readonly rttMs: number }
  /** The wire is about to end, and why. */
  | { readonly type: 'bye'; readonly error: TriwireError }

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

/** A member as a session hands it out. */
export interface PresentMember {
  readonly id: string
  readonly value: unknown
}

/** What a session is made of. */
export interface SessionOptions {
  /** 128 random bits as 22 characters of base64url. */
  readonly id: string
  readonly outbox?: OutboxOptions
  /** Signals that may wait for their turn; the oldest is dropped beyond. Default 64. */
  readonly signals?: number
}

interface WaitingSignal {
  readonly slot: string | undefined
  readonly text: string
}

/** One client session. */
export class Session {
  readonly id: string
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #outbox: Outbox
  readonly #pacer: Pacer
  readonly #presence = new Map<string, { sequence: number; value: unknown; announced: boolean }>()
  readonly #maxSignals: number
  readonly #pings = new Map<number, number>()
  #signals: WaitingSignal[] = []
  #leaves: string[] = []
  /** Lines of which only the newest of a kind matters: presence by channel, and the ping. */
  readonly #control = new Map<string, string>()
  #attached = false
  #deliveries: Delivery[] = []
  #limits: WireLimits = DEFAULT_WIRE_LIMITS
  #member: string | undefined
  #nextJoin = 1
  #nextPing = 1
  #nextPresence = 1

  constructor(options: SessionOptions, now: number) {
    this.id = options.id
    this.#outbox = new Outbox(options.outbox)
    this.#maxSignals = options.signals ?? 64
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

  /** Whether anything needs a wire: a channel, a present value, or something to send. */
  get active(): boolean {
    return this.#subscriptions.size + this.#outbox.size + this.#presence.size + this.#control.size > 0
  }

  /** Whether a join has no answer yet. */
  get joining(): boolean {
    for (const subscription of this.#subscriptions.values()) if (subscription.asked !== undefined) return true
    return false
  }

  /** Whether the set of channels differs from what the wire was opened with. */
  get hasChanges(): boolean {
    if (this.#leaves.length > 0) return true
    for (const subscription of this.#subscriptions.values()) if (subscription.needsJoin) return true
    for (const presence of this.#presence.values()) if (!presence.announced) return true
    return false
  }

  /** When `handleTimeout` or `takeLines` has something next; Infinity when never by itself. */
  deadline(now: number): number {
    let next = this.#outbox.deadline(now, this.#pacer)
    if (this.#signals.length > 0) next = Math.min(next, now + this.#pacer.waitMs(now))
    for (const { retryAt } of this.#subscriptions.values()) next = Math.min(next, retryAt ?? next)
    return next
  }

  // ── The app's wishes ────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Asks for a channel, or changes what is asked of it. Returns the number of the join that will carry the wish:
   * a `start` delivery with this number or a higher one answers it.
   * @param start whether a starting state (tail, snapshot) is wanted although the channel may be joined already
   * @throws TriwireError `too_many_channels`, `bad_cursor`
   */
  subscribe(channel: string, want: Want, start: boolean): number {
    let subscription = this.#subscriptions.get(channel)
    if (subscription === undefined || subscription.ended) {
      if (this.#subscriptions.size >= this.#limits.channels && subscription === undefined) {
        const message = `A connection holds at most ${this.#limits.channels} channels. Let some go, or open a second client.`
        throw new TriwireError('too_many_channels', message)
      }
      subscription = new Subscription(channel, want)
      this.#subscriptions.set(channel, subscription)
    } else {
      const presenceIsNew = want.presence === true && subscription.want.presence !== true
      subscription.handleWant(want)
      if (presenceIsNew) subscription.presenceVersion = ''
      if (start) subscription.needsStart = true
      if (start || presenceIsNew) subscription.needsJoin = true
    }
    this.#leaves = this.#leaves.filter((address) => address !== channel)
    return this.#nextJoin
  }

  /** Lets a channel go. */
  unsubscribe(channel: string): void {
    if (this.#subscriptions.delete(channel)) this.#leaves.push(channel)
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

  /** Sends a signal as soon as pacing lets it; lost while the wire is down. Waiting ones of one key are conflated. */
  signal(channel: string, event: string, data: unknown, key?: string): void {
    if (!this.#attached) return
    const text = encodeLine({ t: 'sig', ch: channel, e: event, k: key, d: data })
    const slot = key === undefined ? undefined : `${channel} ${event} ${key}`
    this.#signals = this.#signals.filter((waiting) => slot === undefined || waiting.slot !== slot)
    this.#signals.push({ slot, text })
    if (this.#signals.length > this.#maxSignals) this.#signals.shift()
  }

  /** Shows a value in a channel's presence set until `clearPresence`; every wire announces it again. */
  setPresence(channel: string, value: unknown): void {
    const present = this.#presence.get(channel)
    const sequence = this.#nextPresence++
    this.#presence.set(channel, { sequence, value, announced: present?.announced ?? false })
    if (present?.announced)
      this.#control.set(channel, encodeLine({ t: 'pres', ch: channel, n: sequence, d: value }))
  }

  /** Leaves a channel's presence set. */
  clearPresence(channel: string): void {
    if (!this.#presence.delete(channel)) return
    this.#control.set(channel, encodeLine({ t: 'pres', ch: channel, n: this.#nextPresence++ }))
  }

  /** Asks the server for a sign of life; a `pong` delivery answers with the round-trip time. */
  ping(now: number): void {
    const number = this.#nextPing++
    this.#pings.clear()
    this.#pings.set(number, now)
    this.#control.set('', encodeLine({ t: 'ping', n: number }))
  }

  // ── What happened ───────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes a batch of lines from a wire. Lines that cannot be read are skipped: a newer server may write more, and
   * what is lost with a broken one shows as a hole.
   */
  handleBatch(text: string, now: number): void {
    for (const one of text.split('\n')) {
      const line = one === '' ? undefined : decodeDownstream(one)
      if (line === undefined) continue
      try {
        this.#handleLine(line, now)
      } catch (error) {
        if (!(error instanceof TriwireError)) throw error
      }
    }
  }

  /** The wire is gone. Everything without an answer is written again on the next one. */
  handleDetached(): void {
    this.#outbox.handleDetached()
    this.#signals = []
    this.#attached = false
    this.#control.delete('')
    this.#pings.clear()
    this.#leaves = []
    for (const presence of this.#presence.values()) presence.announced = false
    for (const subscription of this.#subscriptions.values()) {
      subscription.handleDetached()
      if (!subscription.ended) this.#deliveries.push({ type: 'stale', channel: subscription.address })
    }
  }

  /** The deadline has passed. */
  handleTimeout(now: number): void {
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.retryAt === undefined || subscription.retryAt > now) continue
      subscription.retryAt = undefined
      subscription.needsJoin = true
    }
    for (const { key, error } of this.#outbox.takeExpired(now))
      this.#deliveries.push({ type: 'failed', key, error })
  }

  // ── What to do ──────────────────────────────────────────────────────────────────────────────────────────────

  /** The line every body begins with. */
  takeHello(options: { readonly token?: string | undefined; readonly waitMs?: number | undefined } = {}): string {
    return encodeLine({ t: 'hello', v: PROTOCOL_VERSION, s: this.id, k: options.token, wait: options.waitMs })
  }

  /** What a new wire is opened with, after `hello`: every channel with its cursor, and every presence value. */
  takeOpening(): string[] {
    this.#leaves = []
    for (const subscription of this.#subscriptions.values()) if (!subscription.ended) subscription.needsJoin = true
    for (const presence of this.#presence.values()) presence.announced = false
    return this.takeChanges()
  }

  /** What changed in the set of channels since the wire was opened; only a duplex wire can write this. */
  takeChanges(): string[] {
    const lines = this.#leaves.map((channel) => encodeLine({ t: 'leave', ch: channel }))
    this.#leaves = []
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.needsJoin) lines.push(encodeLine(subscription.takeJoin(this.#nextJoin++)))
    }
    for (const [channel, presence] of this.#presence) {
      if (presence.announced) continue
      presence.announced = true
      lines.push(encodeLine({ t: 'pres', ch: channel, n: presence.sequence, d: presence.value }))
    }
    return lines
  }

  /** What may be written now: presence changes, publishes, commands and signals, as far as pacing allows. */
  takeLines(now: number): OutgoingLine[] {
    const lines: OutgoingLine[] = [...this.#control.values()].map((text) => ({ text, lane: 'ordered' }))
    this.#control.clear()
    lines.push(...this.#outbox.takeLines(now, this.#pacer))
    while (this.#signals.length > 0 && this.#pacer.take(now)) {
      lines.push({ text: (this.#signals.shift() as WaitingSignal).text, lane: 'ordered' })
    }
    return lines
  }

  /** What the app must be told, in order. */
  takeDeliveries(): Delivery[] {
    const deliveries = this.#deliveries
    this.#deliveries = []
    return deliveries
  }

  // ── Lines ───────────────────────────────────────────────────────────────────────────────────────────────────

  #handleLine(line: DownstreamLine, now: number): void {
    switch (line.t) {
      case 'ev':
        this.#handleEvent(line)
        return
      case 'ack':
        this.#settle(publishKey(line.ch, line.n), undefined)
        return
      case 'res':
        this.#settle(commandKey(line.id), line.d)
        return
      case 'err':
        this.#handleError(line, now)
        return
      case 'welcome':
        this.#attached = true
        this.#member = line.m
        this.#limits = { ...DEFAULT_WIRE_LIMITS, ...line.max }
        this.#pacer.configure(this.#limits.rate, this.#limits.burst)
        this.#deliveries.push({ type: 'welcome', heartbeatMs: line.hb })
        return
      case 'pong': {
        const sentAt = this.#pings.get(line.n)
        this.#pings.delete(line.n)
        if (sentAt !== undefined) this.#deliveries.push({ type: 'pong', rttMs: now - sentAt })
        return
      }
      case 'bye':
        this.#deliveries.push({
          type: 'bye',
          error: new TriwireError(line.code, 'The server asked to leave.', { retryMs: line.retry }),
        })
        return
      case 'hb':
        return
      default:
        this.#handleChannelLine(line)
        return
    }
  }

  #handleChannelLine(
    line: Extract<DownstreamLine, { readonly t: 'joined' | 'snap' | 'gap' | 'sig' | 'pres' | 'end' }>,
  ): void {
    const subscription = this.#subscriptions.get((line as { readonly ch?: string }).ch ?? '')
    if (subscription === undefined || subscription.ended) return
    const channel = subscription.address
    switch (line.t) {
      case 'joined': {
        const who = subscription.handleJoined(line)
        if (who === 'unexpected') return
        if (who !== 'nobody')
          this.#deliveries.push({ type: 'start', channel, who, number: line.j, at: parseCursor(line.at) })
        this.#deliverCurrent(subscription)
        return
      }
      case 'snap': {
        const at = subscription.handleSnapshot(line)
        if (at !== undefined)
          this.#deliveries.push({ type: 'snapshot', channel, data: line.d, at, anew: subscription.startedFresh })
        return
      }
      case 'gap':
        {
          const { from, to, reason } = line
          const everybody = subscription.handleGap(line)
          if (everybody || subscription.asked?.start)
            this.#deliveries.push({ type: 'gap', channel, from, to: to ?? undefined, reason, everybody })
        }
        return
      case 'sig':
        this.#deliveries.push({ type: 'signal', channel, event: line.e, data: line.d, member: line.m })
        return
      case 'pres':
        if (line.op === 'all' && !Array.isArray(line.d)) return
        subscription.presenceVersion = line.v
        if (line.op === 'all') {
          const members = line.d.map(({ m, d }) => ({ id: m, value: d }))
          this.#deliveries.push({ type: 'members', channel, members })
        } else if (line.op === 'leave') this.#deliveries.push({ type: 'absent', channel, member: line.m })
        else this.#deliveries.push({ type: 'present', channel, member: { id: line.m, value: line.d } })
        return
      case 'end':
        subscription.ended = true
        subscription.needsJoin = false
        subscription.retryAt = undefined
        this.#presence.delete(channel)
        this.#deliveries.push({ type: 'ended', channel, error: new TriwireError(line.code, line.msg) })
        return
    }
  }

  #handleEvent(line: EventLine): void {
    const subscription = this.#subscriptions.get(line.ch)
    if (subscription === undefined || subscription.ended) return
    const { continuity, cursor } = subscription.handleEvent(line)
    if (continuity === 'duplicate') return
    if (continuity === 'hole') {
      // Joined again from where it stands, unless that is under way already.
      if (subscription.asked === undefined) subscription.needsJoin = true
      return
    }
    const { offset } = cursor
    const kind =
      continuity === 'past'
        ? 'past'
        : offset <= subscription.historyTo
          ? 'history'
          : offset <= subscription.head
            ? 'replayed'
            : 'live'
    this.#deliveries.push({
      type: 'event',
      channel: line.ch,
      event: line.e,
      data: line.d,
      cursor,
      cause: line.c,
      own: this.#isOwn(line.c),
      kind,
      overlap: offset <= subscription.overlapTo,
    })
    if (continuity === 'next' && offset === subscription.head) this.#deliverCurrent(subscription)
  }

  /** A cause is `<member>.<command id>` or `<member>#<n>`; one member's name may begin with another's. */
  #isOwn(cause: unknown): boolean {
    const member = this.#member
    if (member === undefined || typeof cause !== 'string' || !cause.startsWith(member)) return false
    return cause[member.length] === '.' || cause[member.length] === '#'
  }

  #deliverCurrent(subscription: Subscription): void {
    if (subscription.cursor !== undefined && subscription.cursor.offset >= subscription.head) {
      this.#deliveries.push({ type: 'current', channel: subscription.address })
    }
  }

  #settle(key: string, data: unknown): void {
    if (this.#outbox.settle(key)) this.#deliveries.push({ type: 'settled', key, data })
  }

  #handleError({ code, msg, retry, want, of, ch, n, id }: ErrorLine, now: number): void {
    const error = new TriwireError(code, msg, { retryMs: retry })
    const key =
      id !== undefined ? commandKey(id) : ch !== undefined && n !== undefined ? publishKey(ch, n) : undefined
    if (key !== undefined) {
      if (this.#outbox.refuse(key, retry, now, want)) this.#deliveries.push({ type: 'failed', key, error })
    } else if (of === undefined) this.#deliveries.push({ type: 'bye', error })
    else if (of === 'join' && retry !== undefined) this.#subscriptions.get(ch ?? '')?.handleRefused(now + retry)
    else this.#deliveries.push({ type: 'refused', channel: ch, of, error })
  }
}
