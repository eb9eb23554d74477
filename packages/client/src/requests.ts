/**
 * What the two HTTP wires have in common: requests that end with the wire, and its upstream, `POST …/send`. What has an
 * order travels in one request at a time; commands use requests of their own, so that a slow handler holds up nothing.
 * A request that fails ends the wire. That needs no care here: the session writes the same lines again over the next
 * one, under the same identity.
 */
import { decodeDownstream, type OutgoingLine, TriwireError } from '@triwire/protocol'
import { takeBatch } from './batch.ts'
import { takeSlot } from './slots.ts'
import type { WireOptions } from './wire.ts'

/** Milliseconds a `send` may take before its connection counts as dead; servers answer within 20 s. */
const SEND_TIMEOUT_MS = 30_000

const TIMEOUT = new TriwireError('network', 'No answer in time.')

/** The requests of one wire. */
export interface Requests {
  /** Whether this wire may keep one of the scarce connections for itself, until it is closed. */
  hold(): Promise<boolean>
  /**
   * Posts text and reads the response; resolves when that is over, with whether the wire goes on. Text/plain and no
   * headers of our own, so that a page of another origin needs no preflight.
   * @param timeoutMs until the response must have been read, or `read` has called `arrived`
   * @param controller ends the request, and whatever of its response is still being read
   */
  post(
    path: string,
    body: string,
    timeoutMs: number,
    controller: AbortController,
    read: (response: Response, arrived: () => void) => Promise<void>,
  ): Promise<boolean>
  /** The same for a response that is read whole. */
  ask(
    path: string,
    body: string,
    timeoutMs: number,
    controller: AbortController,
    handleText: (text: string) => void,
  ): Promise<boolean>
  /** Waits, unless the controller or the end of the wire says otherwise. */
  pause(delayMs: number, controller: AbortController): Promise<void>
  send(lines: readonly OutgoingLine[]): void
  /** Ends every request; nothing is reported afterwards. */
  close(): void
}

/** Lines of a kind, with the requests they may have at once and the lines of one request. */
interface Lane {
  readonly waiting: string[]
  free: number
  readonly most?: number
}

/** Makes them. */
export function createRequests({ url, source, listener, fetch }: WireOptions): Requests {
  const underWay = new Set<AbortController>()
  let closed = false
  let release: (() => void) | undefined
  // Browsers allow six connections per origin over HTTP/1.1, and others need some.
  const lanes: Readonly<Record<OutgoingLine['lane'], Lane>> = {
    ordered: { waiting: [], free: 1 },
    command: { waiting: [], free: 2, most: 1 },
  }

  const hold = async (): Promise<boolean> => {
    release ??= await takeSlot(url)
    if (closed) release?.()
    return release !== undefined
  }

  const post: Requests['post'] = async (path, body, timeoutMs, controller, read) => {
    if (closed) return false
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

  const ask: Requests['ask'] = (path, body, timeoutMs, controller, handleText) =>
    post(path, body, timeoutMs, controller, async (response) => {
      const text = await response.text()
      if (!controller.signal.aborted) handleText(text)
    })

  const work = async (lane: Lane): Promise<void> => {
    lane.free--
    while (lane.waiting.length > 0) {
      const body = `${source.hello()}\n${takeBatch(lane.waiting, lane.most)}`
      await ask('/send', body, SEND_TIMEOUT_MS, new AbortController(), (text) => listener.handleText(text, true))
    }
    lane.free++
  }

  const close = (): void => {
    closed = true
    release?.()
    for (const lane of Object.values(lanes)) lane.waiting.length = 0
    for (const controller of underWay) controller.abort()
  }

  return {
    hold,
    post,
    ask,
    async pause(delayMs, controller) {
      const { signal } = controller
      if (signal.aborted) return
      underWay.add(controller)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, delayMs)
        signal.onabort = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      underWay.delete(controller)
    },
    send(lines) {
      for (const { text, lane } of lines) lanes[lane].waiting.push(text)
      for (const lane of Object.values(lanes)) while (lane.free > 0 && lane.waiting.length > 0) void work(lane)
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
