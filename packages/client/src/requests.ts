/**
 * What the two HTTP wires have in common: requests that end with the wire, and its upstream, `POST …/send`. What has an
 * order travels in one request at a time; commands use requests of their own, so that a slow handler holds up nothing.
 * A request that gets lost is asked again, and the third one in a row ends the wire. Neither needs any care: lines that
 * come twice have the same identity, and the session writes them again over the next wire.
 */
import { decodeDownstream, type OutgoingLine, TriwireError } from '@triwire/protocol'
import { takeBatch } from './batch.ts'
import { takeSlot } from './slots.ts'
import type { WireOptions } from './wire.ts'

/** Milliseconds a `send` may take before its connection counts as dead; servers answer within 20 s. */
const SEND_TIMEOUT_MS = 30_000

/**
 * Lines with an order in one request. Servers handle them one after another and are heard when the last one is done, so
 * too many behind a slow hook would come too late every time, and be sent again for ever.
 */
const ORDERED_LINES = 32

/** Requests that may be lost in a row: proxies drop one now and then, and that is no reason to change the wire. */
export const LOSSES = 2
/** Milliseconds before the first repetition at most; doubled for the next. */
const REPEAT_MS = 250

/** Milliseconds the last one may take, which nobody awaits. */
const LAST_MS = 2000

/** What all of them have in common. */
const INIT: RequestInit = { method: 'POST', cache: 'no-store', credentials: 'include' }

const TIMEOUT = new TriwireError('network', 'No answer in time.')

/** What became of a request. `lost`: it may be asked again. `ended`: by its controller. `over`: the whole wire is. */
export type Outcome = 'answered' | 'lost' | 'ended' | 'over'

/** The requests of one wire. */
export interface Requests {
  /** Whether this wire may keep one of the scarce connections for itself, until it is closed. */
  hold(): Promise<boolean>
  /**
   * Posts text and reads the response; resolves when that is done. Text/plain and no headers of our own, so that a page of
   * another origin needs no preflight.
   * @param timeoutMs until the response must have been read, or `read` has called `arrived`
   * @param controller ends the request, and whatever of its response is still being read
   * @param mayLose whether the wire can do without: then it is `lost`, after a wait
   */
  post(
    path: string,
    body: string,
    timeoutMs: number,
    controller: AbortController,
    read: (response: Response, arrived: () => void) => Promise<void>,
    mayLose: () => boolean,
  ): Promise<Outcome>
  /** The same for a response that is read whole, of which some may be lost in a row. */
  ask(
    path: string,
    body: string,
    timeoutMs: number,
    controller: AbortController,
    handleText: (text: string) => void,
  ): Promise<Outcome>
  /** Waits, unless the controller or the end of the wire says otherwise. */
  pause(delayMs: number, controller: AbortController): Promise<void>
  send(lines: readonly OutgoingLine[]): void
  /**
   * Ends every request; nothing is reported afterwards.
   * @param last lines that one more request brings, which outlives the wire, and the page as well
   */
  close(last?: readonly OutgoingLine[]): void
}

/** Lines of a kind, with the requests they may have at once and the lines of one request. */
interface Lane {
  readonly waiting: string[]
  free: number
  readonly most: number
}

/** Makes them. */
export function createRequests({ url, source, listener, fetch }: WireOptions): Requests {
  const underWay = new Set<AbortController>()
  let closed = false
  let release: (() => void) | undefined
  /** Requests lost in a row; as many as may be before the first answer, because a wire has to prove that it works. */
  let losses = LOSSES
  // Browsers allow six connections per origin over HTTP/1.1, and others need some.
  const lanes: Readonly<Record<OutgoingLine['lane'], Lane>> = {
    ordered: { waiting: [], free: 1, most: ORDERED_LINES },
    command: { waiting: [], free: 2, most: 1 },
  }

  const hold = async (): Promise<boolean> => {
    release ??= await takeSlot(url)
    if (closed) release?.()
    return release !== undefined
  }

  const request = async (
    path: string,
    body: string,
    timeoutMs: number,
    controller: AbortController,
    read: (response: Response, arrived: () => void) => Promise<void>,
    mayLose: () => boolean,
  ): Promise<Outcome> => {
    if (closed) return 'over'
    const { signal } = controller
    const timer = setTimeout(() => controller.abort(TIMEOUT), timeoutMs)
    const arrived = (): void => clearTimeout(timer)
    underWay.add(controller)
    try {
      const response = await fetch(url + path, { ...INIT, body, signal })
      if (!response.ok) throw errorOf(response.status, await response.text())
      await read(response, arrived)
      losses = 0
      return 'answered'
    } catch (error) {
      if (signal.aborted && signal.reason !== TIMEOUT) return closed ? 'over' : 'ended'
      const failure = toTriwireError(error)
      const { code, retryMs = 0 } = failure
      // A server that goes away is still reached now and then; the next request may find another one.
      if ((code === 'network' || code === 'draining') && !signal.aborted && mayLose()) {
        arrived()
        await pause(Math.max(retryMs, REPEAT_MS * Math.random() * 2 ** losses++), controller)
        return 'lost'
      }
      close()
      listener.handleClosed(failure)
      return 'over'
    } finally {
      arrived()
      underWay.delete(controller)
    }
  }

  const post: Requests['post'] = (path, body, timeoutMs, controller, read, mayLose) =>
    request(
      path,
      body,
      timeoutMs,
      controller,
      (response, arrived) => {
        losses = 0
        return read(response, arrived)
      },
      mayLose,
    )

  const ask: Requests['ask'] = (path, body, timeoutMs, controller, handleText) =>
    request(
      path,
      body,
      timeoutMs,
      controller,
      async (response) => {
        const text = await response.text()
        // A proxy may answer in the server's place: that is no answer to a line, and no reason to ask again at once.
        if (!text.includes('"welcome"')) throw new TriwireError('network', 'This is not from the server.')
        if (!controller.signal.aborted) handleText(text)
      },
      () => losses < LOSSES,
    )

  const pause: Requests['pause'] = async (delayMs, controller) => {
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
  }

  const work = async (lane: Lane): Promise<void> => {
    lane.free--
    while (lane.waiting.length > 0) {
      const batch = takeBatch(lane.waiting, lane.most)
      const handleText = (text: string): void => listener.handleText(text, true)
      let outcome: Outcome
      // With the token of the moment, each time.
      do {
        const body = `${source.hello()}\n${batch}`
        outcome = await ask('/send', body, SEND_TIMEOUT_MS, new AbortController(), handleText)
      } while (outcome === 'lost')
    }
    lane.free++
  }

  const close = (last: readonly OutgoingLine[] = []): void => {
    const lines = last.map(({ text }) => text)
    if (!closed && lines.length > 0) {
      const body = `${source.hello()}\n${takeBatch(lines)}`
      const controller = new AbortController()
      const timer = setTimeout(() => controller.abort(), LAST_MS)
      // Read to its end, because a connection is free again only then.
      fetch(`${url}/send`, { ...INIT, body, signal: controller.signal, keepalive: true })
        .then((response) => response.text())
        .catch(() => {})
        .finally(() => clearTimeout(timer))
    }
    closed = true
    release?.()
    for (const lane of Object.values(lanes)) lane.waiting.length = 0
    for (const controller of underWay) controller.abort()
  }

  return {
    hold,
    post,
    ask,
    pause,
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
