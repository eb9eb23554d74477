/**
 * What a session has written and has no answer for: publishes and commands, kept until the server answers,
 * resent under the same identity over every reconnect, and failed with a code when a bound is reached.
 *
 * Bounded twice: 1,000 entries or 1 MiB, and four minutes of age. Four, because servers remember identities for
 * five: an entry that was sent once and is resent later than that could take effect twice.
 */

import { utf8Length } from './codec.ts'
import { adviceFor, TriwireError } from './codes.ts'
import type { Pacer } from './pacer.ts'

/** Bounds of an outbox. */
export interface OutboxOptions {
  /** Entries at most. Default 1,000. */
  readonly entries?: number
  /** Bytes of payload at most. Default 1,048,576. */
  readonly bytes?: number
  /** Milliseconds an entry waits for its answer. Default 240,000; must stay below the servers' dedupe window. */
  readonly deadlineMs?: number
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
  readonly channel: string
  /** The publish's number; undefined for commands. */
  readonly sequence: number | undefined
  /** The line around the place where `lo` goes, which depends on what is still unanswered when it is written. */
  readonly head: string
  readonly tail: string
  readonly bytes: number
  readonly deadline: number
  sent: boolean
  notBefore: number
}

/** The queue. Entries are named by `key`: `p <channel> <n>` or `c <id>`. */
export class Outbox {
  readonly #entries = new Map<string, Entry>()
  readonly #sequences = new Map<string, number>()
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #deadlineMs: number
  #bytes = 0
  #unsent = 0
  #nextCommand = 1

  constructor(options: OutboxOptions = {}) {
    this.#maxEntries = options.entries ?? 1000
    this.#maxBytes = options.bytes ?? 1024 * 1024
    this.#deadlineMs = options.deadlineMs ?? 240_000
  }

  /** Entries without an answer. */
  get size(): number {
    return this.#entries.size
  }

  /** Bytes of payload without an answer. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Queues a publish; returns its key.
   * @throws TriwireError `queue_full`
   */
  publish(channel: string, event: string, data: unknown, now: number): string {
    const sequence = (this.#sequences.get(channel) ?? 0) + 1
    const key = publishKey(channel, sequence)
    const head = JSON.stringify({ t: 'pub', ch: channel, n: sequence }).slice(0, -1)
    this.#add(key, channel, sequence, head, `,"e":${JSON.stringify(event)},"d":${encodePayload(data)}}`, now)
    this.#sequences.set(channel, sequence)
    return key
  }

  /**
   * Queues a command; returns its key. The call's id is the key without its first two characters.
   * @throws TriwireError `queue_full`
   */
  command(channel: string, name: string, input: unknown, now: number): string {
    const id = (this.#nextCommand++).toString(36)
    const key = commandKey(id)
    this.#add(
      key,
      channel,
      undefined,
      JSON.stringify({ t: 'cmd', ch: channel, id, c: name }).slice(0, -1),
      `,"d":${encodePayload(input)}}`,
      now,
    )
    return key
  }

  /** An answer came: the entry is done. False when there is no such entry (any more). */
  settle(key: string): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    this.#entries.delete(key)
    this.#bytes -= entry.bytes
    if (!entry.sent) this.#unsent--
    return true
  }

  /**
   * A refusal came. Where its code says retry, the entry (and for publishes everything behind it in its channel)
   * is written again after `retryMs`; otherwise it is done. Returns whether it is done.
   * @param want for `sequence_gap`: the number to begin again at
   */
  refuse(key: string, code: string, retryMs: number, now: number, want?: number): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    if (adviceFor(code) !== 'retry') return this.settle(key)
    const from = want ?? entry.sequence
    for (const other of this.#entries.values()) {
      const behind =
        other.channel === entry.channel &&
        other.sequence !== undefined &&
        from !== undefined &&
        other.sequence >= from
      if (other === entry || (entry.sequence !== undefined && behind)) this.#unsend(other, now + retryMs)
    }
    return false
  }

  /** The wire is gone: what has no answer is written again on the next one. */
  handleDetached(): void {
    for (const entry of this.#entries.values()) this.#unsend(entry, 0)
  }

  /** Hands out what may be written now, in order. A channel's publishes never overtake each other. */
  takeLines(now: number, pacer: Pacer): OutgoingLine[] {
    const lines: OutgoingLine[] = []
    if (this.#unsent === 0) return lines
    const lowest = new Map<string, number>()
    const waiting = new Set<string>()
    for (const entry of this.#entries.values()) {
      const { sequence, channel } = entry
      if (sequence !== undefined && !lowest.has(channel)) lowest.set(channel, sequence)
      if (entry.sent) continue
      if (sequence !== undefined && waiting.has(channel)) continue
      if (entry.notBefore > now || !pacer.take(now)) {
        if (sequence !== undefined) waiting.add(channel)
        if (entry.notBefore <= now) break
        continue
      }
      entry.sent = true
      this.#unsent--
      const lo = lowest.get(channel)
      const middle = sequence !== undefined && lo !== sequence ? `,"lo":${lo}` : ''
      lines.push({ text: entry.head + middle + entry.tail, lane: sequence === undefined ? 'command' : 'ordered' })
    }
    return lines
  }

  /** Hands out the entries whose deadline has passed. */
  takeExpired(now: number): Failure[] {
    const failures: Failure[] = []
    for (const entry of this.#entries.values()) {
      if (entry.deadline > now) break
      const message =
        'The server gave no answer in time. It may or may not have taken effect; look before you try again.'
      failures.push({ key: entry.key, error: new TriwireError('deadline', message) })
    }
    for (const { key } of failures) this.settle(key)
    return failures
  }

  /** When `takeLines` or `takeExpired` has something next; undefined when never by itself. */
  deadline(now: number, pacer: Pacer): number | undefined {
    let next: number | undefined
    const waiting = new Set<string>()
    for (const entry of this.#entries.values()) {
      // Entries are in order of age, so the first one's deadline is the earliest.
      next ??= entry.deadline
      const isPublish = entry.sequence !== undefined
      // A publish behind a waiting one waits with it, whatever its own time.
      if (entry.sent || (isPublish && waiting.has(entry.channel))) continue
      if (isPublish && entry.notBefore > now) waiting.add(entry.channel)
      next = Math.min(next, Math.max(entry.notBefore, now + pacer.waitMs(now)))
    }
    return next
  }

  #add(key: string, channel: string, sequence: number | undefined, head: string, tail: string, now: number): void {
    const bytes = utf8Length(head) + utf8Length(tail)
    if (this.#entries.size >= this.#maxEntries || this.#bytes + bytes > this.#maxBytes) {
      const what = `${this.#maxEntries} messages or ${this.#maxBytes} bytes`
      throw new TriwireError(
        'queue_full',
        `${what} already wait for the server. Slow down, or wait for earlier calls to resolve.`,
      )
    }
    this.#entries.set(key, {
      key,
      channel,
      sequence,
      head,
      tail,
      bytes,
      deadline: now + this.#deadlineMs,
      sent: false,
      notBefore: 0,
    })
    this.#bytes += bytes
    this.#unsent++
  }

  #unsend(entry: Entry, notBefore: number): void {
    if (entry.sent) this.#unsent++
    entry.sent = false
    entry.notBefore = notBefore
  }
}

/** The outbox key of a publish. */
export function publishKey(channel: string, sequence: number): string {
  return `p ${channel} ${sequence}`
}

/** The outbox key of a command. */
export function commandKey(id: string): string {
  return `c ${id}`
}

/**
 * A payload as JSON text.
 * @throws TypeError where the value has no JSON form
 */
function encodePayload(data: unknown): string {
  const text = JSON.stringify(data) as string | undefined
  if (text === undefined)
    throw new TypeError('A payload needs a JSON form; undefined and functions have none. Pass null instead.')
  return text
}
