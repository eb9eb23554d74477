/**
 * Codes, and the error that carries one. What each code means as HTTP status and WebSocket close code is in
 * `code-table.ts`, which only servers need.
 */

/**
 * What to do about an error. The line itself says it, so a client knows what to do about codes it has never heard of:
 *
 * - `retry`: the line has a `retry`; the same thing may succeed after so many milliseconds.
 * - `reauthenticate`: the code is `unauthorized`; get a new token, then try again.
 * - `stop`: everything else; the same thing will fail again.
 */
export type Advice = 'retry' | 'reauthenticate' | 'stop'

/** One of the codes of the table. */
export type Code =
  | 'bad_line'
  | 'bad_version'
  | 'hello_expected'
  | 'too_deep'
  | 'line_too_large'
  | 'body_too_large'
  | 'batch_too_long'
  | 'unsupported_encoding'
  | 'method_not_allowed'
  | 'not_found'
  | 'token_in_url'
  | 'unauthorized'
  | 'auth_timeout'
  | 'forbidden'
  | 'bad_origin'
  | 'bad_channel'
  | 'unknown_channel'
  | 'bad_cursor'
  | 'bad_payload'
  | 'unknown_event'
  | 'unknown_command'
  | 'refused'
  | 'sequence_gap'
  | 'outcome_unknown'
  | 'rate_limited'
  | 'too_many_channels'
  | 'too_many_connections'
  | 'too_many_members'
  | 'queue_full'
  | 'deadline'
  | 'pending'
  | 'handler_failed'
  | 'unavailable'
  | 'rotate'
  | 'draining'
  | 'silence'
  | 'closed'
  | 'ended'

/**
 * An error with a code of the table. `message` is one sentence that says what was expected, what came, and what
 * to do; it is safe to show to a peer, so it never holds a path, a stack or a host name.
 */
export class TriwireError extends Error {
  override readonly name = 'TriwireError'
  readonly code: Code | (string & {})
  /** Milliseconds after which a retry makes sense; undefined where none does. */
  readonly retryMs: number | undefined

  constructor(
    code: Code | (string & {}),
    message: string,
    options: { retryMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.retryMs = options.retryMs
  }

  /** Retry, re-authenticate or stop. */
  get advice(): Advice {
    if (this.retryMs !== undefined) return 'retry'
    return this.code === 'unauthorized' ? 'reauthenticate' : 'stop'
  }
}
