/**
 * One channel as a client session reads it: where it stands, what it has asked for, and the contiguity check
 * that every event passes on every wire. Expected offsets are delivered, lower ones dropped, higher ones mean
 * something was lost on the way: the channel is joined again from where it stands.
 */
import { TriwireError } from './codes.ts'
import { type Cursor, formatCursor, parseCursor } from './cursor.ts'
import type { EventLine, GapLine, JoinedLine, JoinLine, PresenceDeliveryLine, SnapshotLine } from './line.ts'

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

/** A starting state, and the position it belongs to. */
interface Snapshot {
  readonly at: Cursor
  readonly data: unknown
}

/** The state of one subscribed channel. Sans I/O, like everything here. */
export class Subscription {
  readonly address: string
  want: Want
  /** Position of the last event delivered; undefined until the first `joined`, and between a gap and the next one. */
  cursor: Cursor | undefined
  /** The log's head when this stay began: events up to it are history or recovered, not live. */
  head = 0
  /** What the `snap` lines of this stay mean to observers: events up to it may be contained in one. */
  overlapTo = 0
  /** Whether a join must be written. */
  needsJoin = true
  /** Whether a starting state is still owed: the next join asks for it, although the position may be known. */
  needsStart: boolean
  /** When a refused join is to be written again. */
  retryAt: number | undefined
  ended = false
  /** The number of the last join. */
  number = 0
  /** Who is present, as the server said. */
  members: ReadonlyMap<string, unknown> = new Map()
  /** The join without an answer: whether it asked for a starting state, and whether from behind a gap. */
  asked: { readonly start: boolean; readonly gapped: boolean } | undefined
  #presenceVersion = ''
  /** Where a newcomer wants to begin, below the position. */
  #startAfter: Cursor | undefined
  /** The log's head when the channel last began anew: events up to it are history, also when a cut parts them. */
  #historyTo = 0
  /** While a newcomer's tail is replayed below the position: the offset delivered to it last. */
  #rewind: number | undefined
  /** Whether that has begun and the next wire goes on with it: a poll may end in the middle of one. */
  #rewound = false
  /** Where that replay began. */
  #rewoundFrom: Cursor | undefined
  /** Whether a newcomer has come since the last join was written. */
  #newcomer = false
  /** Whether a gap has been reported and the log has not been joined again since. */
  #gapped = false
  /** Where to go on behind that gap, as a wire may be lost between it and its `joined`: its end, or if unknown its beginning. */
  #behindGap: Cursor | undefined
  #gapEndKnown = false
  /** Where the last gap began, as the server said. */
  #gapFrom = ''
  /** Whether the log has another event at this position than the one that was delivered: it has lost its tail. */
  #parted = false
  /** A newcomer's snapshot from beyond the position: it counts when the log has led there. */
  #snapshot: Snapshot | undefined
  /** The last offset that came over the wire which also brings the answers to joins. */
  #heard = 0

  /** @param start whether a starting state is wanted although `after` says where to begin */
  constructor(address: string, want: Want, start = true) {
    this.address = address
    this.want = want
    this.needsStart = start
    if (want.after !== undefined) this.cursor = parseCursor(want.after)
  }

  /** Whether everything up to the head has been delivered. */
  get current(): boolean {
    return this.cursor !== undefined && this.cursor.offset >= this.head
  }

  /** How an event that continues the log came about. */
  kindOf(offset: number): 'history' | 'replayed' | 'live' {
    if (offset <= this.#historyTo) return 'history'
    return offset <= this.head ? 'replayed' : 'live'
  }

  /**
   * Takes a changed want; an `after` below the position is replayed for the newcomer who asks.
   * @param start whether a starting state is wanted although the position may be known
   */
  handleWant(want: Want, start: boolean): void {
    if (want.after !== undefined) {
      const after = parseCursor(want.after)
      const lowest = this.#startAfter ?? this.cursor
      if (this.cursor !== undefined && after.epoch !== this.cursor.epoch)
        throw new TriwireError('bad_cursor', 'This cursor is of an earlier log. Start from now.')
      // Also where that is the position itself, which moves on until the join has its answer.
      if (lowest === undefined || after.offset <= lowest.offset) this.#startAfter = after
    }
    if (want.presence && !this.want.presence) {
      this.#presenceVersion = ''
      this.needsJoin = true
    }
    if (start) {
      this.needsJoin = this.needsStart = this.#newcomer = true
      this.#rewound = false
    }
    this.want = want
  }

  /** The join line to write now. */
  takeJoin(number: number): JoinLine {
    const { tail, snapshot, presence } = this.want
    if (!this.#startAfter) this.#keepRewind()
    const after = this.#startAfter ?? this.cursor ?? this.#behindGap
    const start = this.needsStart
    this.needsJoin = this.#newcomer = false
    this.retryAt = undefined
    this.asked = { start, gapped: this.#gapped }
    this.number = number
    return {
      t: 'join',
      ch: this.address,
      j: number,
      after: after && formatCursor(after),
      have: this.#startAfter && this.cursor && formatCursor(this.cursor),
      tail: tail || undefined,
      snap: snapshot || undefined,
      fresh: (start && after && !this.#rewound && (snapshot || !!tail)) || undefined,
      pres: presence ? this.#presenceVersion : undefined,
    }
  }

  /**
   * Takes a `joined` line; tells who starts: everybody (`anew`), everybody behind a gap (`gap`), those who came since
   * (`newcomers`), or nobody.
   */
  handleJoined({ j, at: text, head, how }: JoinedLine): 'anew' | 'gap' | 'newcomers' | 'nobody' | 'unexpected' {
    const { cursor } = this
    const at = parseCursor(text)
    // A server that finds a gap in mid-stay starts the channel anew under the number of its last join.
    if (j !== this.number || j === 0 || (this.asked === undefined && cursor !== undefined)) {
      // Another join is under way, but this one says where the log goes on, if nothing has said so yet.
      if (this.#gapped && !this.#gapEndKnown && how === 'fresh') this.#endGapAt(at)
      if (j !== this.number || how === 'fresh') return 'unexpected'
      // Before all that was promised could be read, the log has lost its tail: this is all there is.
      this.head = head
      return 'nobody'
    }
    const { start, gapped } = this.asked ?? { start: false, gapped: true }
    this.asked = undefined
    if (cursor === undefined && this.#gapped && !gapped) {
      // Another wire has told of the gap since this was asked. Where the answer goes on elsewhere than that gap has ended,
      // be it in the past that is lost or further on, ask again from there.
      const elsewhere = this.#gapEndKnown && this.#behindGap && formatCursor(this.#behindGap) !== text
      if (how === 'resumed' || elsewhere) {
        this.needsJoin = true
        return 'unexpected'
      }
    }
    this.#parted = false
    this.head = head
    this.#rewind = undefined
    if (cursor === undefined) {
      const gapped = this.#gapped
      this.#gapped = false
      this.#behindGap = undefined
      this.#endRewind()
      this.cursor = at
      // What follows a gap is no history: it happened after the position this reader had, and was recovered.
      this.#historyTo = gapped ? 0 : head
      this.#heard = 0
      this.#snapshot = undefined
      this.overlapTo = 0
      this.needsStart = true
      this.#handleStarted(this.want.snapshot)
      return gapped ? 'gap' : 'anew'
    }
    // The log ends before a snapshot that was taken of it: that was of a past which is lost.
    if (this.#snapshot && head < this.#snapshot.at.offset) this.#forgetSnapshot()
    const beyond = at.epoch !== cursor.epoch || at.offset > cursor.offset
    if ((start || this.#rewound) && !beyond && at.offset < cursor.offset) {
      this.#rewind = at.offset
      this.#rewoundFrom = at
    } else this.#endRewind()
    // Not asked for again where it begins beyond our position: it would again.
    if (start) this.#handleStarted(this.want.snapshot && !beyond)
    // A newcomer's wish could not be met and the server begins beyond our position: go back for what lies between. Or the
    // log ends before what the same wire has brought: the join was on its way while the tail was lost. Look again.
    if (beyond || head < this.#heard) this.needsJoin = true
    return start ? 'newcomers' : 'nobody'
  }

  /** Part of a starting state has come. None is owed any longer where that was all and nobody has asked anew. */
  #handleStarted(more?: boolean): void {
    const { needsJoin, asked, retryAt } = this
    if (!more && this.#rewind === undefined && !needsJoin && !asked && retryAt === undefined)
      this.needsStart = false
  }

  /** Takes a `snap` line, unless nobody asked. */
  handleSnapshot(line: SnapshotLine): void {
    if (this.cursor === undefined) return
    this.#handleStarted()
    this.#keepRewind()
    this.#snapshot = { at: parseCursor(line.at), data: line.d }
    this.overlapTo = Math.max(this.overlapTo, line.to ?? 0)
  }

  /** The snapshot that has come, once the log has led to its position, or past it. */
  takeSnapshot(): Snapshot | undefined {
    const { cursor } = this
    const snapshot = this.#snapshot
    const at = snapshot?.at
    if (!at || at.epoch !== cursor?.epoch || at.offset > cursor.offset) return undefined
    this.#snapshot = undefined
    return snapshot
  }

  /** Asks for a snapshot in the place of one from a past that is lost. */
  #forgetSnapshot(): void {
    this.#snapshot = undefined
    this.needsStart = this.needsJoin = true
  }

  /**
   * Judges an event and moves the position. At a hole the channel is joined again, unless that is under way.
   * @param replaced whether it came over a wire that is on its way out
   */
  handleEvent(
    { at, prev }: EventLine,
    replaced = false,
  ): { readonly continuity: Continuity; readonly cursor: Cursor } {
    const cursor = parseCursor(at)
    const continuity = this.#judge(cursor, prev ?? cursor.offset - 1, replaced)
    if (continuity === 'next') {
      this.cursor = cursor
      const at = this.#snapshot?.at
      if (at?.offset === cursor.offset && at.tag !== cursor.tag) this.#forgetSnapshot()
      if (!replaced) this.#heard = cursor.offset
    }
    if (continuity === 'hole') this.needsJoin ||= this.asked === undefined
    else if (continuity !== 'duplicate') this.#handleStarted()
    return { continuity, cursor }
  }

  #judge(at: Cursor, previous: number, replaced: boolean): Continuity {
    const { epoch, offset } = at
    const { cursor } = this
    if (cursor === undefined) return 'duplicate'
    if (epoch !== cursor.epoch) return 'hole'
    this.#parted ||= offset === cursor.offset && at.tag !== cursor.tag
    if (this.#parted) return 'hole'
    if (offset > cursor.offset) {
      // A newcomer must not be given it before its past; the wire that replays that brings this as well.
      if (this.#rewind !== undefined && replaced) return 'duplicate'
      return previous === cursor.offset && this.#rewind === undefined ? 'next' : 'hole'
    }
    if (previous !== this.#rewind) return previous > (this.#rewind ?? previous) ? 'hole' : 'duplicate'
    this.#rewind = offset
    this.#startAfter = at
    this.#rewound = true
    if (offset === cursor.offset) this.#endRewind()
    return 'past'
  }

  /** Whoever is in a replay goes on with it, should the channel be joined again before the first of its events. */
  #keepRewind(): void {
    if (this.#rewind === undefined) return
    this.#startAfter = this.#rewoundFrom
    this.#rewound = !this.#newcomer
  }

  #endRewind(): void {
    this.#rewind = undefined
    this.#rewound = false
    // Whoever has come since the last join was written has not been asked for yet.
    if (!this.#newcomer) this.#startAfter = undefined
  }

  /**
   * Takes a `gap` line. False where it says nothing new: it was reported already, or another wire has meanwhile
   * delivered what this one could not.
   */
  handleGap({ reason, from, to }: GapLine): boolean {
    const { cursor } = this
    // Another join that was under way meets the gap that is behind us already.
    if (cursor !== undefined && from === this.#gapFrom) return false
    const begin = cursor ?? this.#behindGap
    if (begin === undefined || (cursor === undefined && formatCursor(begin) !== from)) return false
    if (cursor && this.asked?.start && this.#startAfter && from !== formatCursor(cursor)) {
      // What a newcomer asked for is lost. Our position is not, or the gap would begin there.
      this.#startAfter = this.#rewind = undefined
      this.#rewound = false
      return false
    }
    const end = to === null ? undefined : parseCursor(to)
    if (reason === 'trimmed' && end?.epoch === begin.epoch && end.offset <= begin.offset) return false
    // Another wire has brought more since this was asked, and what follows that may still be there: ask again.
    const asked = parseCursor(from)
    if (
      reason === 'trimmed' &&
      cursor?.epoch === asked.epoch &&
      asked.offset < cursor.offset &&
      !this.#startAfter
    ) {
      this.asked = undefined
      this.needsJoin = true
      return false
    }
    const isNew = cursor !== undefined || this.#gapEndKnown
    this.cursor = undefined
    this.#gapFrom = from
    this.#behindGap = begin
    this.#gapEndKnown = false
    if (end) this.#endGapAt(end)
    // A snapshot stands for what is missing. A tail does not: it begins with what everybody has had.
    this.needsStart ||= this.want.snapshot === true
    this.#gapped = true
    return isNew
  }

  #endGapAt(end: Cursor): void {
    this.#behindGap = end
    this.#gapEndKnown = true
  }

  /** Takes a change of the presence set; returns who is there after it. */
  handlePresence(line: PresenceDeliveryLine): ReadonlyMap<string, unknown> {
    const members = new Map(line.op === 'all' ? line.d.map(({ m, d }) => [m, d]) : this.members)
    if (line.op === 'leave') members.delete(line.m)
    else if (line.op !== 'all') members.set(line.m, line.d)
    this.#presenceVersion = line.v
    this.members = members
    return members
  }

  /** The server could not let this channel in yet: ask again at a later time. */
  handleRefused(retryAt: number): void {
    this.asked = undefined
    this.retryAt = retryAt
  }

  /** The stay is over, and nothing is asked any more. */
  handleEnd(): void {
    this.ended = true
    this.needsJoin = false
    this.asked = undefined
    this.retryAt = undefined
  }

  /** The deadline has passed. */
  handleTimeout(now: number): void {
    if (this.retryAt === undefined || this.retryAt > now) return
    this.retryAt = undefined
    this.needsJoin = true
  }

  /** The wire is gone: join again on the next one. */
  handleDetached(): void {
    this.needsJoin = !this.ended
    this.asked = undefined
  }
}
