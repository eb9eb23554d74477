/**
 * Triwire on platforms that turn a request into a response and know nothing else: Vercel's functions, route handlers of
 * Next, edge-runtime. Streams and polls; there are no sockets, and clients fall back from them by themselves.
 */
import { type Engine, handleRequest, type Limits, type Servable, TriwireError } from '@triwire/server'
import { headOf, isUpgrade, type MountOptions, mount } from './mount.ts'

/** How it is mounted, and what the platform allows. */
export interface FetchOptions extends MountOptions {
  /**
   * Milliseconds the platform lets one response run. Streams rotate and polls end before that, so that clients attach anew
   * instead of being cut off, and handlers are told to end. Default: no such bound. At least 1,000.
   */
  readonly maxDurationMs?: number
}

/**
 * Makes a handler of requests. Its path is `base` and everything below; beside it there is 404, or what `otherwise` says.
 * @throws TriwireError `bad_base`, `bad_limit`; `too_late` where the server is in use already and `maxDurationMs` is given
 */
export function fetchHandler(
  realtime: Servable,
  options: FetchOptions = {},
): (request: Request) => Promise<Response> {
  const { engine } = realtime
  const { maxDurationMs } = options
  if (maxDurationMs !== undefined) engine.configure({ limits: limitsWithin(maxDurationMs, engine.limits) })
  return mount(options, (path, request) => handleFetch(engine, request, { path }))
}

/** Answers one request. For adapters that find the path themselves. */
export async function handleFetch(
  engine: Engine,
  request: Request,
  { path }: { readonly path: string },
): Promise<Response> {
  if (!isUpgrade(request)) return await handleRequest(engine, request, { path })
  const status = engine.upgradeStatus(headOf(request, path, undefined))
  // What is allowed is not possible here. Said at once, it costs a client nothing but this request.
  return new Response(null, { status: status === 101 ? 501 : status })
}

/** The limits of an app, shortened where they reach beyond what a response may take. */
function limitsWithin(maxDurationMs: number, limits: Limits): Partial<Limits> {
  if (!(maxDurationMs >= 1000)) {
    const message = '`maxDurationMs` is a number of milliseconds from 1,000: what the platform lets a response run.'
    throw new TriwireError('bad_limit', message)
  }
  // A platform counts from the first byte of the request on: body, `auth` and the way of the last byte belong to it.
  const usableMs = maxDurationMs - Math.min(5000, maxDurationMs / 5)
  const overlapMs = Math.min(limits.overlapMs, usableMs / 4)
  return {
    overlapMs,
    rotateMs: Math.min(limits.rotateMs, usableMs - overlapMs),
    pollHoldMs: Math.min(limits.pollHoldMs, usableMs),
    handlerMs: Math.min(limits.handlerMs, usableMs),
  }
}
