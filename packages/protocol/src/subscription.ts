/**
 * One channel as a client session reads it: where it stands, what it has asked for, and the contiguity check
 * that every event passes on every wire. Expected offsets are delivered, lower ones dropped, higher ones mean
 * something was lost on the way: the channel is joined again from where it stands.
 */
import { TriwireError } from './codes.ts'
import { type Cursor, formatCursor, parseCursor } from './cursor.ts'
import type { EventLine, GapLine, JoinedLine, JoinLine, SnapshotLine } from './line.ts'

/** What the app wants of a channel. The wants of several observers are merged by whoever calls. */
export interface Want {
  /** The last n events, as history. */
  readonly tail?: number | undefined
  /** The channel's snapshot. */
  readonly snapshot?: boolean | undefined
  /** Who is present. */
  readonly presence?: boolean | undefined
  /** Begin behind this cursor. Only looked at before the first join. */
  readonly after?: string | undefined
}

/**
 * What to do with an event: `next` continues the log, `past` belongs to the starting state of a newcomer, and on
 * a `hole` the channel must be joined again.
 */
export type Continuity = 'next' | 'past' | 'duplicate' | 'hole'

/** The state of one subscribed channel. Sans I/O, like everything here. */
export class Subscription {
  readonly address: string
  #want: Want
  /** Where a newcomer wants to begin, below the position. */
  #startAfter: Cursor | undefined
  /** Position of the last event delivered; undefined until the first `joined`, and between a gap and the next one. */
  cursor: Cursor | undefined
  /** The log's head when this stay began: events up to it are history or recovered, not live. */
  head = 0
  /** Whether the current stay began anew. */
  startedFresh = false
  /** The log's head when the channel last began anew: events up to it are history, also when a cut parts them. */
  historyTo = 0
  /** Whether a join must be written. */
  needsJoin = true
  /** Whether the next join asks for the starting state although the position is known. */
  needsStart = true
  presenceVersion = ''
  /** When a refused join is to be written again. */
  retryAt: number | undefined
  ended = false
  /** The join without an answer: whether it asked for a starting state. */
  asked: { readonly start: boolean } | undefined
  #number = 0
  /** While a newcomer's tail is replayed below the position: the offset delivered to it last. */
  #rewind: number | undefined
  /** Whether the `snap` line that follows `joined` is still on its way. */
  #awaitsSnapshot = false
  /** Whether a gap has been reported and the log has not been joined again since. */
  #gapped = false
  /** What the `snap` line of this stay means to observers: events up to it may be contained. */
  overlapTo = 0

  constructor(address: string, want: Want) {
    this.address = address
    this.#want = want
    if (want.after !== undefined) this.cursor = parseCursor(want.after)
  }

  get want(): Want {
    return this.#want
  }

  /** Takes a changed want; an `after` below the position is replayed for the newcomer who asks. */
  handleWant(want: Want): void {
    this.#want = want
    if (want.after === undefined) return
    const after = parseCursor(want.after)
    if (this.cursor !== undefined && after.epoch !== this.cursor.epoch) {
      throw new TriwireError(
        'bad_cursor',
        'This cursor is from an earlier life of the log. Start from a snapshot or from now.',
      )
    }
    const lowest = this.#startAfter ?? this.cursor
    if (lowest === undefined || after.offset < lowest.offset) this.#startAfter = after
  }

  /** The join line to write now. */
  takeJoin(number: number): JoinLine {
    const { tail, snapshot, presence } = this.#want
    const after = this.#startAfter ?? this.cursor
    const start = this.needsStart
    this.needsJoin = false
    this.retryAt = undefined
    this.asked = { start }
    this.#number = number
    return {
      t: 'join',
      ch: this.address,
      j: number,
      after: after && formatCursor(after),
      tail: tail || undefined,
      snap: snapshot || undefined,
      fresh: (start && after && (snapshot || !!tail)) || undefined,
      pres: presence ? this.presenceVersion : undefined,
    }
  }

  /**
   * Takes a `joined` line; tells who starts: everybody (`anew`), everybody behind a gap (`gap`), those who came since
   * (`newcomers`), or nobody.
   */
  handleJoined(line: JoinedLine): 'anew' | 'gap' | 'newcomers' | 'nobody' | 'unexpected' {
    // A server that finds a gap in mid-stay starts the channel anew under the number of its last join.
    const expected = this.asked !== undefined || (this.cursor === undefined && this.#number > 0)
    if (!expected || line.j !== this.#number) return 'unexpected'
    const at = parseCursor(line.at)
    const start = this.asked?.start === true
    this.asked = undefined
    this.head = line.head
    this.#rewind = undefined
    if (start) this.needsStart = false
    this.#awaitsSnapshot = (start || this.cursor === undefined) && this.want.snapshot === true
    if (this.cursor === undefined) {
      this.#startAfter = undefined
      this.cursor = at
      this.startedFresh = true
      // What follows a gap is no history: it happened after the position this reader had, and was recovered.
      this.historyTo = this.#gapped ? 0 : line.head
      this.overlapTo = 0
      const how = this.#gapped ? 'gap' : 'anew'
      this.#gapped = false
      return how
    }
    this.startedFresh = false
    // A newcomer's wish could not be met and the server begins beyond our position: go back for what lies between.
    if (at.epoch !== this.cursor.epoch || at.offset > this.cursor.offset) {
      this.needsJoin = true
      this.#startAfter = undefined
      return start ? 'newcomers' : 'nobody'
    }
    if (start && at.offset < this.cursor.offset) this.#rewind = at.offset
    else this.#startAfter = undefined
    return start ? 'newcomers' : 'nobody'
  }

  /** Takes a `snap` line; returns the position it belongs to, or undefined where nobody asked. */
  handleSnapshot(line: SnapshotLine): Cursor | undefined {
    if (this.cursor === undefined) return undefined
    this.#awaitsSnapshot = false
    this.overlapTo = line.to ?? 0
    return parseCursor(line.at)
  }

  /** Judges an event and moves the position. */
  handleEvent(line: EventLine): { readonly continuity: Continuity; readonly cursor: Cursor } {
    const cursor = parseCursor(line.at)
    const previous = line.prev ?? cursor.offset - 1
    if (this.cursor === undefined) return { continuity: 'duplicate', cursor }
    if (cursor.epoch !== this.cursor.epoch) return { continuity: 'hole', cursor }
    if (cursor.offset <= this.cursor.offset) {
      if (this.#rewind === undefined || previous !== this.#rewind) return { continuity: 'duplicate', cursor }
      this.#rewind = cursor.offset < this.cursor.offset ? cursor.offset : undefined
      if (this.#rewind === undefined) this.#startAfter = undefined
      return { continuity: 'past', cursor }
    }
    if (previous !== this.cursor.offset) return { continuity: 'hole', cursor }
    this.cursor = cursor
    this.#awaitsSnapshot = false
    return { continuity: 'next', cursor }
  }

  /**
   * Takes a `gap` line. False where it says nothing new: it was reported already, or another wire has meanwhile
   * delivered what this one could not.
   */
  handleGap(line: GapLine): boolean {
    if (this.cursor === undefined) return false
    if (line.reason === 'trimmed' && line.to !== null) {
      const to = parseCursor(line.to)
      if (to.epoch === this.cursor.epoch && to.offset <= this.cursor.offset) return false
    }
    this.cursor = undefined
    this.#gapped = true
    return true
  }

  /** The server could not let this channel in yet: ask again at a later time. */
  handleRefused(retryAt: number): void {
    if (this.asked?.start) this.needsStart = true
    this.asked = undefined
    this.retryAt = retryAt
  }

  /** The wire is gone: join again on the next one. */
  handleDetached(): void {
    if (!this.ended) this.needsJoin = true
    // A starting state that was cut off before its end is asked for again.
    if (this.asked?.start || this.#awaitsSnapshot || this.#rewind !== undefined) this.needsStart = true
    this.asked = undefined
  }
}
