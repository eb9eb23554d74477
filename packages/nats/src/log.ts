/**
 * The log of a channel: what it takes to put a message behind the last one, and to find the last one. A message is stored
 * only where nobody else has stored one since (`Overtaken` otherwise), so the log of a channel is one chain, whichever node
 * appends. A node remembers where the chains it appends to end; where it is wrong, it is overtaken and looks again.
 */

import type { StoredMsg } from '@nats-io/jetstream'
import { type Append, type Cursor, startOf, TriwireError } from '@triwire/server'
import type { EntryCache } from './entry-cache.ts'
import { Lanes } from './lanes.ts'
import { Lru } from './lru.ts'
import { type Draft, formatMessage, isSame, type LogMessage, MAX_SEQUENCES, parseMessage } from './message.ts'
import type { Names } from './names.ts'
import { nonce } from './nonce.ts'
import type { Operation } from './operation.ts'
import { Overtaken, type Store } from './store.ts'

/** What became of an event that was to be appended. */
export interface Appended {
  /** Whether it lay there before, under its id. */
  readonly isTwin: boolean
  /** Where it lies; undefined where that is trimmed already. */
  readonly cursor: Cursor | undefined
}

/** Channels whose last message is remembered. */
const MAX_HEADS = 10_000
/** Appends between two purges: a purge costs a round trip, and less in bulk. */
const TRIM_STEP = 32

/** The logs of one broker. */
export class Log {
  readonly #store: Store
  readonly #names: Names
  readonly #cache: EntryCache
  readonly #idleMs: number
  /** The last message of channels, without its data and without a promise that it still is. */
  readonly #heads = new Lru<LogMessage>(MAX_HEADS)
  readonly #lanes = new Lanes()
  readonly #purging = new Set<string>()

  constructor(store: Store, names: Names, cache: EntryCache, idleMs: number) {
    this.#store = store
    this.#names = names
    this.#cache = cache
    this.#idleMs = idleMs
  }

  /**
   * Puts an event behind the last one.
   * @param id under which it is stored once, however often that is asked
   */
  async append(channel: string, append: Append, id: string | undefined, operation: Operation): Promise<Appended> {
    await this.#store.keepFor('log', append.history.ttlMs + this.#idleMs, operation)
    return this.#lanes.run(channel, () =>
      this.#put(channel, (head) => this.#draftEvent(head, append), id, operation),
    )
  }

  /** Forgets where logs end. */
  forget(): void {
    this.#heads.clear()
  }

  /** Uses up an id without an event. Answers where its event lies, if it does. */
  async spend(channel: string, id: string, operation: Operation): Promise<Appended> {
    return this.#lanes.run(channel, () => this.#put(channel, (head) => this.#draftMark(head), id, operation))
  }

  /** The last message, which begins the log where there is none. */
  async head(channel: string, operation: Operation): Promise<LogMessage> {
    for (;;) {
      const head = await this.#last(channel, operation)
      if (head !== undefined) return head
      await this.#mark(channel, undefined, operation)
    }
  }

  /** Has the store keep the channel for longer, where it has been quiet for so long that it might forget it. */
  async keep(channel: string, head: LogMessage, operation: Operation): Promise<void> {
    if (this.#store.clock.now() - head.at > this.#store.keptMs('log') / 2)
      await this.#mark(channel, head, operation)
  }

  /** The message at a sequence of the stream, if it belongs to the channel. */
  async at(channel: string, sequence: number, operation: Operation): Promise<LogMessage | undefined> {
    const found = await this.#store.get('log', { seq: sequence }, operation)
    if (found?.subject !== this.#names.log(channel)) return undefined
    const message = toMessage(found)
    if (message) this.#cache.add(channel, message)
    return message
  }

  async #put(
    channel: string,
    draftBehind: (head: LogMessage | undefined) => Draft,
    id: string | undefined,
    operation: Operation,
  ): Promise<Appended> {
    const tags = new Set<string>()
    let head = this.#heads.get(channel) ?? (await this.#last(channel, operation))
    for (;;) {
      const draft = draftBehind(head)
      tags.add(draft.tag)
      try {
        const subject = this.#names.log(channel)
        const text = formatMessage(draft)
        const { sequence, isTwin } = await this.#store.write(
          { subject, text, follows: draft.follows, id },
          operation,
        )
        if (!isTwin) return { isTwin, cursor: this.#handleAppended(channel, sequence, text) }
        const twin = await this.at(channel, sequence, operation)
        const cursor = twin?.before === undefined ? undefined : twin.head
        // It may be what this very call has stored when it had no answer.
        return { isTwin: cursor === undefined || !tags.has(cursor.tag), cursor }
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error
        this.#heads.delete(channel)
        if (error.isUnsure && id === undefined) {
          const cursor = await this.#findOwn(channel, draft, operation)
          if (cursor !== undefined) return { isTwin: false, cursor }
        }
        head = await this.#last(channel, operation)
      }
    }
  }

  /**
   * An attempt without an answer was overtaken, perhaps by itself: whoever follows the message it wanted to follow has its
   * place. Answers where that is itself.
   */
  async #findOwn(channel: string, draft: Draft, operation: Operation): Promise<Cursor | undefined> {
    const query = { next_by_subj: this.#names.log(channel), seq: draft.follows + 1 }
    const found = await this.#store.get('log', query, operation)
    const next = found && toMessage(found)
    if (next?.head.tag === draft.tag) return next.head
    if (next === undefined || next.follows === draft.follows) return undefined
    throw new TriwireError(
      'unavailable',
      'The answer to an append was lost, and so was its trace. It may be in the log.',
    )
  }

  #handleAppended(channel: string, sequence: number, text: string): Cursor {
    const message = parseMessage(sequence, text)
    if (message === undefined) throw new Error('What was stored cannot be read.')
    this.#heads.set(channel, { ...message, data: '' })
    this.#cache.add(channel, message)
    this.#trim(channel, message)
    return message.head
  }

  #draftEvent(head: LogMessage | undefined, { event, data, cause, history }: Append): Draft {
    const position = head?.head ?? startOf(nonce())
    return {
      tag: nonce(),
      position,
      before: position,
      bytes: (head?.bytes ?? 0) + Buffer.byteLength(data),
      // Never before the one it follows, so that ages are in the order of the log.
      at: Math.max(Math.round(this.#store.clock.now()), head?.at ?? 0),
      history,
      sequences: (head?.sequences ?? []).slice(0, MAX_SEQUENCES - 1),
      follows: head?.sequence ?? 0,
      event,
      cause,
      data,
    }
  }

  #draftMark(head: LogMessage | undefined): Draft {
    return {
      tag: nonce(),
      position: head?.head ?? startOf(nonce()),
      before: undefined,
      bytes: head?.bytes ?? 0,
      at: Math.max(Math.round(this.#store.clock.now()), head?.at ?? 0),
      history: head?.history,
      sequences: head?.sequences ?? [],
      follows: head?.sequence ?? 0,
      event: '',
      cause: undefined,
      data: '',
    }
  }

  /** Stores a position without an event. Where somebody else stores something first, that will do. */
  async #mark(channel: string, head: LogMessage | undefined, operation: Operation): Promise<void> {
    const draft = this.#draftMark(head)
    const write = { subject: this.#names.log(channel), text: formatMessage(draft), follows: draft.follows }
    try {
      await this.#store.write(write, operation)
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error
    }
  }

  async #last(channel: string, operation: Operation): Promise<LogMessage | undefined> {
    const subject = this.#names.log(channel)
    const found = await this.#store.get('log', { last_by_subj: subject }, operation)
    if (found === undefined) return undefined
    const message = toMessage(found)
    if (message === undefined) {
      // Whoever may store on our subjects can do harm. What came before cannot be found from here, so the log begins anew;
      // to remove the one message would do as well, but NATS 2.9 then does not find the last one.
      await this.#store.purge('log', subject, { seq: found.seq + 1 })
      return undefined
    }
    this.#heads.set(channel, { ...message, data: '' })
    this.#cache.add(channel, message)
    return message
  }

  /** Purges what is beyond the history, now and then, behind the append's back. */
  #trim(channel: string, head: LogMessage): void {
    const { history } = head
    const count = head.head.offset
    if (history === undefined || count % TRIM_STEP !== 0 || this.#purging.has(channel)) return
    const first = this.#firstKept(channel, head)
    if (first === undefined && count <= history.keep + TRIM_STEP) return
    this.#purging.add(channel)
    // Where this node does not have it all in hand, the number has to do.
    const what = first === undefined ? { keep: history.keep + TRIM_STEP } : { seq: first.sequence }
    this.#store
      .purge('log', this.#names.log(channel), what)
      .catch(() => {})
      .finally(() => this.#purging.delete(channel))
  }

  /** The oldest entry within number and bytes of the history, where the one before it is at hand, too. */
  #firstKept(channel: string, head: LogMessage): LogMessage | undefined {
    for (let entry = head; entry.before !== undefined; ) {
      const before = this.#cache.get(channel, entry.sequences[1] ?? 0)
      if (before === undefined || !isSame(before.head, entry.before)) return undefined
      if (isBeyond(before, head)) return entry
      entry = before
    }
    return undefined
  }
}

/**
 * Whether an entry is beyond the number or the bytes that the newest message asks for. The newest entry never is: it can be
 * read at least once.
 */
export function isBeyond(entry: LogMessage, { head, bytes, history }: LogMessage): boolean {
  if (history === undefined || entry.head.offset === head.offset) return false
  return head.offset - entry.head.offset >= history.keep || bytes - entry.bytes + entry.size > history.bytes
}

function toMessage(found: StoredMsg): LogMessage | undefined {
  return parseMessage(found.seq, Buffer.from(found.data).toString())
}
