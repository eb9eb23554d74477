/** Errors on their way to a client: what it may be told, as a line and as a code of the table. */
import { adviceFor, type Code, type ErrorLine, encodeLine, isCode, TriwireError } from '@triwire/protocol'

/** What a client may be told of an error: its own code if it has one, otherwise that the server failed. */
export function asTriwireError(error: unknown): TriwireError {
  if (error instanceof TriwireError) return error
  return new TriwireError('unavailable', 'The server failed to answer. Try again later.', { retryMs: 2000 })
}

/** A user was revoked while they came in: whether they still may is decided by the next attempt. */
export function revokedMeanwhile(): TriwireError {
  return new TriwireError('unavailable', 'What you may do has just changed. Try again.', { retryMs: 100 })
}

/** An error as a line. A `retry` says that trying again makes sense; without one it does not. */
export function encodeError(
  error: TriwireError,
  about: Omit<ErrorLine, 't' | 'code' | 'msg' | 'retry'> = {},
): string {
  const { code, message: msg, retryMs } = error
  return encodeLine({ t: 'err', code, msg, ...about, retry: retryFor(code, retryMs ?? DEFAULT_RETRY_MS, retryMs) })
}

/** Milliseconds to announce for a code: those the error brought, else the default where the table advises a retry. */
export function retryFor(code: string, defaultMs: number, givenMs?: number): number | undefined {
  return givenMs ?? (adviceFor(code) === 'retry' ? defaultMs : undefined)
}

const DEFAULT_RETRY_MS = 1000

/** The code of an error as the table knows it. */
export function codeOf(error: TriwireError): Code {
  return isCode(error.code) ? error.code : 'handler_failed'
}
