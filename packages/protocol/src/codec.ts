/**
 * Lines to text, and downstream text to lines. A client trusts its server for shapes but not for its wits: what it
 * cannot read it skips, so newer servers may add lines.
 */
import type { DownstreamLine, EventLine, UpstreamLine } from './line.ts'

/** Writes one line. Undefined fields are left out; the order of the fields is the object's own. */
export function encodeLine(line: UpstreamLine | DownstreamLine): string {
  return JSON.stringify(line)
}

/** Writes an event around a payload that is JSON text already, so that it is encoded once for everybody. */
export function encodeEvent(line: Omit<EventLine, 't' | 'd'>, payload: string): string {
  const { ch, at, prev, e, c } = line
  const head = JSON.stringify({ t: 'ev', ch, at, prev, e, c })
  return `${head.slice(0, -1)},"d":${payload}}`
}

/** Joins lines to a batch. */
export function encodeBatch(lines: readonly string[]): string {
  return lines.join('\n')
}

/** Reads one downstream line; undefined where it is not a line at all. */
export function decodeDownstream(text: string): DownstreamLine | undefined {
  try {
    const line = JSON.parse(text) as { readonly t?: unknown } | null
    return typeof line?.t === 'string' ? (line as DownstreamLine) : undefined
  } catch {
    return undefined
  }
}

/** Bytes a string takes in UTF-8 (lone surrogates count as U+FFFD, three bytes). */
export function utf8Length(text: string): number {
  let bytes = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.codePointAt(index) as number
    if (code > 0xffff) index++
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}
