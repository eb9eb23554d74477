/**
 * What lies in the log, as one text per message: a head of JSON, newline, data. NATS numbers the messages of all channels
 * together; a channel numbers its own, and each message says which one it follows and where the ones before it lie. Its head
 * is an array:
 *
 * 1. `e` an event, or `m` a mark: a position without an event, for a channel that is new, or quiet for long
 * 2. epoch
 * 3. tag, 4. offset and 5. tag of the event before it; of a mark, 3. is its own name and 4. and 5. are the head of the log
 * 6. how many bytes of data there were, up to and with this one
 * 7. when, in milliseconds since 1970 by the server's clock
 * 8. the history that holds since: number, age in milliseconds, bytes; null where nothing was appended yet
 * 9. where the event of 4 and those before it lie in the stream, at most 31: the first, then differences
 * 10. the message it follows on its subject, marks included; 0 where there is none
 * 11. event, 12. cause or null
 *
 * Signals are `[event, key, member]`, newline, data.
 */
import { type Cursor, type History, type LogEntry, parseCursor, type SignalMessage } from '@triwire/server'

/** A message of the log in its parts. */
export interface LogMessage {
  /** Where it lies in the stream. */
  readonly sequence: number
  /** The position it makes; of a mark, the head of the log. */
  readonly head: Cursor
  /** The position before the event; undefined for a mark. */
  readonly before: Cursor | undefined
  readonly bytes: number
  readonly at: number
  readonly history: History | undefined
  /** Where the events up to `head` lie, newest first: a reader need not go back one by one. */
  readonly sequences: readonly number[]
  /** The message it follows on its subject. */
  readonly follows: number
  readonly event: string
  readonly cause: string | undefined
  readonly data: string
  /** Bytes of the data. */
  readonly size: number
}

/** Events of which a message knows where they lie, itself included. */
export const MAX_SEQUENCES = 32

/** A message of the log before it is stored. `before` is undefined for a mark, whose `tag` is just its name. */
export interface Draft extends Omit<LogMessage, 'sequence' | 'head' | 'size'> {
  readonly tag: string
  /** Of a mark: the head of the log. Of an event: the position before it. */
  readonly position: Cursor
}

/** Writes one. */
export function formatMessage(draft: Draft): string {
  const { tag, position, before, bytes, at, history, sequences, follows, event, cause, data } = draft
  const differences = sequences.map((sequence, index) =>
    index === 0 ? sequence : (sequences[index - 1] ?? 0) - sequence,
  )
  const kept = history === undefined ? null : [history.keep, history.ttlMs, history.bytes]
  const head: readonly unknown[] = [
    before === undefined ? 'm' : 'e',
    position.epoch,
    tag,
    position.offset,
    position.tag,
    bytes,
    at,
    kept,
    differences,
    follows,
    ...(before === undefined ? [] : [event, cause ?? null]),
  ]
  return `${JSON.stringify(head)}\n${data}`
}

/** Reads one; undefined where it is none of ours. Anybody with the password can store anything. */
export function parseMessage(sequence: number, text: string): LogMessage | undefined {
  try {
    const end = text.indexOf('\n')
    const head = JSON.parse(text.slice(0, end)) as unknown[]
    const [type, epoch, tag, offset, tagBefore, bytes, at, kept, differences, follows, event, cause] = head
    if (![sequence, bytes, at, follows].every(Number.isFinite)) return undefined
    const position = parseCursor(`${epoch}:${offset}:${tagBefore}`)
    const sequences = toSequences(differences)
    const history = toHistory(kept)
    if (sequences === undefined || history === 'malformed') return undefined
    const shared = { sequence, bytes: bytes as number, at: at as number, history, follows: follows as number }
    if (type === 'm') {
      return {
        ...shared,
        head: position,
        before: undefined,
        sequences,
        event: '',
        cause: undefined,
        data: '',
        size: 0,
      }
    }
    if (type !== 'e' || typeof event !== 'string' || (cause !== null && typeof cause !== 'string')) return undefined
    const data = text.slice(end + 1)
    return {
      ...shared,
      head: parseCursor(`${epoch}:${position.offset + 1}:${tag}`),
      before: position,
      sequences: [sequence, ...sequences].slice(0, MAX_SEQUENCES),
      event,
      cause: cause ?? undefined,
      data,
      size: Buffer.byteLength(data),
    }
  } catch {
    return undefined
  }
}

/** The entry a message is. */
export function toEntry({ head, event, cause, data }: LogMessage): LogEntry {
  return { cursor: head, prev: undefined, event, data, cause }
}

/** Writes a signal. */
export function formatSignal({ event, key, member, data }: SignalMessage): string {
  return `${JSON.stringify([event, key ?? null, member ?? null])}\n${data}`
}

/** Reads a signal; undefined where it is none of ours. */
export function parseSignal(text: string): SignalMessage | undefined {
  try {
    const end = text.indexOf('\n')
    const [event, key, member] = JSON.parse(text.slice(0, end)) as unknown[]
    if (typeof event !== 'string' || !isTextOrNull(key) || !isTextOrNull(member)) return undefined
    return { event, key: key ?? undefined, member: member ?? undefined, data: text.slice(end + 1) }
  } catch {
    return undefined
  }
}

/** Whether two cursors are the same position. */
export function isSame(one: Cursor, other: Cursor): boolean {
  return one.epoch === other.epoch && one.offset === other.offset && one.tag === other.tag
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}

function toSequences(differences: unknown): readonly number[] | undefined {
  if (!Array.isArray(differences)) return undefined
  const sequences: number[] = []
  let last = 0
  for (const difference of differences as unknown[]) {
    if (!(Number.isSafeInteger(difference) && (difference as number) > 0)) return undefined
    last = sequences.length === 0 ? (difference as number) : last - (difference as number)
    if (last <= 0) return undefined
    sequences.push(last)
  }
  return sequences
}

function toHistory(kept: unknown): History | undefined | 'malformed' {
  if (kept === null) return undefined
  if (!Array.isArray(kept) || kept.length !== 3 || !kept.every(Number.isFinite)) return 'malformed'
  const [keep, ttlMs, bytes] = kept as [number, number, number]
  return { keep, ttlMs, bytes }
}
