/**
 * One life of a channel's log in memory: offsets 1, 2, 3 … under one epoch, trimmed from the front. Pure: the
 * time comes in as an argument, the tags come in with the entries.
 */
import { type Cursor, type History, startOf, utf8Length } from '@triwire/protocol'
import type { Append, LogEntry, ReadRequest, ReadResult } from './broker.ts'

interface Kept {
  readonly entry: LogEntry
  readonly bytes: number
  readonly appendedAt: number
}

/** The log. The history of the latest append decides what is kept. */
export class MemoryLog {
  /** Kept entries start at `#first`; the slots before it are empty and cut off now and then. */
  readonly #slots: (Kept | undefined)[] = []
  #first = 0
  #bytes = 0
  /** The position just before the first kept entry, with its tag: a reader that stands here has missed nothing. */
  #boundary: Cursor
  #head: Cursor
  #history: History | undefined

  constructor(epoch: string) {
    this.#boundary = startOf(epoch)
    this.#head = this.#boundary
  }

  /** The last position given out. */
  get head(): Cursor {
    return this.#head
  }

  get isEmpty(): boolean {
    return this.#length === 0
  }

  /** When the oldest entry reaches its age; Infinity where there is none. */
  get nextExpiryAt(): number {
    const oldest = this.#slots[this.#first]
    return oldest === undefined ? Number.POSITIVE_INFINITY : oldest.appendedAt + (this.#history?.ttlMs ?? 0)
  }

  append(event: Pick<Append, 'event' | 'data' | 'cause' | 'history'>, tag: string, now: number): LogEntry {
    const cursor: Cursor = { epoch: this.#head.epoch, offset: this.#head.offset + 1, tag }
    const entry: LogEntry = { cursor, prev: undefined, event: event.event, data: event.data, cause: event.cause }
    const bytes = utf8Length(event.data)
    this.#slots.push({ entry, bytes, appendedAt: now })
    this.#bytes += bytes
    this.#head = cursor
    this.#history = event.history
    this.trim(now)
    return entry
  }

  read(request: ReadRequest, now: number): ReadResult {
    this.trim(now)
    const { after, tail = 0, limit, bytes } = request
    if (after === undefined) return this.#page(Math.min(tail, this.#length), limit, bytes)
    if (after.epoch !== this.#head.epoch) return this.#gap('new_epoch', this.#boundary)
    if (after.offset < this.#boundary.offset) return this.#gap('trimmed', this.#boundary)
    // Where the pasts parted is unknown, and so is the first position that is whole for this reader.
    if (after.offset > this.#head.offset || after.tag !== this.#at(after.offset).tag)
      return this.#gap('lost_tail', undefined)
    return this.#page(this.#head.offset - after.offset, limit, bytes)
  }

  /** Drops what is beyond age, number or bytes. The newest entry goes by age only: it can be read at least once. */
  trim(now: number): void {
    if (this.#history === undefined) return
    const { keep, ttlMs, bytes } = this.#history
    for (;;) {
      const oldest = this.#slots[this.#first]
      if (oldest === undefined) break
      const isOver = this.#length > 1 && (this.#length > keep || this.#bytes > bytes)
      if (!isOver && now - oldest.appendedAt < ttlMs) break
      this.#slots[this.#first++] = undefined
      this.#bytes -= oldest.bytes
      this.#boundary = oldest.entry.cursor
    }
    if (this.#first >= MIN_CUT && this.#first * 2 >= this.#slots.length) {
      this.#slots.splice(0, this.#first)
      this.#first = 0
    }
  }

  get #length(): number {
    return this.#slots.length - this.#first
  }

  /** The cursor of a position that is known to lie between boundary and head. */
  #at(offset: number): Cursor {
    return this.#slots[this.#first + offset - this.#boundary.offset - 1]?.entry.cursor ?? this.#boundary
  }

  /** A page that begins `back` entries before the head. */
  #page(back: number, limit: number, maxBytes: number): ReadResult {
    const entries: LogEntry[] = []
    let bytes = 0
    for (let index = this.#slots.length - back; index < this.#slots.length && entries.length < limit; index++) {
      const kept = this.#slots[index] as Kept
      bytes += kept.bytes
      if (bytes > maxBytes && entries.length > 0) break
      entries.push(kept.entry)
    }
    return { status: 'page', entries, from: this.#at(this.#head.offset - back), head: this.#head }
  }

  #gap(reason: 'trimmed' | 'lost_tail' | 'new_epoch', next: Cursor | undefined): ReadResult {
    return { status: 'gap', reason, next, head: this.#head }
  }
}

/** Empty slots before cutting them off pays: each cut moves every kept entry. */
const MIN_CUT = 128
