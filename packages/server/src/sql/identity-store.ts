/**
 * What makes things happen once, in the file: the producers' last sequence numbers with the answers they got, the keys of
 * events that commands emitted, and the replies of commands. The rules are those of `memory()`; only nothing is forgotten
 * before its time, because a disk has room.
 */
import type { AppendOutcome, CommandReply, Producer } from '../broker.ts'
import { type ChannelRow, cursorOf } from './channel-rows.ts'
import type { SqlDatabase, Statement } from './database.ts'
import { fromStored, toStored } from './text.ts'

/** A producer that is known to a channel. */
export interface ProducerRow {
  readonly id: number
  readonly last: number
}

/** Producers, keys and replies. */
export class IdentityStore {
  /** Milliseconds producers and keys are remembered. */
  readonly dedupeMs: number
  readonly #beginWrite: () => void
  readonly #findProducer: Statement
  readonly #insertProducer: Statement
  readonly #forgetAnswers: Statement
  readonly #forgetProducer: Statement
  readonly #setLast: Statement
  readonly #setForgetAt: Statement
  readonly #findAnswer: Statement
  readonly #setAnswer: Statement
  readonly #findKey: Statement
  readonly #setKey: Statement
  readonly #findReply: Statement
  readonly #setReply: Statement
  readonly #sweeps: readonly Statement[]

  constructor(database: SqlDatabase, options: { readonly dedupeMs: number; readonly beginWrite: () => void }) {
    this.dedupeMs = options.dedupeMs
    this.#beginWrite = options.beginWrite
    this.#findProducer = database.prepare('SELECT id, last, forget_at FROM producer WHERE channel = ? AND name = ?')
    this.#insertProducer = database.prepare(
      'INSERT INTO producer (channel, name, last, forget_at) VALUES (?, ?, ?, ?)',
    )
    this.#forgetAnswers = database.prepare('DELETE FROM answer WHERE producer = ?')
    this.#forgetProducer = database.prepare('DELETE FROM producer WHERE id = ?')
    this.#setLast = database.prepare('UPDATE producer SET last = ? WHERE id = ?')
    this.#setForgetAt = database.prepare('UPDATE producer SET forget_at = ? WHERE id = ?')
    this.#findAnswer = database.prepare(
      'SELECT sequence, offset, tag, code FROM answer WHERE producer = ? AND slot = ?',
    )
    this.#setAnswer = database.prepare(
      'INSERT OR REPLACE INTO answer (producer, slot, sequence, offset, tag, code) VALUES (?, ?, ?, ?, ?, ?)',
    )
    this.#findKey = database.prepare('SELECT offset, tag, forget_at FROM once WHERE channel = ? AND key = ?')
    this.#setKey = database.prepare(
      'INSERT OR REPLACE INTO once (channel, key, offset, tag, forget_at) VALUES (?, ?, ?, ?, ?)',
    )
    this.#findReply = database.prepare('SELECT reply, forget_at FROM reply WHERE channel = ? AND id = ?')
    this.#setReply = database.prepare(
      'INSERT OR REPLACE INTO reply (channel, id, reply, forget_at) VALUES (?, ?, ?, ?)',
    )
    this.#sweeps = [
      `DELETE FROM answer WHERE producer IN (SELECT id FROM producer WHERE forget_at <= ?1 ORDER BY forget_at LIMIT ${SWEEP_ROWS})`,
      `DELETE FROM producer WHERE id IN (SELECT id FROM producer WHERE forget_at <= ?1 ORDER BY forget_at LIMIT ${SWEEP_ROWS})`,
      `DELETE FROM once WHERE (channel, key) IN (SELECT channel, key FROM once WHERE forget_at <= ?1 LIMIT ${SWEEP_ROWS})`,
      `DELETE FROM reply WHERE (channel, id) IN (SELECT channel, id FROM reply WHERE forget_at <= ?1 LIMIT ${SWEEP_ROWS})`,
    ].map((sql) => database.prepare(sql))
  }

  /** `earlier`: the answer to a sequence that is not the next one; undefined where it is, and may be recorded. */
  check(
    row: ChannelRow,
    { id, sequence, lowest }: Producer,
    now: number,
  ): { readonly earlier: AppendOutcome | undefined; readonly known: ProducerRow | undefined } {
    const known = this.#producer(row, id, now)
    // The lowest sequence without an answer is never a gap: whatever lies before it is settled for the producer.
    const expected = known === undefined ? lowest : Math.max(known.last + 1, lowest)
    if (sequence === expected) return { earlier: undefined, known }
    if (known === undefined || sequence > known.last)
      return { earlier: { status: 'sequence_gap', expected }, known }
    const [remembered, offset, tag, code] = this.#findAnswer.get(known.id, sequence % REMEMBERED_ANSWERS) ?? []
    if (remembered !== sequence) return { earlier: { status: 'duplicate', cursor: undefined }, known }
    if (typeof code === 'string') return { earlier: { status: 'refused', code: fromStored(code) }, known }
    const cursor = cursorOf(row, { offset: Number(offset), tag: String(tag) })
    return { earlier: { status: 'duplicate', cursor }, known }
  }

  /** Uses up the next sequence. `outcome` is what a repetition of it will be answered. */
  record(
    row: ChannelRow,
    producer: Producer,
    known: ProducerRow | undefined,
    outcome: Extract<AppendOutcome, { readonly status: 'duplicate' | 'refused' }>,
    now: number,
  ): void {
    this.#beginWrite()
    const { sequence } = producer
    let id = known?.id
    if (id === undefined) {
      const forgetAt = now + this.dedupeMs + this.#patienceMs
      id = Number(this.#insertProducer.run(row.id, toStored(producer.id), sequence, forgetAt).lastInsertRowid)
    } else this.#setLast.run(sequence, id)
    const { offset, tag } = (outcome.status === 'duplicate' ? outcome.cursor : undefined) ?? {}
    const code = outcome.status === 'refused' ? toStored(outcome.code) : null
    this.#setAnswer.run(id, sequence % REMEMBERED_ANSWERS, sequence, offset ?? null, tag ?? null, code)
  }

  /** Where the event of this key lies; undefined where there is none yet. */
  findKey(
    row: ChannelRow,
    key: string,
    now: number,
  ): { readonly offset: number; readonly tag: string } | undefined {
    const found = this.#findKey.get(row.id, toStored(key))
    if (found === undefined || Number(found[2]) <= now) return undefined
    return { offset: Number(found[0]), tag: String(found[1]) }
  }

  recordKey(
    row: ChannelRow,
    key: string,
    at: { readonly offset: number; readonly tag: string },
    now: number,
  ): void {
    this.#beginWrite()
    this.#setKey.run(row.id, toStored(key), at.offset, at.tag, now + this.dedupeMs)
  }

  findReply(row: ChannelRow, id: string, now: number): CommandReply | undefined {
    const found = this.#findReply.get(row.id, toStored(id))
    if (found === undefined || Number(found[1]) <= now) return undefined
    return JSON.parse(String(found[0])) as CommandReply
  }

  recordReply(row: ChannelRow, id: string, reply: CommandReply, forgetAt: number): void {
    this.#beginWrite()
    this.#setReply.run(row.id, toStored(id), JSON.stringify(reply), forgetAt)
  }

  /** Deletes some of what has outlived its time; whether there may be more. */
  sweep(now: number): boolean {
    this.#beginWrite()
    let isMore = false
    for (const statement of this.#sweeps) if (statement.run(now).changes >= SWEEP_ROWS) isMore = true
    return isMore
  }

  /** A producer that is remembered, and is from now on. One that is forgotten leaves its place to the next life. */
  #producer(row: ChannelRow, name: string, now: number): ProducerRow | undefined {
    const found = this.#findProducer.get(row.id, toStored(name))
    if (found === undefined) return undefined
    const [id, last, forgetAt] = found.map(Number) as [number, number, number]
    if (forgetAt <= now) {
      this.#beginWrite()
      this.#forgetAnswers.run(id)
      this.#forgetProducer.run(id)
      return undefined
    }
    if (forgetAt < now + this.dedupeMs) {
      this.#beginWrite()
      this.#setForgetAt.run(now + this.dedupeMs + this.#patienceMs, id)
    }
    return { id, last }
  }

  /** Producers are remembered for that much longer, so that not every publish moves them in an index. */
  get #patienceMs(): number {
    return Math.floor(this.dedupeMs / 16)
  }
}

/** Answers per producer that can be repeated word for word: more than a client keeps on its way at a time. */
const REMEMBERED_ANSWERS = 128

/** Rows of a kind that one step of a sweep deletes. */
const SWEEP_ROWS = 100
