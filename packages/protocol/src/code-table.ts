/**
 * Every code a line, a response or a closing socket can carry, with what the receiver should do about it.
 * PROTOCOL.md §9 is this table in prose. `status` answers HTTP requests (RFC 9110), `close` ends WebSockets
 * (RFC 6455 §7.4: 4000–4999 is for applications; 1001, 1003, 1009 and 1013 are kept where they fit exactly).
 */
import type { Advice, Code } from './codes.ts'

/** What a code means to servers. */
export interface CodeEntry {
  readonly advice: Advice
  readonly status: number
  readonly close: number
}

/** The table itself. Frozen in meaning: codes are added, never redefined. */
export const CODES: Readonly<Record<Code, CodeEntry>> = {
  // The peer wrote something that is not the protocol.
  bad_line: { advice: 'stop', status: 400, close: 4400 },
  bad_version: { advice: 'stop', status: 400, close: 4406 },
  hello_expected: { advice: 'stop', status: 400, close: 4400 },
  too_deep: { advice: 'stop', status: 400, close: 4400 },
  line_too_large: { advice: 'stop', status: 413, close: 1009 },
  body_too_large: { advice: 'stop', status: 413, close: 1009 },
  batch_too_long: { advice: 'stop', status: 413, close: 1009 },
  unsupported_encoding: { advice: 'stop', status: 415, close: 1003 },
  method_not_allowed: { advice: 'stop', status: 405, close: 4405 },
  not_found: { advice: 'stop', status: 404, close: 4404 },
  token_in_url: { advice: 'stop', status: 400, close: 4400 },
  // Who asks, and from where.
  unauthorized: { advice: 'reauthenticate', status: 401, close: 4401 },
  auth_timeout: { advice: 'retry', status: 408, close: 4408 },
  forbidden: { advice: 'stop', status: 403, close: 4403 },
  bad_origin: { advice: 'stop', status: 403, close: 4403 },
  // What is asked for.
  bad_channel: { advice: 'stop', status: 400, close: 4400 },
  unknown_channel: { advice: 'stop', status: 404, close: 4404 },
  bad_cursor: { advice: 'stop', status: 400, close: 4400 },
  bad_payload: { advice: 'stop', status: 422, close: 4422 },
  unknown_event: { advice: 'stop', status: 404, close: 4404 },
  unknown_command: { advice: 'stop', status: 404, close: 4404 },
  refused: { advice: 'stop', status: 403, close: 4403 },
  sequence_gap: { advice: 'retry', status: 409, close: 4409 },
  outcome_unknown: { advice: 'stop', status: 409, close: 4409 },
  // Too much of it.
  rate_limited: { advice: 'retry', status: 429, close: 4429 },
  too_many_channels: { advice: 'stop', status: 429, close: 4429 },
  too_many_connections: { advice: 'retry', status: 429, close: 4429 },
  too_many_members: { advice: 'retry', status: 429, close: 4429 },
  queue_full: { advice: 'retry', status: 429, close: 4429 },
  deadline: { advice: 'retry', status: 504, close: 4504 },
  // The server's own trouble, or its plans.
  pending: { advice: 'retry', status: 503, close: 4503 },
  handler_failed: { advice: 'stop', status: 500, close: 4500 },
  unavailable: { advice: 'retry', status: 503, close: 1013 },
  rotate: { advice: 'retry', status: 200, close: 4200 },
  draining: { advice: 'retry', status: 503, close: 1001 },
  silence: { advice: 'retry', status: 408, close: 4408 },
  closed: { advice: 'stop', status: 200, close: 1000 },
  ended: { advice: 'stop', status: 410, close: 4410 },
}

/** Whether a string is a code of the table; a hostile peer may send any string, `__proto__` included. */
export function isCode(value: unknown): value is Code {
  return typeof value === 'string' && Object.hasOwn(CODES, value)
}

/** What to do about a code. Codes that apps make up for their refusals mean stop. */
export function adviceFor(code: string): Advice {
  return isCode(code) ? CODES[code].advice : 'stop'
}

/** The WebSocket close code of a Triwire code. */
export function closeCodeFor(code: Code): number {
  return CODES[code].close
}

/** The HTTP status of a Triwire code. */
export function statusFor(code: Code): number {
  return CODES[code].status
}
