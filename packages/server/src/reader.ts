/**
 * One channel of one attachment: where this client stands in the log and how it gets further.
 *
 * - `live`: stands at the channel's head; entries are pushed as they come.
 * - `reading`: stands behind; pages are read from the log until the head is reached.
 * - `lagging`: the client's connection is congested; nothing is pushed or read until it drains. A slow reader thus
 *   costs one cursor, however far it falls behind.
 *
 * Going from reading to live needs no lock: both positions are compared and the state changed in one turn of the
 * event loop, in which no entry can arrive.
 */
import {
  type Cursor,
  encodeLine,
  formatCursor,
  type GapReason,
  parseCursor,
  startOf,
  TriwireError,
} from '@triwire/protocol'
import type { Broker, LogEntry, ReadResult } from './broker.ts'
import type { FrozenStay } from './frozen.ts'
import type { Limits } from './limits.ts'
import { type ChannelReader, encodeEntry, type LiveChannel } from './live-channel.ts'

/** What a reader needs of its attachment. */
export interface ReaderHost {
  readonly member: string
  readonly congested: boolean
  /** Takes what a page of so many events costs of its user's share of this turn. */
  chargePage(events: number): void
  /** Writes a line that nobody else gets. */
  write(line: string): void
  /** Writes a line that others get as well: encoded once, it goes out as one buffer for all. */
  writeShared(line: string): void
  /** Of several lossy lines in one slot that cannot be written now, the newest is kept. */
  writeLossy(line: string, slot: string): void
  /** Permissions may have changed. */
  reauthorize(reader: Reader): void
  /** The presence set changed while nothing could be written. */
  presenceMissed(reader: Reader): void
}

/** How a client wants to start. */
export interface Start {
  readonly number: number
  readonly after: Cursor | undefined
  /** Where the client stands, beyond `after`. */
  readonly have: Cursor | undefined
  readonly tail: number
  /** Makes the snapshot line for a position; undefined where none is wanted. */
  readonly snapshot: (() => Promise<{ readonly data: string; readonly cursor: Cursor | undefined }>) | undefined
  readonly fresh: boolean
}

/** What a reader is made of. */
export interface ReaderOptions {
  readonly broker: Broker
  readonly limits: Limits
  readonly wantsPresence: boolean
}

interface SnapshotData {
  readonly data: string
  readonly at: Cursor
  /** The log's head before the handler ran. */
  readonly head: Cursor
  /** The handler knew its own position. */
  readonly own: boolean
  readonly overlapTo: number
}

/** Milliseconds before a failed read of the log is tried again. */
const RETRY_MS = 1000

/** The reader. */
export class Reader implements ChannelReader {
  readonly channel: LiveChannel
  readonly wantsPresence: boolean
  hearsPresence = false
  readonly #host: ReaderHost
  readonly #broker: Broker
  readonly #limits: Limits
  #state: 'starting' | 'reading' | 'live' | 'lagging' | 'closed' = 'starting'
  #position: Cursor = startOf('-')
  #start: Start | undefined
  /** The log's last offset as the client was told. */
  #head = 0
  /** Where the client stands, while a newcomer beside it is brought there from further back. */
  #ahead: Cursor | undefined
  /** Whether the last page was not written to its end. */
  #wasCut = false
  #retry: ReturnType<typeof setTimeout> | undefined
  /** How often the node has lost sight of the log, and how often it had when the log last knew this reader's position. */
  #interruptions = 0
  #verifiedAt = 0

  constructor(channel: LiveChannel, host: ReaderHost, { broker, limits, wantsPresence }: ReaderOptions) {
    this.channel = channel
    this.#host = host
    this.#broker = broker
    this.#limits = limits
    this.wantsPresence = wantsPresence
  }

  get member(): string {
    return this.#host.member
  }

  get live(): boolean {
    return this.#state === 'live'
  }

  /** Whether nothing of the channel may be written any more. */
  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** Where this client stands. */
  get position(): Cursor {
    return this.#position
  }

  /**
   * Writes `joined`, the starting state and the first events. Resolves when the client stands at the head, or its
   * connection is congested.
   * @throws TriwireError `unavailable` and whatever the snapshot handler throws; nothing has been written then
   */
  async start(start: Start): Promise<void> {
    this.#start = start
    const { after, have } = start
    // What others of this client stand on: where that is lost, all of them start anew.
    if (have !== undefined && (await this.#verifyAhead(have))) return await this.#readOn()
    const resume = after === undefined ? undefined : (this.#pageAtHead(after) ?? (await this.#readPage({ after })))
    if (this.closed) return
    if (resume?.status === 'page') await this.#startResumed(start, resume)
    else if (after !== undefined && resume !== undefined) await this.#startBehindGap(start, after, resume)
    else await this.#startFresh(start)
    await this.#readOn()
  }

  /** Where it stands; undefined while it has no answer to its join. Presence is left to whoever knows the set. */
  freeze(): Omit<FrozenStay, 'presence'> | undefined {
    const start = this.#start
    if (this.#state === 'starting' || this.closed || start === undefined) return undefined
    return {
      address: this.channel.address,
      number: start.number,
      at: formatCursor(this.#position),
      head: this.#head,
      ...(this.#ahead === undefined ? {} : { ahead: formatCursor(this.#ahead) }),
      ...(start.snapshot === undefined ? {} : { snapshot: true }),
    }
  }

  /** Goes on where a reader stood before its process slept. Resolves as `start` does. */
  async revive({ number, at, head, ahead }: FrozenStay, snapshot: Start['snapshot']): Promise<void> {
    this.#start = { number, after: undefined, have: undefined, tail: 0, snapshot, fresh: false }
    this.#position = parseCursor(at)
    this.#head = head
    this.#ahead = ahead === undefined ? undefined : parseCursor(ahead)
    await this.#readOn()
  }

  /** The connection has drained: read on, if that is what this reader waits for. */
  handleDrain(): void {
    if (this.#state === 'lagging') void this.#readOn()
  }

  handleEntry(entry: LogEntry, line: string): void {
    if (this.#state !== 'live') return
    const { cursor } = entry
    if (cursor.epoch === this.#position.epoch && cursor.offset <= this.#position.offset) return
    const previous = entry.prev ?? cursor.offset - 1
    if (cursor.epoch !== this.#position.epoch || previous !== this.#position.offset) {
      void this.#readOn()
      return
    }
    if (this.#host.congested) {
      this.#state = 'lagging'
      return
    }
    this.#position = cursor
    this.#host.writeShared(line)
  }

  handleSignal(line: string, slot: string): void {
    if (this.#state !== 'closed') this.#host.writeLossy(line, `${this.channel.address} ${slot}`)
  }

  handlePresence(line: string): void {
    if (this.#state === 'closed') return
    if (this.#host.congested) this.#missPresence()
    else this.#host.writeShared(line)
  }

  handleReauthorize(): void {
    this.#host.reauthorize(this)
  }

  handleInterrupted(): void {
    this.#interruptions++
    if (this.#state === 'live') void this.#readOn()
    if (this.wantsPresence) this.#missPresence()
  }

  close(): void {
    this.#state = 'closed'
    clearTimeout(this.#retry)
    this.channel.readers.delete(this)
  }

  /** What changes from now on has nothing to go by, until everybody is told anew. */
  #missPresence(): void {
    this.hearsPresence = false
    this.#host.presenceMissed(this)
  }

  /** Reads pages until the head is reached, the connection is congested or the reader closed. */
  async #readOn(): Promise<void> {
    if (this.#state === 'reading' || this.closed) return
    this.#state = 'reading'
    for (;;) {
      if (this.#host.congested) {
        this.#state = 'lagging'
        return
      }
      // A log that lost its tail may end before this reader's position, or have something else there.
      if (this.#verifiedAt === this.#interruptions && this.#isLevelWith(this.channel.position)) {
        this.#state = 'live'
        // The client waits for more than is left, if the tail was lost before it was read.
        if (this.#start && this.#position.offset < this.#head)
          this.#writeJoined(this.#start, this.#position.offset, 'resumed')
        return
      }
      let found: boolean
      try {
        found = await this.#readNext()
      } catch {
        this.#verifiedAt = -1
        found = false
      }
      if (this.closed) return
      // The node has heard of more than the log shows now (a replica behind, a store in trouble): ask again later.
      if (!found) {
        this.#state = 'lagging'
        clearTimeout(this.#retry)
        this.#retry = setTimeout(() => this.handleDrain(), RETRY_MS)
        return
      }
    }
  }

  /** Reads and writes one page; false where there was nothing, and nothing to learn. */
  async #readNext(): Promise<boolean> {
    const from = this.#position
    const interruptions = this.#interruptions
    const isNews = this.#verifiedAt !== interruptions
    if (isNews && this.#ahead !== undefined && this.#ahead.offset > from.offset) {
      if (await this.#verifyAhead(this.#ahead)) return true
    }
    const result = await this.#readPage({ after: from })
    this.#verifiedAt = interruptions
    if (this.closed) return true
    if (result.status === 'gap') {
      if (this.#start !== undefined) await this.#startBehindGap(this.#start, from, result)
      return true
    }
    this.#writeEntries(result.entries)
    return isNews || result.entries.length > 0
  }

  /** Starts behind the gap if what the client stands on is lost; then, or if it has left meanwhile, there is no more to do. */
  async #verifyAhead(ahead: Cursor): Promise<boolean> {
    const result = await this.#broker.read(this.channel.address, { after: ahead, limit: 0, bytes: 0 })
    if (this.closed || result.status === 'page') return this.closed
    if (this.#start !== undefined) await this.#startBehindGap(this.#start, ahead, result)
    return true
  }

  async #startResumed(start: Start, resume: Extract<ReadResult, { readonly status: 'page' }>): Promise<void> {
    let from = resume.from
    let snapshot: SnapshotData | undefined
    if (start.fresh && start.snapshot !== undefined) {
      snapshot = await this.#takeSnapshot(start.snapshot)
      if (snapshot.own && snapshot.at.offset < from.offset) from = snapshot.at
    } else if (start.fresh && start.tail > 0) {
      const tail = await this.#readPage({ tail: start.tail })
      if (tail.status === 'page' && tail.from.offset < from.offset) from = tail.from
    }
    if (this.closed) return
    this.#begin(start, from, resume.head, 'resumed')
    this.#ahead = start.have ?? resume.from
    if (snapshot !== undefined) this.#writeSnapshot(snapshot)
    if (from === resume.from) this.#writeEntries(resume.entries)
  }

  async #startFresh(start: Start): Promise<void> {
    if (start.snapshot !== undefined) {
      const snapshot = await this.#takeSnapshot(start.snapshot)
      if (this.closed) return
      this.#begin(start, snapshot.at, snapshot.head, 'fresh')
      this.#writeSnapshot(snapshot)
      return
    }
    const first =
      start.tail > 0
        ? await this.#readPage({ tail: start.tail })
        : (this.#pageAtHead() ?? (await this.#readPage({})))
    if (this.closed) return
    if (first.status !== 'page') throw new TriwireError('unavailable', 'The log cannot be read now.')
    this.#begin(start, first.from, first.head, 'fresh')
    this.#writeEntries(first.entries)
  }

  /**
   * A gap ends where the log is whole again: with the snapshot, which stands for everything before it; else with the
   * first event that is left; else, where the past was rewritten from an unknown position on, with the head.
   */
  async #startBehindGap(
    start: Start,
    from: Cursor,
    gap: Extract<ReadResult, { readonly status: 'gap' }>,
  ): Promise<void> {
    if (start.snapshot !== undefined) {
      const snapshot = await this.#takeSnapshot(start.snapshot)
      if (this.closed) return
      this.#writeGap(from, gap.reason, snapshot.at)
      this.#begin(start, snapshot.at, snapshot.head, 'fresh')
      this.#writeSnapshot(snapshot)
      return
    }
    this.#writeGap(from, gap.reason, gap.next)
    this.#begin(start, gap.next ?? gap.head, gap.head, 'fresh')
  }

  #begin(start: Start, from: Cursor, head: Cursor, how: 'resumed' | 'fresh'): void {
    this.#position = from
    this.#ahead = undefined
    this.#writeJoined(start, head.offset, how)
  }

  #writeJoined({ number }: Start, head: number, how: 'resumed' | 'fresh'): void {
    this.#head = head
    const at = formatCursor(this.#position)
    this.#host.write(encodeLine({ t: 'joined', ch: this.channel.address, j: number, at, head, how }))
  }

  /** Position first, then data: what is logged in between is in neither or in both, and the line says up to where. */
  async #takeSnapshot(take: NonNullable<Start['snapshot']>): Promise<SnapshotData> {
    const { head } = await this.#readPage({})
    const { data, cursor } = await take()
    if (cursor !== undefined) return { data, at: cursor, head, own: true, overlapTo: 0 }
    const { head: after } = await this.#readPage({})
    return { data, at: head, head, own: false, overlapTo: after.epoch === head.epoch ? after.offset : 0 }
  }

  #writeSnapshot({ data, at, overlapTo }: SnapshotData): void {
    const overlap = overlapTo > at.offset ? { to: overlapTo } : {}
    const head = JSON.stringify({ t: 'snap', ch: this.channel.address, at: formatCursor(at), ...overlap })
    this.#host.write(`${head.slice(0, -1)},"d":${data}}`)
  }

  /** The page behind a position, where that is the head as the node knows it: then there is nothing to ask for. */
  #pageAtHead(after?: Cursor): Extract<ReadResult, { readonly status: 'page' }> | undefined {
    const { head } = this.channel
    if (head === undefined || (after !== undefined && !isSame(after, head))) return undefined
    return { status: 'page', entries: [], from: head, head }
  }

  #isLevelWith(head: Cursor): boolean {
    const { epoch, offset, tag } = this.#position
    return head.epoch === epoch && (head.offset < offset || (head.offset === offset && head.tag === tag))
  }

  /** Writes a page as far as the connection takes it. The rest is read again when it has drained. */
  #writeEntries(entries: readonly LogEntry[]): void {
    this.#wasCut = false
    this.#host.chargePage(entries.length)
    for (const entry of entries) {
      if (this.#host.congested) {
        this.#wasCut = true
        return
      }
      this.#position = entry.cursor
      this.#host.write(encodeEntry(this.channel.address, entry))
    }
  }

  #writeGap(from: Cursor, reason: GapReason, next: Cursor | undefined): void {
    const to = next === undefined ? null : formatCursor(next)
    this.#host.write(encodeLine({ t: 'gap', ch: this.channel.address, from: formatCursor(from), to, reason }))
  }

  #readPage(request: { after?: Cursor; tail?: number }): Promise<ReadResult> {
    const empty = request.after === undefined && request.tail === undefined
    const { replayEvents, replayBytes, outboundBytes } = this.#limits
    // To a connection that could not take all of the page before, more would be read in vain.
    const bytes = this.#wasCut ? Math.min(outboundBytes, replayBytes) : replayBytes
    return this.#broker.read(this.channel.address, { ...request, limit: empty ? 0 : replayEvents, bytes })
  }
}

function isSame(a: Cursor, b: Cursor): boolean {
  return a.offset === b.offset && a.epoch === b.epoch && a.tag === b.tag
}
