/**
 * The channels one attachment stands in, and the way in and out of them. Joins and leaves of one channel take turns;
 * of two joins the later one counts.
 */
import {
  type ErrorLine,
  encodeLine,
  type JoinLine,
  Pacer,
  parseCursor,
  type ResolvedChannel,
  TriwireError,
} from '@triwire/protocol'
import type { TakeSnapshot } from './app.ts'
import type { FrozenStay } from './frozen.ts'
import type { Hub } from './hub.ts'
import type { LiveChannel } from './live-channel.ts'
import { Reader, type ReaderHost } from './reader.ts'
import { asTriwireError, retryFor } from './refusal.ts'
import type { Speaker } from './speaker.ts'

/** What stays need of their attachment. */
export interface StaysHost extends ReaderHost {
  readonly speaker: Speaker
  readonly ended: boolean
  /** Forgets the lossy lines whose slot begins so. */
  forgetLossy(prefix: string): void
  writeError(error: TriwireError, about: Pick<ErrorLine, 'of' | 'ch'>): void
  /** Refuses a line that is beyond a rate. */
  refuseTooMuch(message: string, retryMs: number, about: Pick<ErrorLine, 'of' | 'ch'>): void
  /** A join has its answer. */
  handleJoinAnswered(): void
  /** A stay is over, because the client may no longer be there or because that cannot be decided now. */
  handleExpelled(address: string, error: TriwireError): void
}

/** Milliseconds before a presence set that could not be read is asked for again. */
const RETRY_MS = 1000

/** The stays. */
export class Stays {
  readonly #hub: Hub
  readonly #host: StaysHost
  readonly #readers = new Map<string, Reader>()
  #starting = 0
  // Most connections join once and are quiet afterwards: what is needed now and then is there only then.
  #joins: Pacer | undefined
  #turns: Map<string, Promise<void>> | undefined
  /** Channels that are on their way in: they count, so that one batch cannot bring more than may be held. */
  #entering: Set<string> | undefined
  #missedPresence: Set<Reader> | undefined

  constructor(hub: Hub, host: StaysHost) {
    this.#hub = hub
    this.#host = host
  }

  /** Whether joins are under way; a poll waits for them. */
  get starting(): boolean {
    return this.#starting > 0
  }

  /** Resolves when the joins and leaves of a channel that came so far are done. */
  async settled(address: string): Promise<void> {
    await this.#turns?.get(address)
  }

  /**
   * Answers a join.
   * @param opening whether it came with `hello`: the first join of each channel there is bounded by their number alone
   */
  async handleJoin(line: JoinLine, opening: boolean): Promise<void> {
    const isAgain = this.#readers.has(line.ch) || this.#turns?.has(line.ch) === true
    const waitMs = opening && !isAgain ? 0 : this.#takeJoin(Date.now())
    if (waitMs > 0) {
      this.#host.refuseTooMuch('Channels change too fast.', waitMs, { of: 'join', ch: line.ch })
      return
    }
    // Counted before its turn comes: a poll waits for the joins it came with.
    this.#starting++
    await this.#inTurn(line.ch, () => this.#tryJoin(line))
  }

  async handleLeave(address: string): Promise<void> {
    await this.#inTurn(address, async () => this.#leave(address))
  }

  /**
   * Lets the client into a channel; resolves when it stands at the head or its connection is congested.
   * @throws TriwireError where it may not or cannot
   */
  async join(line: JoinLine): Promise<void> {
    const hub = this.#hub
    const host = this.#host
    const resolved = hub.app.resolve(line.ch)
    const after = line.after === undefined ? undefined : parseCursor(line.after)
    const have = line.have === undefined ? undefined : parseCursor(line.have)
    const isNew = !this.#readers.has(line.ch) && this.#entering?.has(line.ch) !== true
    if (isNew && this.#readers.size + (this.#entering?.size ?? 0) >= hub.limits.channels) {
      throw new TriwireError('too_many_channels', `A connection holds at most ${hub.limits.channels} channels.`)
    }
    if (isNew) {
      this.#entering ??= new Set()
      this.#entering.add(line.ch)
    }
    let channel: LiveChannel
    try {
      channel = await this.#enter(resolved)
    } finally {
      if (isNew) this.#entering?.delete(line.ch)
      if (this.#entering?.size === 0) this.#entering = undefined
    }
    if (host.ended) {
      hub.releaseChannel(resolved)
      return
    }
    this.#leave(line.ch)
    const reader = this.#createReader(channel, line.pres !== undefined)
    await reader.start({
      number: line.j,
      after,
      have,
      tail: line.tail ?? 0,
      snapshot: line.snap === true ? this.#snapshotOf(resolved) : undefined,
      fresh: line.fresh === true,
    })
    if (reader.wantsPresence && !reader.closed) {
      if (host.congested) this.presenceMissed(reader)
      else await this.#sendPresence(reader, line.pres ?? '')
    }
  }

  /** The stays that have an answer to their join. */
  freeze(): FrozenStay[] {
    return [...this.#readers.values()].flatMap((reader) => {
      const stay = reader.freeze()
      if (stay === undefined) return []
      if (!reader.wantsPresence) return [stay]
      const version = reader.hearsPresence ? reader.channel.presenceVersion : undefined
      return [{ ...stay, presence: version ?? '' }]
    })
  }

  /**
   * Goes on with a stay from before the process slept; resolves when whatever the channel gets from now on reaches it. What
   * the client may do was decided then; notices that came since have woken the process.
   */
  async revive(stay: FrozenStay): Promise<void> {
    const { address } = stay
    try {
      const resolved = this.#hub.app.resolve(address)
      const channel = await this.#hub.openChannel(resolved)
      const reader = this.#createReader(channel, stay.presence !== undefined)
      void this.#goOn(reader, stay)
    } catch (error) {
      this.#refuse(address, asTriwireError(error))
    }
  }

  /** Asks again whether the client may be in a channel; what it may not see any more ends. */
  async reauthorize(reader: Reader): Promise<void> {
    const { resolved, address } = reader.channel
    try {
      await this.#hub.app.authorize(resolved, this.#host.speaker.identity, 'join')
    } catch (error) {
      if (reader.closed) return
      const refusal = asTriwireError(error)
      this.#refuse(address, refusal)
      this.#host.handleExpelled(address, refusal)
    }
  }

  presenceMissed(reader: Reader): void {
    this.#missedPresence ??= new Set()
    this.#missedPresence.add(reader)
    if (!this.#host.congested) void this.#sendMissedPresence()
  }

  /** The connection has drained. */
  handleDrain(): void {
    void this.#sendMissedPresence()
    for (const reader of this.#readers.values()) reader.handleDrain()
  }

  /** Leaves every channel. */
  close(): void {
    for (const address of [...this.#readers.keys()]) this.#leave(address)
  }

  #createReader(channel: LiveChannel, wantsPresence: boolean): Reader {
    const { broker, limits } = this.#hub
    const { address, resolved } = channel
    const wants = wantsPresence && resolved.channel.presence !== undefined
    const reader = new Reader(channel, this.#host, { broker, limits, wantsPresence: wants })
    this.#readers.set(address, reader)
    channel.readers.add(reader)
    return reader
  }

  async #goOn(reader: Reader, stay: FrozenStay): Promise<void> {
    await reader.revive(stay, stay.snapshot ? this.#snapshotOf(reader.channel.resolved) : undefined)
    if (!reader.wantsPresence || reader.closed) return
    if (this.#host.congested) this.presenceMissed(reader)
    else await this.#sendPresence(reader, stay.presence ?? '')
  }

  #snapshotOf(resolved: ResolvedChannel): TakeSnapshot | undefined {
    return this.#hub.app.snapshotOf(resolved, () => this.#host.speaker.identity)
  }

  async #tryJoin(line: JoinLine): Promise<void> {
    try {
      await this.join(line)
    } catch (error) {
      if (!(error instanceof TriwireError)) this.#hub.logger.error({ err: error }, 'a join failed')
      this.#refuse(line.ch, asTriwireError(error))
    } finally {
      this.#starting--
      this.#host.handleJoinAnswered()
    }
  }

  /**
   * Asks the app and opens the channel. What was decided before a notice came may no longer hold, so the app is asked
   * again: from here on the reader hears of notices itself.
   */
  async #enter(resolved: ResolvedChannel): Promise<LiveChannel> {
    const { app, control } = this.#hub
    let channel: LiveChannel | undefined
    try {
      for (;;) {
        const { revision } = control
        await app.authorize(resolved, this.#host.speaker.identity, 'join')
        channel ??= await this.#hub.openChannel(resolved, this.#host.speaker.identity.principal)
        if (revision === control.revision) return channel
      }
    } catch (error) {
      if (channel !== undefined) this.#hub.releaseChannel(resolved)
      throw error
    }
  }

  /** Leaves a channel and says why: for good, or until the client asks again. */
  #refuse(address: string, refusal: TriwireError): void {
    this.#leave(address)
    if (retryFor(refusal.code, 0, refusal.retryMs) !== undefined)
      this.#host.writeError(refusal, { of: 'join', ch: address })
    else this.#host.write(encodeLine({ t: 'end', ch: address, code: refusal.code, msg: refusal.message }))
  }

  #leave(address: string): void {
    const reader = this.#readers.get(address)
    if (reader === undefined) return
    this.#readers.delete(address)
    this.#missedPresence?.delete(reader)
    reader.close()
    this.#host.forgetLossy(`${address} `)
    this.#hub.releaseChannel(reader.channel.resolved)
  }

  async #inTurn(address: string, handle: () => Promise<void>): Promise<void> {
    this.#turns ??= new Map()
    const before = this.#turns.get(address)
    const turn = before === undefined ? handle() : before.then(handle)
    this.#turns.set(address, turn)
    await turn
    if (this.#turns?.get(address) === turn) this.#turns.delete(address)
    if (this.#turns?.size === 0) this.#turns = undefined
  }

  /** Takes one join's worth of the rate; returns the milliseconds to wait where there is none. */
  #takeJoin(now: number): number {
    const { channels } = this.#hub.limits
    // A page may change its whole set of channels at once, but not all the time.
    this.#joins ??= new Pacer(Math.max(10, channels / 4), channels * 2, now)
    return this.#joins.take(now) ? 0 : this.#joins.waitMs(now)
  }

  async #sendMissedPresence(): Promise<void> {
    for (const reader of this.#missedPresence ?? []) {
      // A set may be long: what is left comes when these have been taken.
      if (this.#host.congested) return
      this.#missedPresence?.delete(reader)
      await this.#sendPresence(reader, '')
    }
  }

  async #sendPresence(reader: Reader, version: string): Promise<void> {
    try {
      await reader.channel.tellPresence(version, (line) => {
        if (reader.closed) return
        reader.hearsPresence = true
        if (line !== undefined) this.#host.write(line)
      })
    } catch (err) {
      this.#hub.logger.warn({ err }, 'the presence set could not be read')
      this.#hub.wheel.schedule(RETRY_MS, () => {
        if (!reader.closed) this.presenceMissed(reader)
      })
    }
  }
}
