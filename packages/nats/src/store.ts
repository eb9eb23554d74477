/**
 * The two streams, and the three things that are done with them: store under a condition, get one message, purge. All of it
 * is asked of the leader of the stream, never of a replica that may be behind (`allow_direct` is off).
 *
 * Whatever is stored names the message it follows on its subject (`Nats-Expected-Last-Subject-Sequence`). So to send it
 * again is harmless: it finds its place taken, by itself or by another.
 */
import {
  JetStreamApiError,
  type JetStreamClient,
  JetStreamError,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type MsgRequest,
  RetentionPolicy,
  StorageType,
  type StoredMsg,
  type StreamConfig,
} from '@nats-io/jetstream'
import { headers, type Msg, type NatsConnection, nanos } from '@nats-io/transport-node'
import { TriwireError } from '@triwire/server'
import { Clock } from './clock.ts'
import { Line, type LineOptions, type OpenLine } from './line.ts'
import type { Names, Republished } from './names.ts'
import { nonce } from './nonce.ts'
import { begin, type Operation } from './operation.ts'

/** What a store is made of. */
export interface StoreOptions extends LineOptions {
  readonly names: Names
  readonly storage: 'file' | 'memory'
  readonly replicas: number
  /** Milliseconds the messages of each stream are kept at least. */
  readonly logMs: number
  readonly stateMs: number
  /** Milliseconds for which an id is stored once. */
  readonly idMs: number
  /** A line is there, perhaps to other streams than the one before: what was remembered of them is worth nothing. */
  readonly onPrepared: () => void
}

/** What is to be stored. */
export interface Write {
  readonly subject: string
  readonly text: string
  /** The sequence of the subject's last message; 0 where there is none. */
  readonly follows: number
  /** Is stored once under this name, whatever it follows. */
  readonly id?: string | undefined
  /** Told to those who follow the state of a channel: JSON. */
  readonly note?: string | undefined
}

/** Where it lies. `isTwin`: something with its id was there before. */
export interface Stored {
  readonly sequence: number
  readonly isTwin: boolean
}

/** Which of the streams. */
export type StreamName = 'log' | 'state'

/** Another message has taken the place. */
export class Overtaken extends Error {
  /** Whether it may be our own: an earlier attempt had no answer. */
  readonly isUnsure: boolean

  constructor(isUnsure: boolean, cause: unknown) {
    super('Another message was stored first.', { cause })
    this.isUnsure = isUnsure
  }
}

/** The header with what followers are told of a change. */
export const NOTE = 'Triwire-Note'

/** Milliseconds after which one attempt has got lost. */
const ATTEMPT_MS = 2000
/** Milliseconds until the next attempt, at first and at most. */
const FIRST_RETRY_MS = 10
const LONGEST_RETRY_MS = 500
/** Milliseconds after which the server's clock is asked again. */
const CLOCK_MS = 60_000

const WRONG_LAST_SEQUENCE = 10071
const STREAM_NOT_FOUND = 10059
/** What the library calls it that nobody takes a message: no stream, or a server without JetStream. */
const NOBODY_THERE = 'JetStreamNotEnabled'

/** What becomes of operations that began on streams that are gone. */
const REBORN = 'The message store was lost and begins anew. Try again.'

interface Prepared {
  /** Which streams these are: others of the same name are another life. */
  readonly life: string
  readonly line: OpenLine
  readonly streams: JetStreamClient
  readonly manager: JetStreamManager
}

/** The streams of one broker. */
export class Store {
  readonly clock: Clock = new Clock()
  readonly #options: StoreOptions
  readonly #line: Line
  readonly #self: string = nonce()
  /** Milliseconds each stream is to keep its messages; grows as channels ask for more. */
  readonly #keptMs: Record<StreamName, number>
  #prepared: Promise<Prepared> | undefined
  #preparedFor: OpenLine | undefined
  #measuredAt = 0
  #closed = false

  constructor(options: StoreOptions) {
    this.#options = options
    this.#keptMs = { log: options.logMs, state: options.stateMs }
    this.#line = new Line(options)
  }

  /**
   * Stores a message.
   * @throws Overtaken where the place is taken
   * @throws TriwireError `unavailable`
   */
  async write({ subject, text, follows, id, note }: Write, operation: Operation): Promise<Stored> {
    let attempts = 0
    return this.#insist(operation, async ({ streams, line }, timeout) => {
      const extra = headers()
      const told = note === undefined ? '' : toAscii(note)
      assertFits(text, line.nats, told.length)
      if (note !== undefined) extra.set(NOTE, told)
      attempts++
      try {
        const ack = await streams.publish(subject, text, {
          timeout,
          retries: 1,
          headers: extra,
          expect: { lastSubjectSequence: follows },
          ...(id === undefined ? {} : { msgID: id }),
        })
        // A cluster that is still busy with the twin does not know where it will lie.
        if (ack.seq === 0) throw new Error('A message with this id is just being stored.')
        return { sequence: ack.seq, isTwin: ack.duplicate }
      } catch (error) {
        if (error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE)
          throw new Overtaken(attempts > 1, error)
        throw error
      }
    })
  }

  /**
   * Gets a message: the one with a sequence, the last of a subject, or its first from a sequence on.
   * @throws TriwireError `unavailable`
   */
  async get(stream: StreamName, query: MsgRequest, operation: Operation): Promise<StoredMsg | undefined> {
    const name = this.#nameOf(stream)
    return this.#insist(
      operation,
      async ({ manager }) => (await manager.streams.getMessage(name, query)) ?? undefined,
    )
  }

  /** Drops what lies before a sequence on a subject, or all but the last ones. */
  async purge(
    stream: StreamName,
    subject: string,
    what: { readonly seq: number } | { readonly keep: number },
  ): Promise<void> {
    const name = this.#nameOf(stream)
    await this.#insist(begin(ATTEMPT_MS), ({ manager }) =>
      manager.streams.purge(name, { filter: subject, ...what }),
    )
  }

  /** Has a stream keep its messages for so long, from before anything that needs it is stored. */
  async keepFor(stream: StreamName, ms: number, operation: Operation): Promise<void> {
    if (ms <= this.#keptMs[stream]) return
    await this.#insist(operation, async ({ manager }) => {
      // A little further than asked, because each time is a change of the stream.
      const wantedMs = Math.ceil(ms * 1.25)
      this.#keptMs[stream] = Math.max(this.#keptMs[stream], await this.#ensure(manager, stream, wantedMs))
    })
  }

  /** Milliseconds a stream keeps its messages, as far as this node knows. */
  keptMs(stream: StreamName): number {
    return this.#keptMs[stream]
  }

  /** Has `handle` told what is published on a subject, from when it resolves on. Returns how to end it. */
  async listen(subject: string, handle: (message: Msg) => void, operation: Operation): Promise<() => void> {
    const end = this.#line.listen(subject, handle)
    try {
      await this.#insist(operation, ({ line }) => line.nats.flush())
      return end
    } catch (error) {
      end()
      throw error
    }
  }

  /** Publishes what is stored nowhere, once. Resolves when the server has it: who begins to listen later hears nothing. */
  async publish(subject: string, text: string, operation: Operation): Promise<void> {
    try {
      const { until } = operation
      const { nats, cut } = await this.#line.whenOpen(until)
      assertFits(text, nats)
      nats.publish(subject, text)
      await within(until, cut, nats.flush())
    } catch (error) {
      throw unavailable(error)
    }
  }

  close(): void {
    this.#closed = true
    this.#line.close()
  }

  /** Tries until it succeeds, is refused for good, or the time is over. */
  async #insist<TResult>(
    operation: Operation,
    attempt: (prepared: Prepared, timeoutMs: number) => Promise<TResult>,
  ): Promise<TResult> {
    const { until } = operation
    for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2)) {
      if (this.#closed) throw new TriwireError('unavailable', 'The broker is closed.')
      try {
        const line = await this.#line.whenOpen(until)
        const prepared = await within(until, line.cut, this.#prepare(line))
        if ((operation.life ?? prepared.life) !== prepared.life) throw new TriwireError('unavailable', REBORN)
        const attemptUntil = Math.min(until, performance.now() + ATTEMPT_MS)
        const leftMs = Math.max(1, attemptUntil - performance.now())
        const result = await within(attemptUntil, line.cut, attempt(prepared, leftMs))
        operation.life = prepared.life
        return result
      } catch (error) {
        if (error instanceof Overtaken || error instanceof TriwireError) throw error
        // Streams of a server that came back without them are made again.
        if (isCode(error, STREAM_NOT_FOUND) || (error instanceof Error && error.name === NOBODY_THERE))
          this.#prepared = undefined
        const isLate = performance.now() + retryMs >= until
        // What NATS says itself (no permission, no room, a stream that is something else) is for people to mend.
        const isSaid = error instanceof JetStreamApiError || error instanceof JetStreamError
        if (isLate && isSaid) this.#options.onTrouble(error)
        if (isLate || this.#closed) throw unavailable(error)
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
  }

  /** Makes sure of the streams and the time, once per line. */
  #prepare(line: OpenLine): Promise<Prepared> {
    if (this.#prepared === undefined || this.#preparedFor !== line) {
      this.#preparedFor = line
      const prepared = this.#setUp(line)
      this.#prepared = prepared
      prepared.catch(() => {
        if (this.#prepared === prepared) this.#prepared = undefined
      })
    } else if (performance.now() - this.#measuredAt > CLOCK_MS) {
      this.#measuredAt = performance.now()
      this.#prepared.then((prepared) => this.#measure(prepared)).catch(() => {})
    }
    return this.#prepared
  }

  async #setUp(line: OpenLine): Promise<Prepared> {
    const options = { timeout: ATTEMPT_MS, checkAPI: false }
    const manager = await jetstreamManager(line.nats, options)
    let life = ''
    for (const stream of ['log', 'state'] as const) {
      this.#keptMs[stream] = await this.#ensure(manager, stream, this.#keptMs[stream])
      life += ` ${(await manager.streams.info(this.#nameOf(stream))).created}`
    }
    // What is remembered may be of a life, or of an end of the log, that is over.
    this.#options.onPrepared()
    const prepared = { line, life, manager, streams: jetstream(line.nats, { timeout: ATTEMPT_MS }) }
    await this.#measure(prepared)
    return prepared
  }

  /** Makes a stream, or has one that is there keep its messages for longer. Answers for how many milliseconds it does. */
  async #ensure(manager: JetStreamManager, stream: StreamName, keptMs: number): Promise<number> {
    const { names, storage, replicas, idMs } = this.#options
    const name = this.#nameOf(stream)
    const idsMs = stream === 'log' ? idMs : FEWEST_ID_MS
    const wanted = { max_age: Number.isFinite(keptMs) ? nanos(keptMs) : 0, duplicate_window: nanos(idsMs) }
    const found = await manager.streams.info(name).catch((error: unknown) => {
      if (isCode(error, STREAM_NOT_FOUND)) return undefined
      throw error
    })
    if (found === undefined) {
      await manager.streams.add({
        ...configOf(stream, names.streams[stream]),
        ...wanted,
        name,
        storage: storage === 'file' ? StorageType.File : StorageType.Memory,
        num_replicas: replicas,
      })
      return keptMs
    }
    const { config } = found
    const isEnough = config.max_age === 0 || config.max_age >= wanted.max_age
    if (isEnough && config.duplicate_window >= wanted.duplicate_window)
      return config.max_age === 0 ? Number.POSITIVE_INFINITY : toMs(config.max_age)
    const max_age = isEnough ? config.max_age : wanted.max_age
    const duplicate_window = Math.max(config.duplicate_window, wanted.duplicate_window)
    await manager.streams.update(name, { ...config, max_age, duplicate_window })
    return max_age === 0 ? Number.POSITIVE_INFINITY : toMs(max_age)
  }

  async #measure({ streams, manager }: Prepared): Promise<void> {
    const { names } = this.#options
    const subject = names.clock(this.#self)
    await this.clock.measure(async () => {
      const sentAt = performance.now()
      const { seq } = await streams.publish(subject, '', { timeout: ATTEMPT_MS, retries: 1 })
      const ackedAt = performance.now()
      const message = await manager.streams.getMessage(names.stateStream, { seq })
      if (message === null) throw new Error('NATS does not have what it has just stored.')
      return { storedAt: message.time.getTime(), sentAt, ackedAt }
    })
    this.#measuredAt = performance.now()
  }

  #nameOf(stream: StreamName): string {
    const { names } = this.#options
    return stream === 'log' ? names.logStream : names.stateStream
  }
}

/** Records need no ids, and NATS no less than this. */
const FEWEST_ID_MS = 100

function configOf(stream: StreamName, { subjects, dest }: Republished): Partial<StreamConfig> {
  return {
    subjects: [subjects],
    retention: RetentionPolicy.Limits,
    // Replicas may be behind: whoever asks them could be told of a past that is over.
    allow_direct: false,
    republish: { src: subjects, dest, headers_only: stream === 'state' },
    ...(stream === 'state' ? { max_msgs_per_subject: 1 } : {}),
  }
}

function toMs(ns: number): number {
  return Math.floor(ns / 1_000_000)
}

function isCode(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code
}

/** A payload beyond what the server takes would cost the line. */
function assertFits(text: string, nats: NatsConnection, noteBytes = 0): void {
  const limit = nats.info?.max_payload ?? Number.POSITIVE_INFINITY
  const bytes = Buffer.byteLength(text) + noteBytes + HEADER_BYTES
  if (bytes > limit)
    throw new TriwireError('unavailable', `NATS takes messages of ${limit} bytes, not ${bytes}: see max_payload.`)
}

/** Room for the headers without the note. */
const HEADER_BYTES = 1024

/** JSON in ASCII: headers are lines of it. */
function toAscii(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function unavailable(cause: unknown): TriwireError {
  if (cause instanceof TriwireError) return cause
  return new TriwireError('unavailable', 'The message store does not answer. Try again later.', { cause })
}

/** Rejects where a promise takes too long or its line is cut. Whatever becomes of it later is nobody's concern. */
function within<TResult>(until: number, cut: AbortSignal, promise: Promise<TResult>): Promise<TResult> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(cut.reason)
    const ms = Math.max(0, until - performance.now())
    const timer = setTimeout(() => reject(new Error(`NATS did not answer within ${Math.round(ms)} ms.`)), ms)
    cut.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer)
      cut.removeEventListener('abort', abort)
    })
    if (cut.aborted) abort()
  })
}
