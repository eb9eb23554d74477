/**
 * What travels through pub/sub, one text per message. The first character says what it is:
 *
 * - `e` an event: tag of the entry before it, cursor, event and cause as JSON, newline, data
 * - `p` a change of the presence set: `j`, `u` or `l`, version, member as JSON, newline, data
 * - `d` milliseconds until the next presence lease ends
 * - `s` a signal: event, key and member as JSON, newline, data
 */
import { type LogEntry, type PresenceChange, parseCursor, type SignalMessage } from '@triwire/server'

/** A message in its parts. */
export type Message =
  | { readonly type: 'entry'; readonly entry: LogEntry; readonly tagBefore: string }
  | { readonly type: 'presence'; readonly change: PresenceChange }
  | { readonly type: 'due'; readonly dueMs: number }
  | { readonly type: 'signal'; readonly signal: SignalMessage }

/** Reads a message; undefined where it is none of ours. Anybody with the password can publish anything. */
export function parseMessage(text: string): Message | undefined {
  try {
    const end = text.indexOf('\n')
    const head = end === -1 ? text.slice(1) : text.slice(1, end)
    const data = end === -1 ? '' : text.slice(end + 1)
    switch (text[0]) {
      case 'e': {
        const [tagBefore, at, what] = cut(head)
        return { type: 'entry', entry: parseEntry(at, what, data), tagBefore }
      }
      case 'p':
        return { type: 'presence', change: parseChange(head, data) }
      case 'd':
        return Number.isFinite(Number(head)) ? { type: 'due', dueMs: Number(head) } : undefined
      case 's': {
        const [event, key, member] = JSON.parse(head) as [string, string | null, string | null]
        return { type: 'signal', signal: { event, key: key ?? undefined, member: member ?? undefined, data } }
      }
      default:
        return undefined
    }
  } catch {
    return undefined
  }
}

/** Writes a signal; the other messages are written by the scripts. */
export function formatSignal({ event, key, member, data }: SignalMessage): string {
  return `s${JSON.stringify([event, key ?? null, member ?? null])}\n${data}`
}

/** Writes what a script keeps beside the data of an event without looking at it. */
export function formatWhat(event: string, cause: string | undefined): string {
  return JSON.stringify(cause === undefined ? [event] : [event, cause])
}

/** An entry from its cursor as text, what `formatWhat` wrote, and its data. */
export function parseEntry(at: string, what: string, data: string): LogEntry {
  const [event, cause] = JSON.parse(what) as [string, string | undefined]
  if (typeof event !== 'string') throw new SyntaxError('no event')
  return { cursor: parseCursor(at), prev: undefined, event, data, cause }
}

function parseChange(head: string, data: string): PresenceChange {
  const [opAndVersion, name] = split(head)
  const version = opAndVersion.slice(1)
  const member = JSON.parse(name) as unknown
  if (typeof member !== 'string') throw new SyntaxError('no member')
  switch (opAndVersion[0]) {
    case 'j':
      return { op: 'join', member, data, version }
    case 'u':
      return { op: 'update', member, data, version }
    case 'l':
      return { op: 'leave', member, version }
    default:
      throw new SyntaxError('no change')
  }
}

function cut(head: string): readonly [string, string, string] {
  const [first, rest] = split(head)
  return [first, ...split(rest)]
}

function split(text: string): readonly [string, string] {
  const space = text.indexOf(' ')
  if (space === -1) throw new SyntaxError('too short')
  return [text.slice(0, space), text.slice(space + 1)]
}
