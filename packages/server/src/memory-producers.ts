/**
 * What makes an append happen once: the producers' last sequence numbers with the answers they got, and the keys of
 * events that commands emitted. Both forget after the dedupe window, and the oldest first beyond their bounds.
 */
import type { Cursor } from '@triwire/protocol'
import type { AppendOutcome, Producer } from './broker.ts'
import type { MemoryBrokerLimits } from './memory-limits.ts'

interface ProducerRecord {
  last: number
  usedAt: number
  /** What a repetition is answered, at `sequence % REMEMBERED_ANSWERS`. */
  readonly answers: ({ readonly sequence: number; readonly outcome: AppendOutcome } | undefined)[]
}

/** The producers of one channel. */
export class MemoryProducers {
  /** In the order of their last use, so that the first is the one to forget. */
  readonly #records = new Map<string, ProducerRecord>()
  readonly #limits: MemoryBrokerLimits

  constructor(limits: MemoryBrokerLimits) {
    this.#limits = limits
  }

  get isEmpty(): boolean {
    return this.#records.size === 0
  }

  /** When the first record may be forgotten; Infinity where there is none. */
  get nextExpiryAt(): number {
    for (const record of this.#records.values()) return record.usedAt + this.#limits.dedupeMs
    return Number.POSITIVE_INFINITY
  }

  /** The answer to a sequence that is not the next one; undefined where it is, and may be recorded. */
  check(producer: Producer, now: number): AppendOutcome | undefined {
    this.expire(now)
    const record = this.#records.get(producer.id)
    // The lowest sequence without an answer is never a gap: whatever lies before it is settled for the producer.
    const expected = record === undefined ? producer.lowest : Math.max(record.last + 1, producer.lowest)
    if (record !== undefined) this.#use(producer.id, record, now)
    if (producer.sequence === expected) return undefined
    if (record === undefined || producer.sequence > record.last) return { status: 'sequence_gap', expected }
    const answer = record.answers[producer.sequence % REMEMBERED_ANSWERS]
    return answer?.sequence === producer.sequence ? answer.outcome : { status: 'duplicate', cursor: undefined }
  }

  /** Uses up the next sequence. `outcome` is what a repetition of it will be answered. */
  record({ id, sequence }: Producer, outcome: AppendOutcome, now: number): void {
    const record = this.#records.get(id) ?? { last: sequence, usedAt: now, answers: [] }
    record.last = sequence
    record.answers[sequence % REMEMBERED_ANSWERS] = { sequence, outcome }
    this.#use(id, record, now)
    if (this.#records.size > this.#limits.producers) deleteFirst(this.#records)
  }

  expire(now: number): void {
    for (const [id, record] of this.#records) {
      if (now - record.usedAt < this.#limits.dedupeMs) break
      this.#records.delete(id)
    }
  }

  #use(id: string, record: ProducerRecord, now: number): void {
    record.usedAt = now
    this.#records.delete(id)
    this.#records.set(id, record)
  }
}

/** The `once` keys of one channel. */
export class MemoryOnceKeys {
  readonly #keys = new Map<string, { readonly cursor: Cursor; readonly expiresAt: number }>()
  readonly #limits: MemoryBrokerLimits

  constructor(limits: MemoryBrokerLimits) {
    this.#limits = limits
  }

  get isEmpty(): boolean {
    return this.#keys.size === 0
  }

  /** When the first key may be forgotten; Infinity where there is none. */
  get nextExpiryAt(): number {
    for (const { expiresAt } of this.#keys.values()) return expiresAt
    return Number.POSITIVE_INFINITY
  }

  /** Where the event of this key lies; undefined where there is none yet. */
  find(key: string, now: number): Cursor | undefined {
    this.expire(now)
    return this.#keys.get(key)?.cursor
  }

  record(key: string, cursor: Cursor, now: number): void {
    this.#keys.set(key, { cursor, expiresAt: now + this.#limits.dedupeMs })
    if (this.#keys.size > this.#limits.onceKeys) deleteFirst(this.#keys)
  }

  expire(now: number): void {
    for (const [key, { expiresAt }] of this.#keys) {
      if (expiresAt > now) break
      this.#keys.delete(key)
    }
  }
}

/** Answers per producer that can be repeated word for word: more than a client keeps on its way at a time. */
const REMEMBERED_ANSWERS = 128

function deleteFirst(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key)
    return
  }
}
