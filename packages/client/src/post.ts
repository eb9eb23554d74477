/** One POST: text in, response out, every kind of failure as one error with a code. */
import { decodeDownstream, TriwireError } from '@triwire/protocol'

/** Why a request came to nothing. `code` is the server's where it gave one, else `network`. */
export class HttpError extends TriwireError {
  /** Any thrown value as an error of this kind. */
  static from(error: unknown): HttpError {
    if (error instanceof HttpError) return error
    return new HttpError('network', error instanceof Error ? error.message : String(error))
  }
}

/** What a POST is made of. */
export interface PostOptions {
  readonly fetch: typeof fetch
  readonly url: string
  readonly body: string
  /** Ends the request, and whatever of its response is still being read. */
  readonly controller: AbortController
  /** Milliseconds until `read` must have resolved. */
  readonly timeoutMs: number
}

const TIMEOUT = new HttpError('network', 'The server did not answer in time.')

/** Whether a request was ended on purpose, rather than by its time-out. */
export function wasAborted({ signal }: AbortController): boolean {
  return signal.aborted && signal.reason !== TIMEOUT
}

/**
 * Sends text and reads the response. Text/plain and no headers of our own, so that a page of another origin needs no
 * preflight.
 * @throws HttpError for a response that is no 2xx, a network failure or a time-out
 */
export async function post<TResult>(
  options: PostOptions,
  read: (response: Response) => Promise<TResult> | TResult,
): Promise<TResult> {
  const { fetch: request, url, body, controller, timeoutMs } = options
  const { signal } = controller
  const timer = setTimeout(() => controller.abort(TIMEOUT), timeoutMs)
  try {
    const response = await request(url, { method: 'POST', body, cache: 'no-store', credentials: 'include', signal })
    if (response.ok) return await read(response)
    const line = decodeDownstream(await response.text())
    if (line?.t === 'err') throw new HttpError(line.code, line.msg, { retryMs: line.retry })
    throw new HttpError('network', `The server answered with status ${response.status}.`)
  } catch (error) {
    throw HttpError.from(error)
  } finally {
    clearTimeout(timer)
  }
}
