/**
 * One open wire of one session: the protocol's state on the server side. The same code serves WebSocket, Server-Sent
 * Events, long polling and `send`; they differ in four lines of the table below and in nothing else.
 *
 * | kind     | framing | ends                                                        |
 * |----------|---------|-------------------------------------------------------------|
 * | `socket` | batch   | when the client goes                                        |
 * | `stream` | SSE     | when the client goes, or after the rotation time             |
 * | `poll`   | batch   | with the first batch that says something, or after the hold  |
 * | `send`   | batch   | when every line it brought has its answer                    |
 */
import {
  type Code,
  type CommandLine,
  closeCodeFor,
  type ErrorLine,
  encodeLine,
  type HelloLine,
  type JoinLine,
  PROTOCOL_VERSION,
  type PresenceLine,
  type PublishLine,
  type SignalLine,
  TriwireError,
  type UpstreamLine,
} from '@triwire/protocol'
import type { Attached } from './connections.ts'
import { Expiry, type ExpiryHost } from './expiry.ts'
import type { FrozenAttachment } from './frozen.ts'
import type { Hub } from './hub.ts'
import type { Identity } from './identity.ts'
import { Marks } from './marks.ts'
import { Outlet, type OutletHost } from './outlet.ts'
import { PresenceLeases } from './presence-leases.ts'
import type { Reader } from './reader.ts'
import { asTriwireError, codeOf, encodeError, retryFor, revokedMeanwhile } from './refusal.ts'
import { canonicalAddress } from './remote-address.ts'
import type { Sink, SinkListener } from './sink.ts'
import type { Speaker } from './speaker.ts'
import { Stays, type StaysHost } from './stays.ts'
import type { Cancel } from './timer-wheel.ts'

/** The four ways to be attached. */
export type AttachmentKind = Attached['kind']

/** Milliseconds after which a peer that was let go for flooding may come back. */
const FLOOD_RETRY_MS = 5000

/** Lines that a join counts for, which may open a channel. */
const JOIN_COST = 4

/** Events of a page of history that count for a line: read together, and only written. */
const EVENTS_PER_LINE = 16

/** What an attachment is made of. */
export interface AttachmentOptions {
  readonly kind: AttachmentKind
  readonly speaker: Speaker
  readonly remoteAddress: string | undefined
  /**
   * The client is the browser's own EventSource, or another that knows nothing of lines: it needs cursors in `id:`
   * fields, and comes back by itself when its stream ends.
   */
  readonly plain?: boolean
  /** Verifies the token of a second hello, where there may be one. */
  readonly authenticator?: Authenticator
  /** What it was before its process slept; `revive` goes on from there. */
  readonly frozen?: FrozenAttachment | undefined
}

/** Who knows with what a client has come. */
export interface Authenticator {
  authenticate(hello: HelloLine): Identity | Promise<Identity>
}

/** The attachment. */
export class Attachment implements StaysHost, OutletHost, ExpiryHost, SinkListener, Attached {
  readonly kind: AttachmentKind
  readonly remoteAddress: string | undefined
  readonly #hub: Hub
  readonly #options: AttachmentOptions
  readonly #outlet: Outlet
  readonly #stays: Stays
  /** Undefined until a token has an end. */
  #expiry: Expiry | undefined
  #speaker: Speaker
  #sink: Sink | undefined
  /** Runs while a sign of life is awaited. */
  #silence: Cancel | undefined
  #timers: Cancel[] | undefined
  #beats = false
  /** Undefined until somebody shows something. */
  #leases: PresenceLeases | undefined
  #ended = false
  /** Whether a poll has something to say that its client does not know. */
  #substantial = false
  #holding = true
  /** Whether lines of the body have not been begun. */
  #arriving = false
  #sentOff = false
  /** What waited at the last heartbeat, where that was too much. */
  #bufferedAtBeat = 0
  /** The last line about another session's presence. */
  #others: Promise<void> | undefined
  /** How many second hellos came: of several, the last one counts. */
  #refreshes = 0

  constructor(hub: Hub, options: AttachmentOptions) {
    this.#hub = hub
    this.#options = options
    this.kind = options.kind
    this.#speaker = options.speaker
    this.remoteAddress = canonicalAddress(options.remoteAddress)
    if (options.frozen?.leases)
      this.#leases = new PresenceLeases(hub, options.speaker.member, this.#lasting, options.frozen.leases)
    this.#outlet = new Outlet({
      turn: hub.turn,
      host: this,
      framing: options.kind !== 'stream' ? 'batch' : options.plain === true ? 'sse-with-ids' : 'sse',
      // A poll is handed over as a whole when it ends: a page at most.
      whole: options.kind === 'poll' || options.kind === 'send',
      limitBytes: options.kind === 'poll' ? hub.limits.replayBytes : hub.limits.outboundBytes,
    })
    this.#stays = new Stays(hub, this)
  }

  get speaker(): Speaker {
    return this.#speaker
  }

  get member(): string {
    return this.#speaker.member
  }

  get congested(): boolean {
    return this.#outlet.congested
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Greets the client: the first line of every answer. */
  welcome(): void {
    this.write(this.#hub.welcome(this.member, this.#sink?.sleeps === true))
  }

  /** What it takes to go on after the process has slept. */
  freeze(): FrozenAttachment {
    const { identity, member } = this.#speaker
    const { user, principal, expiresAt } = identity
    const until = expiresAt === undefined ? {} : { expiresAt }
    const leases = this.#leases && { leases: this.#leases.freeze() }
    return { user, principal, member, ...until, stays: this.#stays.freeze(), ...leases }
  }

  /** Goes on where it was frozen; resolves when whatever its channels get from now on reaches it. */
  async revive(): Promise<void> {
    await Promise.all((this.#options.frozen?.stays ?? []).map((stay) => this.#stays.revive(stay)))
  }

  /**
   * Gives the attachment its connection; what was written before is written out now.
   * @param holdMs polls only: how long to wait for something to say
   */
  open(sink: Sink, holdMs = 0): void {
    this.#sink = sink
    if (this.#ended) {
      sink.close(1000, '')
      return
    }
    // First of all: a poll that may not wait ends right here, with what it has.
    this.#outlet.open(sink)
    const { rotateMs, overlapMs } = this.#hub.limits
    if (this.#lasting && !sink.sleeps) {
      this.#beats = true
      this.#hub.heartbeats.enter()
    }
    if (this.kind === 'stream') this.#later(rotateMs, () => this.sendOff('rotate', 0, overlapMs))
    if (this.kind === 'poll') {
      const release = (): void => {
        this.#holding = false
        this.#finishPollIfDue()
      }
      if (holdMs > 0) this.#later(holdMs, release)
      else release()
    }
    // What was sent in time is answered: the answer of a slow handler is no reason to cost a client its wire.
    if (this.kind !== 'send') this.#watchExpiry(this.#speaker.identity.expiresAt)
  }

  /**
   * Handles the lines of one body, each when it is its user's turn; resolves when each has its answer.
   * @param opening as for `handleLine`
   */
  async handleLines(lines: readonly UpstreamLine[], opening: boolean): Promise<void> {
    const handled: Promise<void>[] = []
    this.#arriving = true
    for (const line of lines) {
      const turn = this.takeShare(line)
      if (turn !== undefined) await turn
      handled.push(this.handleLine(line, opening))
    }
    this.#arriving = false
    this.#finishPollIfDue()
    await Promise.all(handled)
  }

  /**
   * Takes what a line costs of its user's share of this turn.
   * @returns undefined where it may be handled now, otherwise what resolves when it may
   */
  takeShare(line: UpstreamLine | TriwireError): Promise<void> | undefined {
    const isJoin = !(line instanceof TriwireError) && line.t === 'join'
    return this.#hub.shares.take(this.#speaker.identity.principal, isJoin ? JOIN_COST : 1)
  }

  chargePage(events: number): void {
    if (events > 0) this.#hub.shares.charge(this.#speaker.identity.principal, events / EVENTS_PER_LINE)
  }

  /**
   * Handles one line; resolves when it has its answer.
   * @param opening whether it came with `hello`: what is joined there is bounded by the number of channels alone
   */
  async handleLine(line: UpstreamLine, opening: boolean): Promise<void> {
    // Whoever was told to go may go on writing until the connection is closed on both sides.
    if (!this.#ended && !this.#expired) await this.#handleLine(line, opening)
  }

  /** Answers a line that could not be read. */
  handleUnreadable(error: unknown): void {
    if (this.#take({ of: 'line' })) this.writeError(asTriwireError(error), { of: 'line' })
  }

  handleDrain(): void {
    this.#outlet.handleDrain()
  }

  handleSeen(mark: number): boolean {
    return this.#outlet.handleSeen(mark)
  }

  handleClosed(): void {
    this.#end()
  }

  handleAlive(): void {
    this.#silence?.()
    this.#silence = undefined
  }

  /** Says why and ends the connection. */
  close(code: Code, retryMs?: number): void {
    if (this.#ended) return
    this.#outlet.write(encodeLine({ t: 'bye', code, retry: retryFor(code, retryMs ?? 0) }))
    this.#outlet.flush()
    this.#sink?.close(closeCodeFor(code), code)
    this.#end()
  }

  /** Lets a peer go that does not keep to its rate. Nothing more is read of it, and it is not waited for. */
  letGo(retryMs = 0): void {
    const sink = this.#sink
    this.close('rate_limited', Math.max(FLOOD_RETRY_MS, retryMs))
    if (sink !== undefined) this.#hub.door.hangUp(sink)
  }

  sendOff(code: 'rotate' | 'draining', retryMs: number, leftMs: number): void {
    if (this.#ended || this.#sentOff) return
    this.#sentOff = true
    // The next one goes elsewhere: a poll needs no more to move than to end.
    if (this.kind === 'poll') this.#later(Math.min(retryMs, leftMs), () => this.finish())
    else if (this.#options.plain === true) this.#later(Math.min(retryMs, leftMs), () => this.close(code))
    else {
      this.write(encodeLine({ t: 'bye', code, retry: retryMs, in: leftMs }))
      this.#later(leftMs, () => this.close(code))
    }
  }

  revoke(): void {
    this.#leases?.close(0)
    this.close('unauthorized')
  }

  /** Ends a poll or a send with what it has. */
  finish(): void {
    if (this.#ended) return
    this.#outlet.flush()
    this.#sink?.close(1000, '')
    this.#end()
  }

  /**
   * Joins a channel outside of any batch.
   * @throws TriwireError where the client may not or the server cannot
   */
  join(line: JoinLine): Promise<void> {
    return this.#stays.join(line)
  }

  // ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────

  write(line: string): void {
    if (this.#ended || this.#expired) return
    if (this.kind === 'poll' && !this.#substantial) this.#substantial = isSubstantial(line)
    this.#outlet.write(line)
  }

  writeShared(line: string): void {
    if (this.#ended || this.#expired) return
    this.#substantial = true
    this.#outlet.writeShared(line)
  }

  writeLossy(line: string, slot: string): void {
    if (this.#ended || this.#expired) return
    this.#substantial = true
    this.#outlet.writeLossy(line, slot)
  }

  forgetLossy(prefix: string): void {
    this.#outlet.forgetLossy(prefix)
  }

  presenceMissed(reader: Reader): void {
    this.#stays.presenceMissed(reader)
  }

  reauthorize(reader: Reader): void {
    void this.#stays.reauthorize(reader)
  }

  handleExpelled(address: string, error: TriwireError): void {
    this.#leases?.drop(address)
    // With its one channel an EventSource has nothing left; when it comes back, it is told by a status.
    if (this.#options.plain === true) this.close(codeOf(error))
  }

  writeError(error: TriwireError, about: Pick<ErrorLine, 'of' | 'ch' | 'n' | 'id' | 'want'>): void {
    this.write(encodeError(error, about))
  }

  refuseTooMuch(message: string, retryMs: number, about: Pick<ErrorLine, 'of' | 'ch' | 'n' | 'id'>): void {
    // Refusals are the one thing that a peer can make without bound: one that does not heed or does not read them is let go.
    if (this.kind === 'socket' && (!this.#hub.meters.takeRefusal(this.#speaker) || this.#outlet.overflows()))
      this.letGo(retryMs)
    else this.writeError(new TriwireError('rate_limited', message, { retryMs }), about)
  }

  handleJoinAnswered(): void {
    this.#finishPollIfDue()
  }

  handleTurn(): void {
    if (this.kind === 'poll' || this.kind === 'send') this.#finishPollIfDue()
    else this.#outlet.flush()
  }

  handleDrained(): void {
    this.#stays.handleDrain()
  }

  createMarks(): Marks | undefined {
    if (!this.#lasting) return undefined
    const hub = this.#hub
    const { unseenBytes, unseenMs } = hub.limits
    return new Marks({
      wheel: hub.wheel,
      windowBytes: unseenBytes,
      nextNumber: () => hub.nextMark(),
      patienceMs: unseenMs,
      // The answers of a stream may go to another node. A socket's cannot: it waits, and its heartbeat finds it dead.
      onSilence: this.kind === 'stream' ? () => this.close('rotate') : undefined,
    })
  }

  #finishPollIfDue(): void {
    if (this.kind !== 'poll' || this.#ended || this.#sink === undefined) return
    if (this.congested || (!this.#arriving && !this.#stays.starting && (this.#substantial || !this.#holding)))
      this.finish()
  }

  // ── Lines ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #handleLine(line: UpstreamLine, opening: boolean): Promise<void> {
    switch (line.t) {
      case 'hello':
        return await this.#handleHello(line)
      case 'join':
        return await this.#handleJoin(line, opening)
      case 'leave':
        return await this.#stays.handleLeave(line.ch)
      // What is said in the same breath as a join comes after it.
      case 'pub':
        await this.#stays.settled(line.ch)
        return await this.#handlePublish(line)
      case 'cmd':
        await this.#stays.settled(line.ch)
        return await this.#handleCommand(line)
      case 'sig':
        return await this.#handleSignal(line)
      case 'pres':
        if (line.s === undefined) return await this.#handlePresenceLine(line, opening)
        // One after another: what is let go must not come back by a line before that, which is still being decided.
        this.#others = (this.#others ?? Promise.resolve()).then(() => this.#handlePresenceLine(line, opening))
        return await this.#others
      case 'ping':
        if (this.#take({ of: 'ping' })) this.write(encodeLine({ t: 'pong', n: line.n }))
        return
      case 'seen':
        // Answers are asked for, so they cost nothing; anything else is ignored, and does.
        if (!this.#hub.connections.handleSeen(this.member, line.n)) this.#take({ of: 'seen' })
        return
    }
  }

  /** A second hello brings a new token for the session that is attached. */
  async #handleHello(line: HelloLine): Promise<void> {
    const about = { of: 'hello' } as const
    if (!this.#take(about)) return
    const { authenticator } = this.#options
    if (authenticator === undefined) {
      this.writeError(new TriwireError('bad_line', 'hello comes once, first.'), about)
      return
    }
    const refresh = ++this.#refreshes
    try {
      checkHello(line)
      const identity = await authenticator.authenticate(line)
      const member = await this.#hub.memberOf(identity.principal, line.s)
      if (this.#ended || refresh !== this.#refreshes) return
      if (!this.#hub.gate.isCurrent(identity)) throw revokedMeanwhile()
      if (member !== this.member) throw new TriwireError('unauthorized', 'This token is of somebody else.')
      this.#speaker = { identity, member }
      this.#watchExpiry(identity.expiresAt)
      this.welcome()
    } catch (error) {
      const refusal = asTriwireError(error)
      // What could not be decided now may be tried again, for as long as the token before it lasts.
      if (retryFor(refusal.code, 0, refusal.retryMs) !== undefined) this.#refuse(error, about)
      else this.close(codeOf(refusal))
    }
  }

  async #handleJoin(line: JoinLine, opening: boolean): Promise<void> {
    if (this.kind !== 'send') return await this.#stays.handleJoin(line, opening)
    const error = new TriwireError('bad_line', 'Joins belong into the body of stream or poll.')
    this.writeError(error, { of: 'join', ch: line.ch })
  }

  async #handlePublish(line: PublishLine): Promise<void> {
    const { ch, n } = line
    const about = { of: 'pub', ch, n } as const
    if (!this.#take(about)) return
    try {
      const outcome = await this.#hub.publisher.publish(this.#speaker, line)
      if (outcome.status === 'refused') {
        this.writeError(new TriwireError(outcome.code, 'This publish was refused before.'), about)
      } else if (outcome.status === 'sequence_gap') {
        const message = `Publishes to this channel continue with number ${outcome.expected}.`
        this.writeError(new TriwireError('sequence_gap', message, { retryMs: 0 }), {
          ...about,
          want: outcome.expected,
        })
      } else {
        const { cursor } = outcome
        const at = cursor === undefined ? {} : { at: `${cursor.epoch}:${cursor.offset}:${cursor.tag}` }
        this.write(encodeLine({ t: 'ack', ch, n, ...at }))
      }
    } catch (error) {
      this.#refuse(error, about)
    }
  }

  async #handleCommand(line: CommandLine): Promise<void> {
    const { ch, id } = line
    const about = { of: 'cmd', ch, id } as const
    if (!this.#take(about)) return
    try {
      const { data, at } = await this.#hub.commander.call(this.#speaker, line)
      this.write(`${JSON.stringify({ t: 'res', id, at }).slice(0, -1)},"d":${data}}`)
    } catch (error) {
      this.#refuse(error, about)
    }
  }

  async #handleSignal(line: SignalLine): Promise<void> {
    const about = { of: 'sig', ch: line.ch } as const
    if (!this.#take(about)) return
    try {
      const resolved = this.#hub.app.resolve(line.ch)
      await this.#hub.app.authorize(resolved, this.#speaker.identity, 'signal', line.e)
      await this.#hub.app.signal(resolved, line.e, line.d, { key: line.k, member: this.member })
    } catch (error) {
      this.#refuse(error, about)
    }
  }

  async #handlePresenceLine(line: PresenceLine, opening: boolean): Promise<void> {
    const about = { of: 'pres', ch: line.ch } as const
    if (!opening && !this.#take(about)) return
    try {
      const { app } = this.#hub
      const resolved = app.resolve(line.ch)
      const { identity } = this.#speaker
      // Of the same user, whichever session that is: another one's reaches nothing.
      const member = line.s === undefined ? this.member : await this.#hub.memberOf(identity.principal, line.s)
      if (line.d !== undefined) {
        await app.authorize(resolved, identity, 'presence')
        await this.#openLeases().show(member, resolved, line.d, line.n, this.kind !== 'send')
      } else if (member === this.member) await this.#openLeases().leave(line.ch, line.n)
      else this.#leases?.letGo(member, line.ch)
    } catch (error) {
      this.#refuse(error, about)
    }
  }

  /** Takes one line's worth of the rates of session and user; refuses the line where there is none. */
  #take(about: Pick<ErrorLine, 'of' | 'ch' | 'n' | 'id'> = {}): boolean {
    const retryMs = this.#hub.meters.takeLine(this.#speaker)
    if (retryMs === 0) return true
    this.refuseTooMuch('Too many lines at once. Slow down.', retryMs, about)
    return false
  }

  get #expired(): boolean {
    return this.#expiry?.over === true
  }

  #watchExpiry(endsAt: number | undefined): void {
    if (endsAt === undefined && this.#expiry === undefined) return
    this.#expiry ??= new Expiry(this.#hub.wheel, this)
    this.#expiry.watch(endsAt)
  }

  #openLeases(): PresenceLeases {
    this.#leases ??= new PresenceLeases(this.#hub, this.member, this.#lasting)
    if (this.#ended) this.#leases.close()
    return this.#leases
  }

  #later(delayMs: number, callback: () => void): void {
    this.#timers ??= []
    this.#timers.push(this.#hub.wheel.schedule(delayMs, callback))
  }

  #refuse(error: unknown, about: Pick<ErrorLine, 'of' | 'ch' | 'n' | 'id'>): void {
    if (!(error instanceof TriwireError))
      this.#hub.logger.error({ err: error, of: about.of }, 'a line could not be handled')
    this.writeError(asTriwireError(error), about)
  }

  /** Whether the connection stays open until one side has had enough. */
  get #lasting(): boolean {
    return this.kind === 'socket' || this.kind === 'stream'
  }

  get renews(): boolean {
    // A poll brings its token with the next one.
    return this.#lasting
  }

  handleExpiring(leftMs: number): void {
    this.write(encodeLine({ t: 'expires', in: leftMs }))
  }

  handleExpired(): void {
    this.close('unauthorized')
  }

  beat(): void {
    if (!this.#beats) return
    const sink = this.#sink
    const overflowing = this.#outlet.overflows()
    const { bufferedBytes } = this.#outlet
    // Readers have stopped, so what waits shrinks unless nothing of it is taken; answers alone must not pile up for ever.
    if (overflowing && this.#bufferedAtBeat > 0 && bufferedBytes >= this.#bufferedAtBeat) {
      sink?.terminate?.()
      this.#end()
      return
    }
    this.#bufferedAtBeat = overflowing ? bufferedBytes : 0
    this.writeShared(HEARTBEAT)
    if (sink?.probe === undefined || this.#silence !== undefined) return
    this.#silence = this.#hub.wheel.schedule(this.#hub.limits.pongMs, () => {
      sink.terminate?.()
      this.#end()
    })
    sink.probe()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.handleAlive()
    for (const cancel of this.#timers ?? []) cancel()
    this.#timers = undefined
    if (this.#beats) this.#hub.heartbeats.leave()
    this.#expiry?.close()
    this.#outlet.close()
    this.#stays.close()
    this.#leases?.close()
    this.#hub.connections.dismiss(this)
  }
}

/** Checks a hello. @throws TriwireError `bad_version` */
export function checkHello(hello: HelloLine): void {
  if (hello.v !== PROTOCOL_VERSION) {
    throw new TriwireError(
      'bad_version',
      `This server speaks version ${PROTOCOL_VERSION} of the protocol. Update the client.`,
    )
  }
}

const HEARTBEAT = encodeLine({ t: 'hb' })

/** Lines that a poll's client could have left out of its next poll as well. */
function isSubstantial(line: string): boolean {
  if (line.startsWith('{"t":"joined"')) return !line.endsWith('"how":"resumed"}')
  return !line.startsWith('{"t":"welcome"') && line !== HEARTBEAT
}
