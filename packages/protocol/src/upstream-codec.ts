/**
 * Upstream text to lines, strict and bounded: every field of every line is checked here, so that nothing behind the
 * codec meets a value of the wrong type. Only servers read upstream, so clients do not carry this.
 */
import { utf8Length } from './codec.ts'
import { TriwireError } from './codes.ts'
import { MAX_CURSOR_LENGTH } from './cursor.ts'
import { DEFAULT_WIRE_LIMITS, MAX_ADDRESS_BYTES, MAX_JSON_DEPTH, type WireLimits } from './limits.ts'
import type { UpstreamLine } from './line.ts'

/**
 * Cuts an upstream batch into lines; empty lines are dropped.
 * @throws TriwireError `body_too_large`, `batch_too_long`, `line_too_large`: a batch over a limit is refused whole
 */
export function splitBatch(text: string, limits: WireLimits = DEFAULT_WIRE_LIMITS): string[] {
  if (text.length > limits.body || (text.length * 3 > limits.body && utf8Length(text) > limits.body)) {
    throw new TriwireError('body_too_large', `A batch has at most ${limits.body} bytes. Send it in parts.`)
  }
  const lines = text.split('\n').filter((line) => line !== '' && line !== '\r')
  if (lines.length > limits.batch) {
    throw new TriwireError(
      'batch_too_long',
      `A batch has at most ${limits.batch} lines; this one has ${lines.length}.`,
    )
  }
  for (const line of lines) {
    if (line.length > limits.line || (line.length * 3 > limits.line && utf8Length(line) > limits.line)) {
      throw new TriwireError('line_too_large', `A line has at most ${limits.line} bytes. Send a reference instead.`)
    }
  }
  return lines
}

/**
 * Reads one upstream line and checks every field of it.
 * @throws TriwireError `bad_line`, `too_deep`
 */
export function decodeUpstream(text: string): UpstreamLine {
  if (exceedsDepth(text, MAX_JSON_DEPTH)) {
    throw new TriwireError('too_deep', `A line nests at most ${MAX_JSON_DEPTH} levels deep.`)
  }
  let line: unknown
  try {
    line = JSON.parse(text)
  } catch {
    throw new TriwireError('bad_line', 'A line is one JSON object; this one is not JSON.')
  }
  if (!isRecord(line)) throw new TriwireError('bad_line', 'A line is one JSON object.')
  const fields = UPSTREAM_FIELDS.get(line.t)
  if (fields === undefined)
    throw new TriwireError(
      'bad_line',
      'A line names its type in "t": hello, join, leave, pub, cmd, sig, pres, ping or seen.',
    )
  for (const [name, check] of fields) {
    const value = Object.hasOwn(line, name) ? line[name] : undefined
    if (!check(value))
      throw new TriwireError(
        'bad_line',
        `Field "${name}" of a ${String(line.t)} line is missing or of the wrong kind.`,
      )
  }
  return line as unknown as UpstreamLine
}

/**
 * Whether JSON text nests deeper than `max`, found without building the value: parsers take millions of levels
 * and then fail to write a few thousand back.
 */
export function exceedsDepth(text: string, max: number): boolean {
  let depth = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (inString) {
      if (code === BACKSLASH) index++
      else if (code === QUOTE) inString = false
    } else if (code === QUOTE) inString = true
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > max) return true
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--
  }
  return false
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

type Check = (value: unknown) => boolean

const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const text =
  (max: number): Check =>
  (value) =>
    typeof value === 'string' && value !== '' && value.length <= max
const integer =
  (min: number, max: number = Number.MAX_SAFE_INTEGER): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
const pattern =
  (regexp: RegExp): Check =>
  (value) =>
    typeof value === 'string' && regexp.test(value)
const boolean: Check = (value) => typeof value === 'boolean'
const anything: Check = (value) => value !== undefined

const address = text(MAX_ADDRESS_BYTES)
const name = text(64)
const session = pattern(/^[A-Za-z0-9_-]{22}$/)
/** Shape only: whether it is a cursor is for the channel to say (`bad_cursor`), not for the line. */
const cursor = text(MAX_CURSOR_LENGTH * 2)

const CHECKS: { readonly [TType in UpstreamLine['t']]: Readonly<Record<string, Check>> } = {
  hello: {
    v: integer(0),
    s: session,
    k: optional(text(16 * 1024)),
    wait: optional(integer(0, 60_000)),
  },
  join: {
    ch: address,
    j: integer(0),
    after: optional(cursor),
    have: optional(cursor),
    tail: optional(integer(0, 1_000_000)),
    snap: optional(boolean),
    fresh: optional(boolean),
    pres: optional((value) => typeof value === 'string' && value.length <= 64),
  },
  leave: { ch: address },
  pub: { ch: address, n: integer(1), lo: optional(integer(1)), e: name, d: anything },
  cmd: { ch: address, id: pattern(/^[A-Za-z0-9_-]{1,64}$/), c: name, d: anything },
  sig: { ch: address, e: name, k: optional(name), d: anything },
  pres: { ch: address, n: integer(1), s: optional(session) },
  ping: { n: integer(0) },
  seen: { n: integer(1) },
}

/** The same, as lists: one is gone through for each line. */
const UPSTREAM_FIELDS: ReadonlyMap<unknown, readonly (readonly [name: string, check: Check])[]> = new Map(
  Object.entries(CHECKS).map(([type, checks]) => [type, Object.entries(checks)]),
)

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
