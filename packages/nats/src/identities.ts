/**
 * What makes an append happen once: the producers' last sequences with the answers they got, and the keys of events that
 * commands emitted. A sequence is taken first; then its event is appended under an id that follows from it; then where it lies
 * is recorded. So whoever repeats it, also on another node because the first one died in between, repeats only the second
 * step, and the log takes an id once.
 */
import { createHash } from 'node:crypto'
import { type AppendOutcome, type Cursor, formatCursor, type Producer, parseCursor } from '@triwire/server'
import type { Clock } from './clock.ts'
import type { Names } from './names.ts'
import { nonce } from './nonce.ts'
import type { Operation } from './operation.ts'
import { type Records, readRecord } from './records.ts'

/** What a sequence or a key means for its append. */
export type Verdict =
  /** Append it under this id, or find out that it was. */
  | { readonly status: 'pending'; readonly id: string }
  /** There is an answer already. */
  | { readonly status: 'answered'; readonly outcome: AppendOutcome }

/**
 * What became of one sequence: `p` and the id of its event, which may be in the log or not; `d` and where it lies; `r` and the
 * code it was refused with.
 */
type Answer = readonly [sequence: number, status: 'p' | 'd' | 'r', value: string]

interface ProducerRecord {
  /** When the producer of that name was used last that was forgotten before this one; 0 where there was none. */
  readonly salt: number
  /** When it was used, by the server's clock. */
  readonly usedAt: number
  readonly last: number
  readonly answers: readonly Answer[]
}

/** Answers per producer that can be repeated word for word. */
const REMEMBERED_ANSWERS = 100
/** Those among them that the producer says it has: only what was overtaken asks for them, and each makes its record longer. */
const SETTLED_ANSWERS = 16
/** 132 bits. */
const ID_CHARACTERS = 22
/** The part of the window by which the note of a producer's last use may be late: not every repetition is worth a write. */
const LATE = 16

/** The producers and keys of one broker. */
export class Identities {
  readonly #records: Records
  readonly #names: Names
  readonly #clock: Clock
  readonly #dedupeMs: number

  constructor(records: Records, names: Names, clock: Clock, dedupeMs: number) {
    this.#records = records
    this.#names = names
    this.#clock = clock
    this.#dedupeMs = dedupeMs
  }

  /** Takes the next sequence of a producer for an event, or for a refusal where there is a code. */
  async take(
    channel: string,
    producer: Producer,
    code: string | undefined,
    operation: Operation,
  ): Promise<Verdict> {
    const { sequence } = producer
    let verdict: Verdict = { status: 'answered', outcome: { status: 'duplicate', cursor: undefined } }
    const decide = (text: string | undefined): { readonly text: string } | undefined => {
      const found = parseProducer(text)
      const record = this.#unforgotten(found)
      const answers = record?.answers ?? []
      // A sequence whose event may be missing is not passed: its producer has no answer and says it again.
      const open = answers.find(
        ([number, status]) => status === 'p' && number < sequence && number >= producer.lowest,
      )
      const expected = record === undefined ? producer.lowest : Math.max(record.last + 1, producer.lowest)
      if (sequence !== expected || open !== undefined) {
        if (record === undefined || sequence > record.last) {
          const outcome = { status: 'sequence_gap', expected: open?.[0] ?? expected } as const
          verdict = { status: 'answered', outcome }
        } else verdict = toVerdict(answers.find(([number]) => number === sequence))
        return record && this.#isLate(record) ? format({ ...record, usedAt: this.#clock.now() }) : undefined
      }
      const salt = record?.salt ?? found?.usedAt ?? 0
      const id = nameOf(channel, producer.id, salt, sequence)
      verdict =
        code === undefined
          ? { status: 'pending', id }
          : { status: 'answered', outcome: { status: 'refused', code } }
      const answer: Answer = code === undefined ? [sequence, 'p', id] : [sequence, 'r', code]
      const usedAt = this.#clock.now()
      const kept = answers.filter(
        ([number], index) => number >= producer.lowest || index >= answers.length - SETTLED_ANSWERS,
      )
      return format({ usedAt, salt, last: sequence, answers: [...kept.slice(1 - REMEMBERED_ANSWERS), answer] })
    }
    await this.#records.change(this.#producer(channel, producer), decide, operation)
    return verdict
  }

  /** Records what became of a sequence that was taken: where its event lies, or the code it was refused with. */
  async answer(
    channel: string,
    producer: Producer,
    what: { readonly cursor: Cursor | undefined } | { readonly code: string },
    operation: Operation,
  ): Promise<void> {
    const { sequence } = producer
    const answer: Answer =
      'code' in what
        ? [sequence, 'r', what.code]
        : [sequence, 'd', what.cursor === undefined ? '' : formatCursor(what.cursor)]
    const decide = (text: string | undefined): { readonly text: string } | undefined => {
      const record = this.#unforgotten(parseProducer(text))
      if (!record?.answers.some(([number, status]) => number === sequence && status === 'p')) return undefined
      return format({ ...record, answers: record.answers.map((one) => (one[0] === sequence ? answer : one)) })
    }
    await this.#records.change(this.#producer(channel, producer), decide, operation)
  }

  /** Takes a key for an event. */
  async takeKey(channel: string, key: string, operation: Operation): Promise<Verdict> {
    let verdict: Verdict = { status: 'pending', id: '' }
    const decide = (text: string | undefined): { readonly text: string } | undefined => {
      const [takenAt, known, at] = readRecord(text, (fields) => fields as [number, string, string]) ?? [0, '', '']
      if (this.#clock.now() - takenAt < this.#dedupeMs) {
        verdict = at === '' ? { status: 'pending', id: known } : toVerdict([0, 'd', at])
        return undefined
      }
      const id = nameOf(channel, 'once', takenAt, key)
      verdict = { status: 'pending', id }
      return { text: JSON.stringify([this.#clock.now(), id, '']) }
    }
    await this.#records.change(this.#names.state(channel, 'once', key), decide, operation)
    return verdict
  }

  #producer(channel: string, { id }: Producer): string {
    return this.#names.state(channel, 'producer', id)
  }

  #unforgotten(record: ProducerRecord | undefined): ProducerRecord | undefined {
    const isForgotten = !record || this.#clock.now() - record.usedAt >= this.#dedupeMs * (1 + 1 / LATE)
    return isForgotten ? undefined : record
  }

  #isLate({ usedAt }: ProducerRecord): boolean {
    return this.#clock.now() - usedAt >= this.#dedupeMs / LATE
  }
}

function toVerdict(answer: Answer | undefined): Verdict {
  const [, status, value] = answer ?? [0, 'd', '']
  if (status === 'p') return { status: 'pending', id: value }
  if (status === 'r') return { status: 'answered', outcome: { status: 'refused', code: value } }
  const cursor = value === '' ? undefined : parseCursor(value)
  return { status: 'answered', outcome: { status: 'duplicate', cursor } }
}

/**
 * The id of an event: the same for the same number, also where the record of its producer was lost. Somebody who was
 * forgotten and begins again has other ids.
 */
function nameOf(...what: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(what)).digest('base64url').slice(0, ID_CHARACTERS)
}

function parseProducer(text: string | undefined): ProducerRecord | undefined {
  return readRecord(text, (fields): ProducerRecord => {
    const [, usedAt, salt, last, answers] = fields as [string, number, number, number, readonly Answer[]]
    return { usedAt, salt, last, answers: [...answers] }
  })
}

function format({ usedAt, salt, last, answers }: ProducerRecord): { readonly text: string } {
  return { text: JSON.stringify([nonce(), usedAt, salt, last, answers]) }
}
