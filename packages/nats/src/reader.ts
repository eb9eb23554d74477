/**
 * Reading a log. It begins at the head and goes back along the chain, because only the chain says what belongs to the log: in
 * strides of as many entries as a message knows the places of, then forward again over the entries of the page, many at a
 * time. An entry that is at hand costs nothing, and is believed where the chain that the store has now leads to it.
 */
import type { Cursor, LogEntry, ReadRequest, ReadResult } from '@triwire/server'
import type { EntryCache } from './entry-cache.ts'
import { isBeyond, type Log } from './log.ts'
import { isSame, type LogMessage, toEntry } from './message.ts'
import type { Operation } from './operation.ts'

/** Entries that are got at a time. */
const BATCH = 32

type Page = Extract<ReadResult, { status: 'page' }>

/** An entry with the position before it. */
interface Link {
  readonly message: LogMessage
  readonly before: Cursor
}

/** Reads the logs of one broker. */
export class Reader {
  readonly #log: Log
  readonly #cache: EntryCache
  readonly #now: () => number

  constructor(log: Log, cache: EntryCache, now: () => number) {
    this.#log = log
    this.#cache = cache
    this.#now = now
  }

  async read(channel: string, request: ReadRequest, operation: Operation): Promise<ReadResult> {
    const last = await this.#log.head(channel, operation)
    const shared = { channel, last, now: this.#now(), log: this.#log, cache: this.#cache, operation }
    try {
      return await new Reading({ ...shared, believes: true }).read(request)
    } catch (error) {
      if (!(error instanceof Contradiction)) throw error
      // The store has lost what this node still remembered.
      this.#cache.forget(channel)
      return new Reading({ ...shared, believes: false }).read(request)
    }
  }
}

/** An entry that was at hand is none of the chain any more. */
class Contradiction extends Error {}

interface ReadingOptions {
  readonly channel: string
  /** The last message when it began: an event or a mark. */
  readonly last: LogMessage
  readonly now: number
  readonly log: Log
  readonly cache: EntryCache
  readonly operation: Operation
  /** Whether it takes entries that are at hand. */
  readonly believes: boolean
}

/** One read, at one moment of the log. */
class Reading {
  readonly #options: ReadingOptions
  readonly #last: LogMessage

  constructor(options: ReadingOptions) {
    this.#options = options
    this.#last = options.last
  }

  async read({ after, tail = 0, limit, bytes }: ReadRequest): Promise<ReadResult> {
    const { head } = this.#last
    const at: Page = { status: 'page', entries: [], from: head, head }
    const lost: ReadResult = { status: 'gap', reason: 'lost_tail', next: undefined, head }
    if (after === undefined) {
      if (tail <= 0) return at
      return this.#page(await this.#back(head.offset - tail), limit, bytes)
    }
    if (after.epoch !== head.epoch) {
      const { from } = await this.#page(await this.#back(0), 0, 0)
      return { status: 'gap', reason: 'new_epoch', next: from, head }
    }
    if (after.offset >= head.offset) return isSame(after, head) ? at : lost
    const page = await this.#page(await this.#back(after.offset), limit, bytes)
    if (page.from.offset > after.offset) return { status: 'gap', reason: 'trimmed', next: page.from, head }
    // Where it should lie there is another, or none.
    return isSame(page.from, after) ? page : lost
  }

  /** Goes back from the head to the first entry behind `after` that is kept. Answers where they lie, oldest first. */
  async #back(after: number): Promise<readonly number[]> {
    const { head, history, sequences } = this.#last
    const newestFirst: number[] = []
    // What is beyond the number need not be looked at to know.
    const least = Math.max(after, head.offset - Math.max(1, history?.keep ?? 0))
    let known = sequences
    for (let newest = head.offset; known.length > 0; ) {
      const wanted = known.slice(0, Math.max(0, newest - least))
      const farthest = wanted.at(-1)
      if (farthest === undefined) break
      const entry = await this.#get(farthest)
      if (entry === undefined || !this.#isKept(entry)) {
        const entries = await this.#getAll(wanted)
        const end = entries.findIndex((one) => one === undefined || !this.#isKept(one))
        newestFirst.push(...wanted.slice(0, end === -1 ? wanted.length : end))
        break
      }
      newestFirst.push(...wanted)
      newest = entry.head.offset - 1
      known = entry.sequences.slice(1)
    }
    return newestFirst.reverse()
  }

  /** The page over the first of these places. Where the chain is broken, it begins behind that. */
  async #page(places: readonly number[], limit: number, bytes: number): Promise<Page> {
    const { head } = this.#last
    // The first one is needed for the position before it, even where no entry is asked for.
    const most = Math.max(1, limit)
    const links: Link[] = []
    let size = 0
    let next = 0
    for (let isFull = false; next < places.length && !isFull; ) {
      const batch = await this.#getAll(places.slice(next, next + Math.min(BATCH, most - links.length)))
      for (const message of batch) {
        const before = message?.before
        const link = links.at(-1)
        if (message === undefined || before === undefined || (link && !isSame(link.message.head, before))) {
          this.#doubt()
          // What came before has gone meanwhile, or never belonged to this chain.
          links.length = 0
          size = 0
        }
        isFull = links.length > 0 && size + (message?.size ?? 0) > bytes
        if (isFull) break
        next++
        if (message === undefined || before === undefined) continue
        links.push({ message, before })
        size += message.size
      }
      isFull ||= links.length >= most
    }
    await this.#verify(links.at(-1), places[next])
    const entries: LogEntry[] = limit === 0 ? [] : links.map(({ message }) => toEntry(message))
    return { status: 'page', entries, from: links[0]?.before ?? head, head }
  }

  /** Has the store confirm the last entry of a page, and by it all before it: each names the one it follows. */
  async #verify(link: Link | undefined, following: number | undefined): Promise<void> {
    const { channel, log, operation, believes } = this.#options
    if (!believes || link === undefined || following === undefined) return
    const next = await log.at(channel, following, operation)
    if (next?.before === undefined || !isSame(next.before, link.message.head)) this.#doubt()
  }

  #doubt(): void {
    if (this.#options.believes) throw new Contradiction('The chain does not lead to an entry that was at hand.')
  }

  /** Whether the history still holds an entry. */
  #isKept(entry: LogMessage): boolean {
    const { history } = this.#last
    if (history === undefined || isBeyond(entry, this.#last)) return false
    return this.#options.now - entry.at < history.ttlMs
  }

  #getAll(places: readonly number[]): Promise<readonly (LogMessage | undefined)[]> {
    return Promise.all(places.map((place) => this.#get(place)))
  }

  /** The entry at a place, if it is of this life of the log. */
  async #get(place: number): Promise<LogMessage | undefined> {
    const { channel, log, cache, operation, believes } = this.#options
    const { sequence, head, before, sequences } = this.#last
    if (place === sequence && before !== undefined) return this.#last
    const cached = believes ? cache.get(channel, place) : undefined
    const isFit = cached?.head.epoch === head.epoch && (place !== sequences[0] || cached.head.tag === head.tag)
    const entry = isFit ? cached : await log.at(channel, place, operation)
    return entry?.before !== undefined && entry.head.epoch === head.epoch ? entry : undefined
  }
}
