/**
 * What makes an append happen once: the producers' last sequence numbers with the answers they got, and the keys of
 * events that commands emitted. Both forget after the dedupe window, and the oldest first beyond their bounds.
 */
import type { Cursor } from '@triwire/protocol'
import { AgingMap } from './aging-map.ts'
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
  /** In the order of their last use. */
  readonly #records = new AgingMap<ProducerRecord>()
  readonly #limits: MemoryBrokerLimits

  constructor(limits: MemoryBrokerLimits) {
    this.#limits = limits
  }

  get isEmpty(): boolean {
    return this.#records.size === 0
  }

  /** When the first record may be forgotten; Infinity where there is none. */
  get nextExpiryAt(): number {
    const oldest = this.#records.oldest
    return oldest === undefined ? Number.POSITIVE_INFINITY : oldest.value.usedAt + this.#limits.dedupeMs
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
    if (this.#records.size > this.#limits.producers) deleteOldest(this.#records)
  }

  expire(now: number): void {
    const usedAt = now - this.#limits.dedupeMs
    for (let next = this.#records.oldest; next && next.value.usedAt <= usedAt; next = this.#records.oldest)
      this.#records.delete(next.key)
  }

  #use(id: string, record: ProducerRecord, now: number): void {
    record.usedAt = now
    this.#records.set(id, record)
  }
}

/** The `once` keys of one channel. */
export class MemoryOnceKeys {
  readonly #keys = new AgingMap<{ readonly cursor: Cursor; readonly expiresAt: number }>()
  readonly #limits: MemoryBrokerLimits

  constructor(limits: MemoryBrokerLimits) {
    this.#limits = limits
  }

  get isEmpty(): boolean {
    return this.#keys.size === 0
  }

  /** When the first key may be forgotten; Infinity where there is none. */
  get nextExpiryAt(): number {
    return this.#keys.oldest?.value.expiresAt ?? Number.POSITIVE_INFINITY
  }

  /** Where the event of this key lies; undefined where there is none yet. */
  find(key: string, now: number): Cursor | undefined {
    this.expire(now)
    return this.#keys.get(key)?.cursor
  }

  record(key: string, cursor: Cursor, now: number): void {
    this.#keys.set(key, { cursor, expiresAt: now + this.#limits.dedupeMs })
    if (this.#keys.size > this.#limits.onceKeys) deleteOldest(this.#keys)
  }

  expire(now: number): void {
    for (let next = this.#keys.oldest; next && next.value.expiresAt <= now; next = this.#keys.oldest)
      this.#keys.delete(next.key)
  }
}

/** Answers per producer that can be repeated word for word: more than a client keeps on its way at a time. */
const REMEMBERED_ANSWERS = 128

function deleteOldest(map: AgingMap<unknown>): void {
  const { oldest } = map
  if (oldest !== undefined) map.delete(oldest.key)
}
