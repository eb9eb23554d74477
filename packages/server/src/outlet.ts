/**
 * What waits to be written to one connection. Lines are collected and written once per turn (turn.ts); of a turn that says
 * more than the limit, whatever reaches it is written at once, so that the host can say whether the client keeps up. When
 * the host has more bytes waiting than the limit, the outlet is congested: answers still go out (the inbound rate bounds
 * them), readers stop, and of lossy lines the newest per slot is kept. Memory per connection is bounded by the limit,
 * however slow the client. Where the host cannot tell what it has waiting, the client does (marks.ts).
 */
import { encodeLine } from '@triwire/protocol'
import { type Batch, type Framing, frame } from './batch.ts'
import { Chunk } from './chunk.ts'
import type { Marks } from './marks.ts'
import type { Sink } from './sink.ts'
import type { Turn, TurnMember } from './turn.ts'

/** Lossy lines kept for a congested connection, as long as they do not exceed its limit of bytes. */
const MAX_LOSSY = 256

/** What an outlet needs of its attachment. */
export interface OutletHost {
  /** A turn is over in which something was written: decides whether to `flush`. */
  handleTurn(): void
  /** The congestion is over. */
  handleDrained(): void
  /** For hosts that cannot tell what they have waiting. Undefined: there, whatever is written counts as taken. */
  createMarks(): Marks | undefined
}

/** What an outlet is made of. */
export interface OutletOptions {
  readonly turn: Turn
  readonly host: OutletHost
  readonly framing: Framing
  /** Bytes beyond which the connection counts as congested. */
  readonly limitBytes: number
  /** Whether all of it is one answer, which goes out when it is complete. */
  readonly whole: boolean
}

/** The outlet. */
export class Outlet implements TurnMember {
  readonly #options: OutletOptions
  #lossy: Map<string, string> | undefined
  #sink: Sink | undefined
  #marks: Marks | undefined
  /** Undefined where nothing waits. */
  #batch: Batch | undefined
  #lossyBytes = 0
  #scheduled = false
  #congested = false
  #closed = false

  constructor(options: OutletOptions) {
    this.#options = options
  }

  get congested(): boolean {
    return this.#congested
  }

  /**
   * Whether more is on its way already than the limit, so that not even answers should be added. Some hosts hand over all
   * that has arrived in one turn, however much, so what waits for the end of the turn goes to the host before it is asked.
   */
  overflows(): boolean {
    if (this.#waitingBytes > this.#options.limitBytes) this.#handOver()
    return this.#load() > 1
  }

  /** Bytes the host has not taken; 0 where it cannot tell. */
  get bufferedBytes(): number {
    return this.#sink?.buffered() ?? 0
  }

  /** Gives the outlet its connection; what was written before goes out in this turn. */
  open(sink: Sink): void {
    this.#sink = sink
    if (sink.buffered() === undefined) this.#marks = this.#options.host.createMarks()
    if (this.#batch !== undefined) this.#schedule()
  }

  /** Writes a line that nobody else gets. */
  write(line: string): void {
    if (!this.#closed) this.#wait((this.#batch ?? this.#options.turn.start).withOwn(line))
  }

  /** Writes a line that others get as well. */
  writeShared(line: string): void {
    if (!this.#closed) this.#wait((this.#batch ?? this.#options.turn.start).withShared(line))
  }

  /** Writes a line that may be lost: while congested, only the newest of a slot is kept. */
  writeLossy(line: string, slot: string): void {
    if (!this.#congested) {
      this.writeShared(line)
      return
    }
    this.#forget(slot)
    this.#lossy ??= new Map()
    this.#lossy.set(slot, line)
    this.#lossyBytes += line.length
    for (const oldest of this.#lossy.keys()) {
      if (this.#lossy.size <= MAX_LOSSY && this.#lossyBytes <= this.#options.limitBytes) break
      this.#forget(oldest)
    }
  }

  /** Forgets the lossy lines whose slot begins so. */
  forgetLossy(prefix: string): void {
    for (const slot of this.#lossy?.keys() ?? []) if (slot.startsWith(prefix)) this.#forget(slot)
  }

  /** Hands everything to the host now. */
  flush(): void {
    if (this.#sink === undefined || (this.#batch === undefined && !this.#congested)) return
    this.#handOver()
    if (this.#load() > 1) this.#congested = true
    else this.#drained()
  }

  #handOver(): void {
    const sink = this.#sink
    const batch = this.#batch
    if (sink === undefined || batch === undefined) return
    this.#batch = undefined
    const { framing } = this.#options
    const chunk = batch.framed(framing)
    sink.write(chunk)
    const mark = this.#marks?.handleWritten(chunk.text.length)
    if (mark !== undefined) sink.write(new Chunk(frame([encodeLine({ t: 'mark', n: mark })], framing)))
  }

  /** The host has taken something. */
  handleDrain(): void {
    if (this.#congested && this.#load() <= 1 / 2) this.#drained()
  }

  /** The client has answered a mark. False where it was none of this connection. */
  handleSeen(mark: number): boolean {
    if (this.#marks?.handleSeen(mark) !== true) return false
    this.handleDrain()
    return true
  }

  /** Forgets what waits; nothing is written any more. */
  close(): void {
    this.#closed = true
    this.#marks?.close()
    this.#batch = undefined
    this.#takeLossy()
  }

  /** The turn in which something was written is over. */
  handleTurn(): void {
    this.#scheduled = false
    if (!this.#closed) this.#options.host.handleTurn()
  }

  get #waitingBytes(): number {
    return this.#batch?.length ?? 0
  }

  #wait(batch: Batch): void {
    this.#batch = batch
    const { limitBytes, whole } = this.#options
    const marks = this.#marks
    if (marks !== undefined && marks.load(batch.length) > 1) this.#congested = true
    else if (batch.length > limitBytes) {
      if (!whole) this.#handOver()
      // What the host has taken by now waits for nothing.
      if (this.#waitingBytes > 0 || this.#load() > 1) this.#congested = true
    }
    this.#schedule()
  }

  #forget(slot: string): void {
    this.#lossyBytes -= this.#lossy?.get(slot)?.length ?? 0
    this.#lossy?.delete(slot)
  }

  #takeLossy(): Iterable<string> {
    const lines = this.#lossy?.values() ?? []
    this.#lossy = undefined
    this.#lossyBytes = 0
    return lines
  }

  /** What has been written and not been taken, as a part of what may be. */
  #load(): number {
    const buffered = this.#sink?.buffered()
    return buffered === undefined ? (this.#marks?.load() ?? 0) : buffered / this.#options.limitBytes
  }

  #schedule(): void {
    if (this.#scheduled || this.#sink === undefined) return
    this.#scheduled = true
    this.#options.turn.join(this)
  }

  #drained(): void {
    if (!this.#congested) return
    this.#congested = false
    for (const line of this.#takeLossy()) this.write(line)
    this.#options.host.handleDrained()
  }
}
