/**
 * What waits to be written to one connection. Lines are collected and written once per turn of the event loop: a burst
 * of events costs one system call, not one each. When the host has more bytes waiting than the limit, the outlet is
 * congested: answers still go out (the inbound rate bounds them), readers stop, and of lossy lines the newest per slot
 * is kept. Memory per connection is bounded by the limit, however slow the client. Where the host cannot tell what it has
 * waiting, the client does (marks.ts).
 */
import { encodeBatch, encodeLine } from '@triwire/protocol'
import { defer } from './defer.ts'
import type { Marks } from './marks.ts'
import type { Sink } from './sink.ts'
import { frameSse } from './sse-frame.ts'

/** Lossy lines kept for a congested connection, as long as they do not exceed its limit of bytes. */
const MAX_LOSSY = 256

/** How lines become text: joined by newlines, or as server-sent events, with or without cursors as event ids. */
export type Framing = 'batch' | 'sse' | 'sse-with-ids'

/** What an outlet is made of. */
export interface OutletOptions {
  readonly framing: Framing
  /** Bytes beyond which the connection counts as congested. */
  readonly limitBytes: number
  /** For hosts that cannot tell. Left out: there, whatever is written counts as taken. */
  readonly marks?: Marks | undefined
  /** Called once per turn in which something was written; decides whether to `flush`. */
  readonly onTurn: () => void
  /** Called when the congestion is over. */
  readonly onDrained: () => void
}

/** The outlet. */
export class Outlet {
  readonly #options: OutletOptions
  readonly #lossy = new Map<string, string>()
  #sink: Sink | undefined
  #lines: string[] = []
  #bytes = 0
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
    if (this.#bytes > this.#options.limitBytes) this.#handOver()
    return this.#load() > 1
  }

  /** Bytes the host has not taken; 0 where it cannot tell. */
  get bufferedBytes(): number {
    return this.#sink?.buffered() ?? 0
  }

  /** Gives the outlet its connection; what was written before goes out in this turn. */
  open(sink: Sink): void {
    this.#sink = sink
    if (this.#lines.length > 0) this.#schedule()
  }

  write(line: string): void {
    if (this.#closed) return
    this.#lines.push(line)
    this.#bytes += line.length
    const { limitBytes, marks } = this.#options
    if (this.#bytes > limitBytes || (marks !== undefined && marks.load(this.#bytes) > 1)) this.#congested = true
    this.#schedule()
  }

  /** Writes a line that may be lost: while congested, only the newest of a slot is kept. */
  writeLossy(line: string, slot: string): void {
    if (!this.#congested) {
      this.write(line)
      return
    }
    this.#forget(slot)
    this.#lossy.set(slot, line)
    this.#lossyBytes += line.length
    for (const oldest of this.#lossy.keys()) {
      if (this.#lossy.size <= MAX_LOSSY && this.#lossyBytes <= this.#options.limitBytes) break
      this.#forget(oldest)
    }
  }

  /** Forgets the lossy lines whose slot begins so. */
  forgetLossy(prefix: string): void {
    for (const slot of this.#lossy.keys()) if (slot.startsWith(prefix)) this.#forget(slot)
  }

  /** Hands everything to the host now. */
  flush(): void {
    if (this.#sink === undefined || (this.#lines.length === 0 && !this.#congested)) return
    this.#handOver()
    if (this.#load() > 1) this.#congested = true
    else this.#drained()
  }

  #handOver(): void {
    const sink = this.#sink
    if (sink === undefined || this.#lines.length === 0) return
    const lines = this.#lines
    this.#lines = []
    this.#bytes = 0
    const text = this.#frame(lines)
    sink.write(text)
    const mark = sink.buffered() === undefined ? this.#options.marks?.handleWritten(text.length) : undefined
    if (mark !== undefined) sink.write(this.#frame([encodeLine({ t: 'mark', n: mark })]))
  }

  /** The host has taken something. */
  handleDrain(): void {
    if (this.#congested && this.#load() <= 1 / 2) this.#drained()
  }

  /** The client has answered a mark. False where it was none of this connection. */
  handleSeen(mark: number): boolean {
    if (this.#options.marks?.handleSeen(mark) !== true) return false
    this.handleDrain()
    return true
  }

  /** Forgets what waits; nothing is written any more. */
  close(): void {
    this.#closed = true
    this.#options.marks?.close()
    this.#lines = []
    this.#takeLossy()
  }

  #forget(slot: string): void {
    this.#lossyBytes -= this.#lossy.get(slot)?.length ?? 0
    this.#lossy.delete(slot)
  }

  #takeLossy(): string[] {
    const lines = [...this.#lossy.values()]
    this.#lossy.clear()
    this.#lossyBytes = 0
    return lines
  }

  /** What has been written and not been taken, as a part of what may be. */
  #load(): number {
    const { marks, limitBytes } = this.#options
    const buffered = this.#sink?.buffered()
    return buffered === undefined ? (marks?.load() ?? 0) : buffered / limitBytes
  }

  #frame(lines: readonly string[]): string {
    const { framing } = this.#options
    if (framing === 'batch') return encodeBatch(lines)
    return lines.map((line) => frameSse(line, framing === 'sse-with-ids')).join('')
  }

  #schedule(): void {
    if (this.#scheduled || this.#sink === undefined) return
    this.#scheduled = true
    defer(() => {
      this.#scheduled = false
      if (!this.#closed) this.#options.onTurn()
    })
  }

  #drained(): void {
    if (!this.#congested) return
    this.#congested = false
    for (const line of this.#takeLossy()) this.write(line)
    this.#options.onDrained()
  }
}
