/**
 * What waits to be written to one connection. Lines are collected and written once per turn of the event loop: a burst
 * of events costs one system call, not one each. When the host has more bytes waiting than the limit, the outlet is
 * congested: answers still go out (the inbound rate bounds them), readers stop, and of lossy lines the newest per slot
 * is kept. Memory per connection is bounded by the limit, however slow the client.
 */
import { encodeBatch } from '@triwire/protocol'
import { defer } from './defer.ts'
import type { Sink } from './sink.ts'
import { frameSse } from './sse-frame.ts'

/** Lossy lines kept for a congested connection. */
const MAX_LOSSY = 256

/** How lines become text: joined by newlines, or as server-sent events, with or without cursors as event ids. */
export type Framing = 'batch' | 'sse' | 'sse-with-ids'

/** What an outlet is made of. */
export interface OutletOptions {
  readonly framing: Framing
  /** Bytes beyond which the connection counts as congested. */
  readonly limitBytes: number
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
  #scheduled = false
  #congested = false
  #closed = false

  constructor(options: OutletOptions) {
    this.#options = options
  }

  get congested(): boolean {
    return this.#congested
  }

  /** Whether the host itself has more waiting than the limit, so that not even answers should be added. */
  get overflowing(): boolean {
    return (this.#sink?.buffered() ?? 0) > this.#options.limitBytes
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
    if (this.#bytes > this.#options.limitBytes) this.#congested = true
    this.#schedule()
  }

  /** Writes a line that may be lost: while congested, only the newest of a slot is kept. */
  writeLossy(line: string, slot: string): void {
    if (!this.#congested) {
      this.write(line)
      return
    }
    this.#lossy.delete(slot)
    this.#lossy.set(slot, line)
    if (this.#lossy.size > MAX_LOSSY) this.#lossy.delete(this.#lossy.keys().next().value as string)
  }

  /** Hands everything to the host now. */
  flush(): void {
    const sink = this.#sink
    if (sink === undefined || this.#lines.length === 0) return
    const lines = this.#lines
    this.#lines = []
    this.#bytes = 0
    const { framing } = this.#options
    sink.write(
      framing === 'batch'
        ? encodeBatch(lines)
        : lines.map((line) => frameSse(line, framing === 'sse-with-ids')).join(''),
    )
    if (this.overflowing) this.#congested = true
    else this.#drained()
  }

  /** The host has taken something. */
  handleDrain(): void {
    if (this.#congested && (this.#sink?.buffered() ?? 0) <= this.#options.limitBytes / 2) this.#drained()
  }

  /** Forgets what waits; nothing is written any more. */
  close(): void {
    this.#closed = true
    this.#lines = []
    this.#lossy.clear()
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
    const lossy = [...this.#lossy.values()]
    this.#lossy.clear()
    for (const line of lossy) this.write(line)
    this.#options.onDrained()
  }
}
