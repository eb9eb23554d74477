/**
 * What the two HTTP wires have in common: requests that end with the wire, and its upstream, `POST …/send`. What has an
 * order travels in one request at a time; commands use requests of their own, so that a slow handler holds up nothing.
 * A request that fails ends the wire. That needs no care here: the session writes the same lines again over the next
 * one, under the same identity.
 */
import { decodeDownstream, type OutgoingLine, TriwireError } from '@triwire/protocol'
import { takeBatch } from './batch.ts'
import type { WireOptions } from './wire.ts'

/** Milliseconds a `send` may take before its connection counts as dead; servers answer within 20 s. */
const SEND_TIMEOUT_MS = 30_000

const TIMEOUT = new TriwireError('network', 'No answer in time.')

/** Reads a response. `arrived` ends the time-out; without it the response must have been read by then. */
export type Read = (response: Response, arrived: () => void) => Promise<void>

/** The requests of one wire. */
export interface Http {
  /**
   * Posts text and reads the response; resolves when that is over, with whether the wire goes on. Text/plain and no
   * headers of our own, so that a page of another origin needs no preflight.
   * @param controller ends the request, and whatever of its response is still being read
   */
  post(path: string, body: string, timeoutMs: number, controller: AbortController, read: Read): Promise<boolean>
  send(lines: readonly OutgoingLine[]): void
  /** Ends every request; nothing is reported afterwards. */
  close(): void
}

/** Makes them. */
export function createHttp({ url, source, listener, fetch }: WireOptions): Http {
  const underWay = new Set<AbortController>()
  let closed = false
  const lanes = {
    ordered: { waiting: [] as string[], free: 1, most: undefined },
    // Browsers allow six connections per origin over HTTP/1.1, and others need some.
    command: { waiting: [] as string[], free: 2, most: 1 },
  }

  const post: Http['post'] = async (path, body, timeoutMs, controller, read) => {
    const { signal } = controller
    const timer = setTimeout(() => controller.abort(TIMEOUT), timeoutMs)
    const arrived = (): void => clearTimeout(timer)
    underWay.add(controller)
    try {
      const request: RequestInit = { method: 'POST', body, cache: 'no-store', credentials: 'include', signal }
      const response = await fetch(url + path, request)
      if (!response.ok) throw errorOf(response.status, await response.text())
      await read(response, arrived)
    } catch (error) {
      if (!signal.aborted || signal.reason === TIMEOUT) {
        close()
        listener.handleClosed(toTriwireError(error))
      }
    } finally {
      arrived()
      underWay.delete(controller)
    }
    return !closed
  }

  const pump = (lane: (typeof lanes)[keyof typeof lanes]): void => {
    while (lane.free > 0 && lane.waiting.length > 0) {
      lane.free--
      const body = `${source.hello()}\n${takeBatch(lane.waiting, lane.most)}`
      const controller = new AbortController()
      void post('/send', body, SEND_TIMEOUT_MS, controller, async (response) => {
        const text = await response.text()
        if (!controller.signal.aborted) listener.handleText(text, true)
      }).then(() => {
        lane.free++
        pump(lane)
      })
    }
  }

  const close = (): void => {
    closed = true
    for (const { waiting } of Object.values(lanes)) waiting.length = 0
    for (const controller of underWay) controller.abort()
  }

  return {
    post,
    send(lines) {
      for (const { text, lane } of lines) lanes[lane].waiting.push(text)
      for (const lane of Object.values(lanes)) pump(lane)
    },
    close,
  }
}

/** Any failure as an error with a code. */
export function toTriwireError(error: unknown): TriwireError {
  return error instanceof TriwireError ? error : new TriwireError('network', String(error), { cause: error })
}

/** The server's own reason, where it gave one. */
function errorOf(status: number, text: string): TriwireError {
  const line = decodeDownstream(text)
  if (line?.t === 'err') return new TriwireError(line.code, line.msg, { retryMs: line.retry })
  return new TriwireError('network', `The server answered ${status}.`)
}
