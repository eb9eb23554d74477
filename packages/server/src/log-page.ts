/**
 * A page of a public log: the lines of one answer, the same for everybody who asks (PROTOCOL.md §7.3). Pure, but for the
 * read it is given: what a broker says goes in, text and the way on come out.
 *
 * A page that holds events never hides any. Whoever gets an old one goes on behind its last event, so any cache may keep
 * it. Where pages end is a matter of positions, not of who asked and when: readers who come from different places meet at
 * the same ends, and share every page from there on.
 */
import { type Cursor, encodeEvent, encodeLine, formatCursor, TriwireError } from '@triwire/protocol'
import type { LogEntry, ReadRequest, ReadResult } from './broker.ts'

/** Pages end where an offset is a multiple of this: so many short events are some 20 KB, and catching up takes few pages. */
const PAGE_OFFSETS = 100

/** Milliseconds after which a log that moved while it was read is worth another try. */
const RETRY_MS = 1000

/** One page. */
export interface LogPage {
  /** Lines joined by line feeds. */
  readonly text: string
  /** Where a reader stands behind it. */
  readonly at: Cursor
  /** Nothing lies behind the position that was asked about. */
  readonly isEmpty: boolean
  /** More lies behind this page. */
  readonly hasMore: boolean
  /** It holds all that will ever be in it. */
  readonly isFinal: boolean
}

/** What pages are read with. */
export interface PageSource {
  readonly address: string
  readonly read: (request: ReadRequest) => Promise<ReadResult>
  /** Events of a page at most, and bytes of their data; its first event is there in any case. */
  readonly events: number
  readonly bytes: number
}

/**
 * Reads the page behind a position. Without one, the page says where the log ends.
 * @throws TriwireError `unavailable`
 */
export async function readLogPage(source: PageSource, after: Cursor | undefined): Promise<LogPage> {
  const { address, read, events, bytes } = source
  if (after === undefined) {
    const { head } = await read({ limit: 0, bytes: 0 })
    return emptyPage(address, head, 'fresh')
  }
  const size = { limit: Math.min(events, PAGE_OFFSETS), bytes }
  const result = await read({ ...size, after })
  if (result.status === 'page') return pageOf(address, after, result)

  const from = result.next ?? result.head
  const rest = await read({ ...size, after: from })
  if (rest.status === 'gap')
    throw new TriwireError('unavailable', 'The log is moving on. Try again.', { retryMs: RETRY_MS })
  const to = result.next === undefined ? null : formatCursor(result.next)
  const gap = encodeLine({ t: 'gap', ch: address, from: formatCursor(after), to, reason: result.reason })
  const joined = joinedLine(address, from, rest.head.offset, 'fresh')
  const page = pageOf(address, from, rest)
  const lines = page.isEmpty ? [gap, joined] : [gap, joined, page.text]
  // Where a log begins moves with time: it has another answer later.
  return { ...page, text: lines.join('\n'), isEmpty: false, isFinal: false }
}

/** The page of a position with nothing behind it. */
export function emptyPage(address: string, at: Cursor, how: 'fresh' | 'resumed' = 'resumed'): LogPage {
  return { text: joinedLine(address, at, at.offset, how), at, isEmpty: true, hasMore: false, isFinal: false }
}

function pageOf(address: string, after: Cursor, result: Extract<ReadResult, { readonly status: 'page' }>): LogPage {
  const [first] = result.entries
  if (first === undefined) return emptyPage(address, after)
  // From its first event on, because offsets may have holes: then a page must not end before it.
  const end = Math.ceil(first.cursor.offset / PAGE_OFFSETS) * PAGE_OFFSETS
  const entries = result.entries.filter(({ cursor }) => cursor.offset <= end)
  const at = (entries.at(-1) ?? first).cursor
  const hasMore = at.offset < result.head.offset
  const text = entries.map((entry) => eventLine(address, entry)).join('\n')
  return { text, at, isEmpty: false, hasMore, isFinal: hasMore || at.offset === end }
}

/** Without its cause: that names whoever published it, and nobody here has a name to compare it with. */
function eventLine(address: string, { cursor, prev, event, data }: LogEntry): string {
  const sparse = prev === undefined ? {} : { prev }
  return encodeEvent({ ch: address, at: formatCursor(cursor), e: event, ...sparse }, data)
}

/** Whoever asked has no number for it. Lines need one, so all have the same. */
function joinedLine(address: string, at: Cursor, head: number, how: 'fresh' | 'resumed'): string {
  return encodeLine({ t: 'joined', ch: address, j: 1, at: formatCursor(at), head, how })
}
