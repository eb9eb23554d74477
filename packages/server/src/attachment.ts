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
  adviceFor,
  type Code,
  type CommandLine,
  closeCodeFor,
  type ErrorLine,
  encodeBatch,
  encodeLine,
  type HelloLine,
  isCode,
  type JoinLine,
  Pacer,
  PROTOCOL_VERSION,
  type PresenceLine,
  type PublishLine,
  parseCursor,
  type ResolvedChannel,
  type SignalLine,
  TriwireError,
  type UpstreamLine,
  utf8Length,
} from '@triwire/protocol'
import { defer } from './defer.ts'
import type { Hub } from './hub.ts'
import { SnapshotAt } from './implementation.ts'
import type { LiveChannel } from './live-channel.ts'
import { Reader, type ReaderHost, type Start } from './reader.ts'
import type { Sink, SinkListener } from './sink.ts'
import type { Speaker } from './speaker.ts'
import { frameSse } from './sse-frame.ts'
import type { Cancel } from './timer-wheel.ts'
import { toJson, validate } from './validate.ts'

/** The four ways to be attached. */
export type AttachmentKind = 'socket' | 'stream' | 'poll' | 'send'

/** Lossy lines kept for a congested connection. */
const MAX_LOSSY = 256

interface Membership {
  readonly resolved: ResolvedChannel
  readonly reader: Reader
}

/** What an attachment is made of. */
export interface AttachmentOptions {
  readonly kind: AttachmentKind
  readonly speaker: Speaker
  readonly remoteAddress: string | undefined
  /** Put cursors into `id:` fields, for the browser's own EventSource. Only of use with a single channel. */
  readonly eventIds?: boolean
}

let nextHolder = 1

/** The attachment. */
export class Attachment implements ReaderHost, SinkListener {
  readonly kind: AttachmentKind
  readonly speaker: Speaker
  readonly remoteAddress: string | undefined
  readonly #hub: Hub
  readonly #eventIds: boolean
  readonly #holder =
    `${Date.now().toString(36)}.${(nextHolder++).toString(36)}.${Math.random().toString(36).slice(2, 8)}`
  readonly #members = new Map<string, Membership>()
  readonly #joins: Pacer
  /** Joins under way: what is published to a channel in the same breath comes after its join. */
  readonly #joining = new Map<string, Promise<void>>()
  /** Channels that are on their way in: they count, so that one batch cannot bring more than may be held. */
  readonly #entering = new Set<string>()
  readonly #held = new Map<string, ResolvedChannel>()
  readonly #lossy = new Map<string, string>()
  readonly #missedPresence = new Set<Reader>()
  #sink: Sink | undefined
  /** Runs while a sign of life is awaited. */
  #silence: Cancel | undefined
  #timers: Cancel[] = []
  #out: string[] = []
  #outBytes = 0
  #flushing = false
  #congested = false
  #ended = false
  /** Joins of the opening batch that are still under way; a poll waits for them. */
  #starting = 0
  /** Whether a poll has something to say that its client does not know. */
  #substantial = false
  #holding = true

  constructor(hub: Hub, options: AttachmentOptions) {
    this.#hub = hub
    this.kind = options.kind
    this.speaker = options.speaker
    this.remoteAddress = options.remoteAddress
    this.#eventIds = options.eventIds ?? false
    const { channels } = hub.limits
    // A page may change its whole set of channels at once, but not all the time.
    this.#joins = new Pacer(Math.max(10, channels / 4), channels * 2, Date.now())
  }

  get member(): string {
    return this.speaker.member
  }

  get congested(): boolean {
    return this.#congested
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Greets the client: the first line of every answer. */
  welcome(): void {
    const { line, body, batch, channels, rate, burst, heartbeatMs } = this.#hub.limits
    const max = { line, body, batch, channels, rate, burst }
    this.write(encodeLine({ t: 'welcome', v: PROTOCOL_VERSION, m: this.member, hb: heartbeatMs, max }))
  }

  /**
   * Gives the attachment its connection; what was written before is written out now.
   * @param holdMs polls only: how long to wait for something to say
   */
  open(sink: Sink, holdMs = 0): void {
    this.#sink = sink
    const { heartbeatMs, rotateMs } = this.#hub.limits
    const { expiresAt } = this.speaker.identity
    const { wheel } = this.#hub
    if (this.kind === 'socket' || this.kind === 'stream') {
      this.#timers.push(wheel.repeat(heartbeatMs, () => this.#beat()))
      if (this.kind === 'stream') this.#timers.push(wheel.schedule(rotateMs, () => this.close('rotate')))
    }
    if (this.kind === 'poll') {
      const release = (): void => {
        this.#holding = false
        this.#finishPollIfDue()
      }
      if (holdMs > 0) this.#timers.push(wheel.schedule(holdMs, release))
      else release()
    }
    if (expiresAt !== undefined) {
      this.#timers.push(wheel.schedule(expiresAt - Date.now(), () => this.close('unauthorized')))
    }
    if (this.#ended) sink.close(1000, '')
    else if (this.#out.length > 0) this.#scheduleFlush()
  }

  /**
   * Handles the lines of one batch; resolves when each has its answer.
   * @param opening whether the batch came with `hello`: what it joins is bounded by the number of channels alone
   */
  async handleLines(lines: readonly UpstreamLine[], opening: boolean): Promise<void> {
    await Promise.all(lines.map((line) => this.#handleLine(line, opening)))
  }

  /** Answers a line that could not be read. */
  handleUnreadable(error: unknown): void {
    if (this.#take({ of: 'line' })) this.#writeError(asTriwireError(error), { of: 'line' })
  }

  handleDrain(): void {
    if (!this.#congested || this.#sink === undefined) return
    if (this.#sink.buffered() <= this.#hub.limits.outboundBytes / 2) this.#uncongest()
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
    this.write(encodeLine({ t: 'bye', code, retry: retryFor(code, retryMs ?? 0) }))
    this.#flush()
    this.#sink?.close(closeCodeFor(code), code)
    this.#end()
  }

  /** Ends a poll or a send with what it has. */
  finish(): void {
    if (this.#ended) return
    this.#flush()
    this.#sink?.close(1000, '')
    this.#end()
  }

  // ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────

  write(line: string): void {
    if (this.#ended) return
    this.#out.push(line)
    this.#outBytes += line.length
    if (this.#outBytes > this.#hub.limits.outboundBytes) this.#congested = true
    this.#substantial ||= isSubstantial(line)
    this.#scheduleFlush()
  }

  writeLossy(line: string, slot: string): void {
    if (!this.#congested) {
      this.write(line)
      return
    }
    this.#lossy.delete(slot)
    this.#lossy.set(slot, line)
    if (this.#lossy.size > MAX_LOSSY) this.#lossy.delete(this.#lossy.keys().next().value as string)
  }

  presenceMissed(reader: Reader): void {
    this.#missedPresence.add(reader)
    if (!this.#congested) void this.#sendMissedPresence()
  }

  /** One write per turn of the event loop: a burst of events costs one system call, not one each. */
  #scheduleFlush(): void {
    if (this.#flushing || this.#sink === undefined) return
    this.#flushing = true
    defer(() => {
      this.#flushing = false
      if (this.kind === 'poll' || this.kind === 'send') this.#finishPollIfDue()
      else this.#flush()
    })
  }

  #flush(): void {
    const sink = this.#sink
    if (sink === undefined || this.#out.length === 0) return
    const lines = this.#out
    this.#out = []
    this.#outBytes = 0
    sink.write(
      this.kind === 'stream' ? lines.map((line) => frameSse(line, this.#eventIds)).join('') : encodeBatch(lines),
    )
    if (this.kind === 'poll' || this.kind === 'send') return
    if (sink.buffered() > this.#hub.limits.outboundBytes) this.#congested = true
    else if (this.#congested) this.#uncongest()
  }

  #finishPollIfDue(): void {
    if (this.kind !== 'poll' || this.#ended || this.#sink === undefined) return
    if (this.#congested || (this.#starting === 0 && (this.#substantial || !this.#holding))) this.finish()
  }

  #uncongest(): void {
    this.#congested = false
    for (const line of this.#lossy.values()) this.write(line)
    this.#lossy.clear()
    void this.#sendMissedPresence()
    for (const { reader } of this.#members.values()) reader.handleDrain()
  }

  async #sendMissedPresence(): Promise<void> {
    const readers = [...this.#missedPresence]
    this.#missedPresence.clear()
    for (const reader of readers) await this.#sendPresence(reader, '')
  }

  async #sendPresence(reader: Reader, version: string): Promise<void> {
    try {
      const line = await reader.channel.presenceLine(version)
      if (line !== undefined) this.write(line)
    } catch (err) {
      // The set is asked for again with the next change or the next join.
      this.#hub.logger.warn({ err }, 'the presence set could not be read')
    }
  }

  #writeError(error: TriwireError, about: Pick<ErrorLine, 'of' | 'ch' | 'n' | 'id' | 'want'>): void {
    this.write(encodeError(error, about))
  }

  // ── Lines ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #handleLine(line: UpstreamLine, opening: boolean): Promise<void> {
    switch (line.t) {
      case 'hello':
        if (this.#take({ of: 'hello' }))
          this.#writeError(new TriwireError('bad_line', 'hello comes once, first.'), { of: 'hello' })
        return
      case 'join': {
        const joining = this.#handleJoin(line, opening)
        this.#joining.set(line.ch, joining)
        await joining
        if (this.#joining.get(line.ch) === joining) this.#joining.delete(line.ch)
        return
      }
      case 'leave':
        // What was joined in the same breath is left after it has come in, unless it has been joined again since.
        if (this.#joining.has(line.ch)) await this.#joining.get(line.ch)
        if (!this.#joining.has(line.ch)) this.#leave(line.ch)
        return
      case 'pub':
        if (this.#joining.has(line.ch)) await this.#joining.get(line.ch)
        return await this.#handlePublish(line)
      case 'cmd':
        if (this.#joining.has(line.ch)) await this.#joining.get(line.ch)
        return await this.#handleCommand(line)
      case 'sig':
        return await this.#handleSignal(line)
      case 'pres':
        return await this.#handlePresenceLine(line, opening)
      case 'ping':
        if (this.#take({ of: 'ping' })) this.write(encodeLine({ t: 'pong', n: line.n }))
        return
    }
  }

  async #handleJoin(line: JoinLine, opening: boolean): Promise<void> {
    if (this.kind === 'send') {
      this.#writeError(new TriwireError('bad_line', 'Joins belong into the body of stream or poll.'), {
        of: 'join',
        ch: line.ch,
      })
      return
    }
    this.#starting++
    try {
      if (!opening && !this.#joins.take(Date.now())) {
        throw new TriwireError('rate_limited', 'Channels change too fast.', {
          retryMs: this.#joins.waitMs(Date.now()),
        })
      }
      await this.join(line)
    } catch (error) {
      const refusal = asTriwireError(error)
      if (!(error instanceof TriwireError)) this.#hub.logger.error({ err: error }, 'a join failed')
      this.#leave(line.ch)
      if (retryFor(refusal.code, 0, refusal.retryMs) !== undefined)
        this.#writeError(refusal, { of: 'join', ch: line.ch })
      else this.write(encodeLine({ t: 'end', ch: line.ch, code: refusal.code, msg: refusal.message }))
    } finally {
      this.#starting--
      this.#finishPollIfDue()
    }
  }

  /**
   * Lets the client into a channel; resolves when it stands at the head or its connection is congested.
   * @throws TriwireError where it may not or cannot
   */
  async join(line: JoinLine): Promise<void> {
    const hub = this.#hub
    const resolved = hub.resolve(line.ch)
    const after = line.after === undefined ? undefined : parseCursor(line.after)
    const isNew = !this.#members.has(line.ch) && !this.#entering.has(line.ch)
    if (isNew && this.#members.size + this.#entering.size >= hub.limits.channels) {
      throw new TriwireError('too_many_channels', `A connection holds at most ${hub.limits.channels} channels.`)
    }
    if (isNew) this.#entering.add(line.ch)
    let channel: LiveChannel
    try {
      await hub.authorize(resolved, this.speaker.identity, 'join')
      channel = await hub.openChannel(resolved)
    } finally {
      if (isNew) this.#entering.delete(line.ch)
    }
    if (this.#ended) {
      hub.releaseChannel(resolved)
      return
    }
    // Of two joins to one channel the later one counts; the one before stops in mid-sentence.
    this.#leave(line.ch)
    const reader = new Reader(channel, this, {
      read: (request) => hub.broker.read(line.ch, request),
      page: { events: hub.limits.replayEvents, bytes: hub.limits.replayBytes },
      wantsPresence: line.pres !== undefined && resolved.channel.presence !== undefined,
    })
    this.#members.set(line.ch, { resolved, reader })
    channel.readers.add(reader)
    await reader.start({
      number: line.j,
      after,
      tail: line.tail ?? 0,
      snapshot: line.snap === true ? this.#snapshotOf(resolved) : undefined,
      fresh: line.fresh === true,
    })
    if (reader.wantsPresence && this.#members.get(line.ch)?.reader === reader)
      await this.#sendPresence(reader, line.pres ?? '')
  }

  #snapshotOf(resolved: ResolvedChannel): Start['snapshot'] {
    const schema = resolved.channel.snapshot
    const { snapshot } = this.#hub.implementationOf(resolved)
    if (schema === undefined || snapshot === undefined) return undefined
    const { user } = this.speaker.identity
    const { params, key } = resolved
    return async () => {
      const at = (cursor: string, data: unknown): SnapshotAt<unknown> => new SnapshotAt(cursor, data)
      try {
        const result = await this.#hub.runHook('snapshot', () => snapshot({ user, params, at }))
        const own = result instanceof SnapshotAt ? result : undefined
        const data = toJson(
          await validate(schema, own === undefined ? result : own.data, 'the snapshot'),
          'the snapshot',
        )
        return { data, cursor: own === undefined ? undefined : parseCursor(own.cursor) }
      } catch (error) {
        if (error instanceof TriwireError && error.code !== 'handler_failed' && error.code !== 'bad_payload')
          throw error
        this.#hub.logger.error({ err: error, channel: key }, 'a snapshot failed')
        throw new TriwireError('unavailable', 'The server could not make the snapshot. Trying again.', {
          retryMs: 2000,
        })
      }
    }
  }

  #leave(address: string): void {
    const membership = this.#members.get(address)
    if (membership === undefined) return
    this.#members.delete(address)
    this.#missedPresence.delete(membership.reader)
    membership.reader.close()
    this.#hub.releaseChannel(membership.resolved)
  }

  async #handlePublish(line: PublishLine): Promise<void> {
    const { ch, n } = line
    const about = { of: 'pub', ch, n } as const
    if (!this.#take(about)) return
    try {
      const outcome = await this.#hub.publisher.publish(this.speaker, line)
      if (outcome.status === 'refused') {
        this.#writeError(new TriwireError(outcome.code, 'This publish was refused before.'), about)
      } else if (outcome.status === 'sequence_gap') {
        const message = `Publishes to this channel continue with number ${outcome.expected}.`
        this.#writeError(new TriwireError('sequence_gap', message, { retryMs: 0 }), {
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
      const data = await this.#hub.commander.call(this.speaker, line)
      this.write(`${JSON.stringify({ t: 'res', id }).slice(0, -1)},"d":${data}}`)
    } catch (error) {
      this.#refuse(error, about)
    }
  }

  async #handleSignal(line: SignalLine): Promise<void> {
    const about = { of: 'sig', ch: line.ch } as const
    if (!this.#take(about)) return
    try {
      const resolved = this.#hub.resolve(line.ch)
      await this.#hub.authorize(resolved, this.speaker.identity, 'signal', line.e)
      await this.#hub.signal(resolved, line.e, line.d, { key: line.k, member: this.member })
    } catch (error) {
      this.#refuse(error, about)
    }
  }

  async #handlePresenceLine(line: PresenceLine, opening: boolean): Promise<void> {
    const about = { of: 'pres', ch: line.ch } as const
    if (!opening && !this.#take(about)) return
    const { broker, limits } = this.#hub
    try {
      const resolved = this.#hub.resolve(line.ch)
      if (line.d === undefined) {
        this.#held.delete(line.ch)
        await broker.depart(line.ch, this.member, line.n)
        return
      }
      const schema = resolved.channel.presence
      if (schema === undefined) throw new TriwireError('bad_payload', `Channel "${resolved.key}" has no presence.`)
      await this.#hub.authorize(resolved, this.speaker.identity, 'presence')
      const data = toJson(await validate(schema, line.d, 'presence'), 'presence')
      if (utf8Length(data) > limits.presenceBytes) {
        throw new TriwireError('bad_payload', `A presence value has at most ${limits.presenceBytes} bytes.`)
      }
      const lasting = this.kind !== 'send'
      const leaseMs = lasting ? limits.presenceLeaseMs : limits.presenceGraceMs
      const hold = { member: this.member, holder: this.#holder, value: { data, sequence: line.n }, leaseMs }
      const outcome = await broker.hold(line.ch, hold, { maxMembers: limits.presenceMembers })
      if (outcome === 'full')
        throw new TriwireError('too_many_members', `At most ${limits.presenceMembers} members are shown.`)
      if (!lasting) return
      if (this.#ended) await broker.release(line.ch, this.member, this.#holder, limits.presenceGraceMs)
      else this.#keepPresence(resolved)
    } catch (error) {
      this.#refuse(error, about)
    }
  }

  #keepPresence(resolved: ResolvedChannel): void {
    if (this.#held.has(resolved.address)) return
    this.#held.set(resolved.address, resolved)
    if (this.#held.size > 1) return
    const { presenceLeaseMs } = this.#hub.limits
    this.#timers.push(this.#hub.wheel.repeat(presenceLeaseMs / 3, () => void this.#renewPresence()))
  }

  async #renewPresence(): Promise<void> {
    const { broker, limits, logger } = this.#hub
    for (const address of [...this.#held.keys()]) {
      try {
        const hold = { member: this.member, holder: this.#holder, leaseMs: limits.presenceLeaseMs }
        const outcome = await broker.hold(address, hold, { maxMembers: limits.presenceMembers })
        if (outcome === 'unknown') this.#held.delete(address)
      } catch (err) {
        logger.warn({ err }, 'a presence lease could not be renewed')
      }
    }
  }

  /** Takes one line's worth of the session's rate; refuses the line where there is none. */
  #take(about: Pick<ErrorLine, 'of' | 'ch' | 'n' | 'id'> = {}): boolean {
    const meter = this.#hub.meterOf(this.member)
    const now = Date.now()
    if (meter.take(now)) return true
    this.#writeError(
      new TriwireError('rate_limited', 'Too many lines at once. Slow down.', { retryMs: meter.waitMs(now) }),
      about,
    )
    return false
  }

  #refuse(error: unknown, about: Pick<ErrorLine, 'of' | 'ch' | 'n' | 'id'>): void {
    if (!(error instanceof TriwireError))
      this.#hub.logger.error({ err: error, of: about.of }, 'a line could not be handled')
    this.#writeError(asTriwireError(error), about)
  }

  #beat(): void {
    this.write(HEARTBEAT)
    const sink = this.#sink
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
    for (const cancel of this.#timers) cancel()
    this.#timers = []
    this.#out = []
    for (const address of [...this.#members.keys()]) this.#leave(address)
    const { broker, limits, logger } = this.#hub
    for (const address of this.#held.keys()) {
      broker.release(address, this.member, this.#holder, limits.presenceGraceMs).catch((err: unknown) => {
        // The lease runs out by itself.
        logger.warn({ err }, 'a presence lease could not be released')
      })
    }
    this.#held.clear()
    this.#hub.dismiss(this)
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

/** What a client may be told of an error: its own code if it has one, otherwise that the server failed. */
export function asTriwireError(error: unknown): TriwireError {
  if (error instanceof TriwireError) return error
  return new TriwireError('unavailable', 'The server failed to answer. Try again later.', { retryMs: 2000 })
}

/** An error as a line. A `retry` says that trying again makes sense; without one it does not. */
export function encodeError(
  error: TriwireError,
  about: Omit<ErrorLine, 't' | 'code' | 'msg' | 'retry'> = {},
): string {
  const { code, message: msg, retryMs } = error
  return encodeLine({ t: 'err', code, msg, ...about, retry: retryFor(code, retryMs ?? DEFAULT_RETRY_MS, retryMs) })
}

/** Milliseconds to announce for a code: those the error brought, else the default where the table advises a retry. */
function retryFor(code: string, defaultMs: number, givenMs?: number): number | undefined {
  return givenMs ?? (adviceFor(code) === 'retry' ? defaultMs : undefined)
}

const DEFAULT_RETRY_MS = 1000

/** The code of an error as the table knows it. */
export function codeOf(error: TriwireError): Code {
  return isCode(error.code) ? error.code : 'handler_failed'
}

const HEARTBEAT = encodeLine({ t: 'hb' })

/** Lines that a poll's client could have left out of its next poll as well. */
const QUIET = /^\{"t":"(?:welcome|hb)"|^\{"t":"joined".*"how":"resumed"\}$/

function isSubstantial(line: string): boolean {
  return !QUIET.test(line)
}
