/**
 * Triwire on Deno: `Deno.serve(deno(realtime, { base: '/rt' }))`. All three wires, on Deno's own WebSocket and on web
 * streams. The parts of Deno that are used are declared here, so that nobody needs its types.
 */
import {
  type Engine,
  handleRequest,
  type RequestHead,
  type Servable,
  type Sink,
  type Socket,
} from '@triwire/server'
import { guard } from './guard.ts'
import { headOf, isUpgrade, type MountOptions, mount } from './mount.ts'

/** What `Deno.serve` says of a request. */
export interface DenoInfo {
  readonly remoteAddr: object
}

/** A handler for `Deno.serve`. Without `info`, clients are not counted by their address. */
export type DenoHandler = (request: Request, info?: DenoInfo) => Promise<Response>

/**
 * Makes a handler for `Deno.serve`. Its path is `base` and everything below; beside it there is 404, or what `otherwise`
 * says, so it can stand in front of the rest of an app or be called by it.
 * @throws TriwireError `bad_base`
 */
export function deno(realtime: Servable, options: MountOptions<[info?: DenoInfo]> = {}): DenoHandler {
  return mount(options, (path, request, info?: DenoInfo) => handleDeno(realtime.engine, request, { path, info }))
}

/** Answers one request. For adapters that find the path themselves. */
export async function handleDeno(
  engine: Engine,
  request: Request,
  { path, info }: { readonly path: string; readonly info?: DenoInfo | undefined },
): Promise<Response> {
  const remoteAddress = addressOf(info)
  // Deno cancels the stream of a client that is gone. Its signal is aborted at every end, and whoever looks at it makes Deno
  // say so on the console.
  if (!isUpgrade(request))
    return await handleRequest(engine, request, { path, remoteAddress, watchesSignal: false })
  const head = headOf(request, path, remoteAddress)
  const status = engine.upgradeStatus(head)
  if (status !== 101) return new Response(null, { status })
  const { heartbeatMs, pongMs } = engine.limits
  const { socket, response } = (globalThis as unknown as DenoGlobal).Deno.upgradeWebSocket(request, {
    protocol: SUBPROTOCOL,
    // Deno pings by itself, and ends what does not answer.
    idleTimeout: Math.ceil((heartbeatMs + pongMs) / 1000),
  })
  accept(engine, socket, head)
  return response
}

const SUBPROTOCOL = 'triwire.v1'

interface DenoSocket {
  binaryType: string
  readonly readyState: number
  readonly bufferedAmount: number
  onopen: (() => void) | null
  onmessage: ((event: { readonly data: unknown }) => void) | null
  onclose: (() => void) | null
  onerror: ((event: { preventDefault?(): void }) => void) | null
  send(text: string): void
  close(code: number, reason: string): void
}

interface DenoGlobal {
  readonly Deno: {
    upgradeWebSocket(
      request: Request,
      options: { readonly protocol: string; readonly idleTimeout: number },
    ): { readonly socket: DenoSocket; readonly response: Response }
  }
}

const OPEN = 1

/** Milliseconds after which a socket with something to write is looked at, growing while nothing is taken. */
const LOOK_MS = 5
const LONGEST_LOOK_MS = 200
/** Milliseconds a peer that takes too little has before it is closed, and how long it must have been quiet by then. */
const FAREWELL_MS = 5000
const QUIET_MS = 100

function accept(engine: Engine, ws: DenoSocket, head: RequestHead): void {
  ws.binaryType = 'arraybuffer'
  let socket: Socket | undefined
  let looking: ReturnType<typeof setTimeout> | undefined
  let heardMs = 0
  let farewell: { readonly code: number; readonly reason: string; readonly untilMs: number } | undefined
  const closeNow = (code: number, reason: string): void => {
    try {
      ws.close(code, reason)
    } catch {
      // It is closed.
    }
  }
  // There is no way to drop a connection; closing it comes near, because Deno forgets what waits.
  const terminate = (): void => closeNow(4408, 'silence')
  const guarded = guard(engine.logger, terminate)
  const end = (): void => {
    clearTimeout(looking)
    guarded(() => socket?.handleClosed())
  }
  // Deno says how much waits and not when it has gone, so whoever has too much waiting is looked at.
  const look = (delayMs: number): void => {
    looking = setTimeout(() => {
      looking = undefined
      if (farewell === undefined) guarded(() => socket?.handleDrain())
      const isTaken = ws.bufferedAmount === 0
      const now = Date.now()
      const isOver = farewell && ((isTaken && now > heardMs + QUIET_MS) || now > farewell.untilMs)
      if (farewell && isOver) closeNow(farewell.code, farewell.reason)
      else if (ws.readyState === OPEN && (farewell || !isTaken)) look(Math.min(delayMs * 2, LONGEST_LOOK_MS))
    }, delayMs)
  }
  const sink: Sink = {
    write: ({ text }) => {
      if (ws.readyState !== OPEN || farewell !== undefined) return
      try {
        ws.send(text)
      } catch {
        end()
        return
      }
      if (looking === undefined && ws.bufferedAmount > engine.limits.outboundBytes / 2) look(LOOK_MS)
    },
    buffered: () => ws.bufferedAmount,
    close: (code, reason) => {
      if (farewell !== undefined) return
      farewell = { code, reason, untilMs: Date.now() + FAREWELL_MS }
      // Deno drops a connection that is closed while something waits on either side, and the goodbye with it.
      if (ws.bufferedAmount === 0) closeNow(code, reason)
      else if (looking === undefined) look(LOOK_MS)
    },
    terminate,
  }
  ws.onopen = () =>
    guarded(() => {
      socket = engine.acceptSocket(sink, head)
    })
  ws.onmessage = ({ data }) =>
    guarded(() => {
      heardMs = Date.now()
      if (farewell) return
      socket?.handleAlive()
      if (typeof data === 'string') socket?.handleText(data)
      else socket?.handleBinary()
    })
  ws.onclose = end
  ws.onerror = (event) => {
    event.preventDefault?.()
    end()
  }
}

function addressOf(info: DenoInfo | undefined): string | undefined {
  const { hostname } = (info?.remoteAddr ?? {}) as { readonly hostname?: unknown }
  return typeof hostname === 'string' ? hostname : undefined
}
