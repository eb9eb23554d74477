/**
 * What a session has written and has no answer for: publishes and commands, kept until the server answers,
 * resent under the same identity over every reconnect, and failed with a code when a bound is reached.
 *
 * Bounded twice: 1,000 entries or 1 MiB, and four minutes of age. Four, because servers remember identities for
 * five: an entry that was sent once and is resent later than that could take effect twice.
 */
import { utf8Length } from './codec.ts'
import { TriwireError } from './codes.ts'
import { DEFAULT_WIRE_LIMITS, MAX_JSON_DEPTH } from './limits.ts'
import type { CommandLine, PublishLine } from './line.ts'
import type { Pacer } from './pacer.ts'

/** Bounds of an outbox. */
export interface OutboxOptions {
  /** Entries at most. Default 1,000. */
  readonly entries?: number | undefined
  /** Bytes of lines at most. Default 1,048,576. */
  readonly bytes?: number | undefined
  /** Milliseconds an entry waits for its answer. Default 240,000; must stay below the servers' dedupe window. */
  readonly deadlineMs?: number | undefined
}

/** A line to write now. Commands may travel apart from the rest; everything else keeps its order. */
export interface OutgoingLine {
  readonly text: string
  readonly lane: 'ordered' | 'command'
}

/** An entry that will get no better answer. */
export interface Failure {
  readonly key: string
  readonly error: TriwireError
}

interface Entry {
  readonly key: string
  /** What must keep its order: a channel's publishes; a command is alone in its lane. */
  readonly lane: string
  /** The publish's number; 0 for commands. */
  readonly sequence: number
  readonly text: string
  readonly bytes: number
  readonly deadline: number
  /** When it is to be written: 0 at once, Infinity when it has been. */
  dueAt: number
  /** Times it was written to this wire without an answer so far. */
  writings: number
}

/** The queue. Entries are named by `key`: `p <channel> <n>` or `c <id>`. */
export class Outbox {
  readonly #entries = new Map<string, Entry>()
  readonly #sequences = new Map<string, number>()
  readonly #options: OutboxOptions
  #bytes = 0
  #nextCommand = 1

  constructor(options: OutboxOptions = {}) {
    this.#options = options
  }

  /** Entries without an answer. */
  get size(): number {
    return this.#entries.size
  }

  /** Bytes of lines without an answer. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Queues a publish; returns its key.
   * @throws TriwireError `queue_full`, `bad_payload`, `line_too_large`
   */
  publish(channel: string, event: string, data: unknown, now: number): string {
    const sequence = (this.#sequences.get(channel) ?? 0) + 1
    const key = publishKey(channel, sequence)
    this.#add(key, channel, sequence, { t: 'pub', ch: channel, n: sequence, e: event, d: data }, now)
    this.#sequences.set(channel, sequence)
    return key
  }

  /**
   * Queues a command; returns its key. The call's id is the key without its first two characters.
   * @throws TriwireError `queue_full`, `bad_payload`, `line_too_large`
   */
  command(channel: string, name: string, input: unknown, now: number): string {
    const id = (this.#nextCommand++).toString(36)
    const key = commandKey(id)
    this.#add(key, key, 0, { t: 'cmd', ch: channel, id, c: name, d: input }, now)
    return key
  }

  /** An answer came: the entry is done. False when there is no such entry (any more). */
  settle(key: string): boolean {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0
    return this.#entries.delete(key)
  }

  /**
   * A refusal came. With `retryMs` the entry (and for publishes everything behind it in its channel) is written again
   * after so long; without, it is done. Returns whether it is done.
   * @param want for `sequence_gap`: the number to begin again at
   */
  refuse(key: string, retryMs: number | undefined, now: number, want?: number): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined || retryMs === undefined) return this.settle(key)
    // It was written again meanwhile: that writing has an answer of its own. Without this, a hundred publishes behind
    // one that was refused would each have all of them written again.
    if (--entry.writings > 0) return false
    const from = Math.min(want ?? entry.sequence, entry.sequence)
    for (const other of this.#entries.values())
      if (other.lane === entry.lane && other.sequence >= from) other.dueAt = now + retryMs
    return false
  }

  /** The wire is gone: what has no answer is written again on the next one. */
  handleDetached(): void {
    for (const entry of this.#entries.values()) entry.dueAt = entry.writings = 0
  }

  /** Hands out what may be written now, in order. A lane's entries never overtake each other. */
  takeLines(now: number, pacer: Pacer): OutgoingLine[] {
    const lines: OutgoingLine[] = []
    const lowest = new Map<string, number>()
    for (const entry of this.#unwritten(now, lowest)) {
      if (entry.dueAt > now) continue
      if (!pacer.take(now)) break
      entry.dueAt = Number.POSITIVE_INFINITY
      entry.writings++
      const { sequence, text } = entry
      const lo = lowest.get(entry.lane)
      // The lowest number without an answer, where it is another one: see PROTOCOL.md §4.
      const line = lo === sequence ? text : text.replace(`"n":${sequence},`, `"n":${sequence},"lo":${lo},`)
      lines.push({ text: line, lane: sequence === 0 ? 'command' : 'ordered' })
    }
    return lines
  }

  /** Hands out the entries whose deadline has passed, as failed. */
  takeExpired(now: number, reason?: TriwireError): Failure[] {
    const expired = [...this.#entries.values()].filter(({ deadline }) => deadline <= now)
    return expired.map(({ key }) => {
      this.settle(key)
      return { key, error: reason ?? new TriwireError('deadline', DEADLINE) }
    })
  }

  /**
   * When `takeLines` or `takeExpired` has something next; Infinity when never by itself.
   * @param pacer of the wire; without one nothing can be written, and so only `takeExpired` is looked at
   */
  deadline(now: number, pacer: Pacer | undefined): number {
    // Entries are in order of age.
    const [oldest] = this.#entries.values()
    let next = oldest?.deadline ?? Number.POSITIVE_INFINITY
    if (pacer)
      for (const { dueAt } of this.#unwritten(now)) next = Math.min(next, Math.max(dueAt, now + pacer.waitMs(now)))
    return next
  }

  /** Entries to be written, without those behind one that has to wait. */
  *#unwritten(now: number, lowest: Map<string, number> = new Map()): Generator<Entry> {
    const blocked = new Set<string>()
    for (const entry of this.#entries.values()) {
      const { lane, sequence, dueAt } = entry
      if (!lowest.has(lane)) lowest.set(lane, sequence)
      if (dueAt === Number.POSITIVE_INFINITY || blocked.has(lane)) continue
      if (dueAt > now) blocked.add(lane)
      yield entry
    }
  }

  #add(key: string, lane: string, sequence: number, line: PublishLine | CommandLine, now: number): void {
    const { entries = 1000, bytes: maxBytes = 1024 * 1024, deadlineMs = 240_000 } = this.#options
    if (!WRITABLE.test(typeof line.d) || nestsDeeper(line, MAX_JSON_DEPTH))
      throw new TriwireError('bad_payload', `A payload is JSON of ${MAX_JSON_DEPTH} levels. Use null for nothing.`)
    const text = JSON.stringify(line)
    const bytes = utf8Length(text)
    if (bytes > DEFAULT_WIRE_LIMITS.line)
      throw new TriwireError('line_too_large', `Over ${DEFAULT_WIRE_LIMITS.line} bytes. Send a reference instead.`)
    if (this.#entries.size >= entries || this.#bytes + bytes > maxBytes)
      throw new TriwireError('queue_full', 'Too many messages wait. Await some of them.')
    this.#entries.set(key, { key, lane, sequence, text, bytes, deadline: now + deadlineMs, dueAt: 0, writings: 0 })
    this.#bytes += bytes
  }
}

const DEADLINE = 'No answer in time. It may have taken effect: look before you retry.'

/** The outbox key of a publish. */
export function publishKey(channel: string, sequence: number): string {
  return `p ${channel} ${sequence}`
}

/** The outbox key of a command. */
export function commandKey(id: string): string {
  return `c ${id}`
}

/** Types that JSON has a form for. */
const WRITABLE = /^(?:object|string|number|boolean)$/

/** Whether a value nests deeper than so many levels; servers would refuse it, and it would block its lane. */
function nestsDeeper(value: unknown, levels: number): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    (levels === 0 || Object.values(value).some((part) => nestsDeeper(part, levels - 1)))
  )
}
