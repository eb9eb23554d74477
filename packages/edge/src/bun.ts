/**
 * Triwire on Bun: `Bun.serve({ port: 3000, ...bun(realtime, { base: '/rt' }) })`. All three wires, on Bun's own WebSocket
 * and on web streams. The parts of Bun that are used are declared here, so that nobody needs its types.
 *
 * Each connection is written to by itself. Bun's `publish` would copy one text to many in native code, but which of them
 * get it is for the engine to say: some stand elsewhere in the log, some are too slow, and one is the sender.
 */
import {
  type Engine,
  handleRequest,
  type Limits,
  type RequestHead,
  type Servable,
  type Sink,
  type Socket,
} from '@triwire/server'
import { guard } from './guard.ts'
import { headOf, isUpgrade, type MountOptions, mount } from './mount.ts'

/** What `Bun.serve` gives its `fetch` beside the request. */
export interface BunServer {
  upgrade(
    request: Request,
    options: { readonly data: BunSocketData; readonly headers: Readonly<Record<string, string>> },
  ): boolean
  requestIP(request: Request): { readonly address: string } | null
  /** Seconds of silence after which a request is cut off; 0 for never. */
  timeout(request: Request, seconds: number): void
}

/** A socket of Bun. */
export interface BunSocket {
  readonly data: BunSocketData
  readonly readyState: number
  /** Bytes written; -1 where they wait, 0 where they were dropped. */
  send(text: string): number
  getBufferedAmount(): number
  ping(): number
  close(code: number, reason: string): void
  terminate(): void
}

/** What belongs to one socket. */
export interface BunSocketData {
  readonly head: RequestHead
  socket: Socket | undefined
  guarded: (handle: () => void) => void
}

/** `websocket` of `Bun.serve`. */
export interface BunWebSocketHandler {
  readonly maxPayloadLength: number
  readonly backpressureLimit: number
  readonly closeOnBackpressureLimit: boolean
  readonly idleTimeout: number
  readonly sendPings: boolean
  readonly perMessageDeflate: boolean
  open(ws: BunSocket): void
  message(ws: BunSocket, data: string | Uint8Array): void
  drain(ws: BunSocket): void
  pong(ws: BunSocket): void
  close(ws: BunSocket): void
}

/** What `Bun.serve` needs. */
export interface BunHandlers {
  /** Undefined where the connection has become a socket. */
  readonly fetch: (request: Request, server: BunServer) => Promise<Response | undefined>
  readonly websocket: BunWebSocketHandler
}

/**
 * Makes what `Bun.serve` needs, to be spread into its options. Its path is `base` and everything below; beside it there is
 * 404, or what `otherwise` says. The `routes` of `Bun.serve` come before both.
 * @throws TriwireError `bad_base`
 */
export function bun(realtime: Servable, options: MountOptions<[server: BunServer]> = {}): BunHandlers {
  const { engine } = realtime
  return {
    fetch: mount(options, (path, request, server: BunServer) => handleBun(engine, request, { path, server })),
    websocket: bunWebSocket(engine),
  }
}

/** Answers one request; undefined where it has become a socket. For adapters that find the path themselves. */
export async function handleBun(
  engine: Engine,
  request: Request,
  { path, server }: { readonly path: string; readonly server: BunServer },
): Promise<Response | undefined> {
  const remoteAddress = server.requestIP(request)?.address
  if (!isUpgrade(request)) {
    // After ten quiet seconds Bun would cut the stream, the poll, the command. Each has an end of its own.
    server.timeout(request, 0)
    return await handleRequest(engine, request, { path, remoteAddress })
  }
  const head = headOf(request, path, remoteAddress)
  const status = engine.upgradeStatus(head)
  if (status !== 101) return new Response(null, { status })
  const data: BunSocketData = { head, socket: undefined, guarded: (handle) => handle() }
  const headers = { 'sec-websocket-protocol': SUBPROTOCOL }
  return server.upgrade(request, { data, headers }) ? undefined : new Response(null, { status: 400 })
}

/** `websocket` for `Bun.serve`, where the requests are answered by somebody else. */
export function bunWebSocket(engine: Engine): BunWebSocketHandler {
  return {
    ...optionsFor(engine.limits),
    open: (ws) => {
      ws.data.guarded = guard(engine.logger, () => ws.terminate())
      ws.data.guarded(() => {
        ws.data.socket = engine.acceptSocket(sinkOf(ws), ws.data.head)
      })
    },
    message: ({ data: { socket, guarded } }, data) =>
      guarded(() => {
        socket?.handleAlive()
        if (typeof data === 'string') socket?.handleText(data)
        else socket?.handleBinary()
      }),
    drain: ({ data: { socket, guarded } }) => guarded(() => socket?.handleDrain()),
    pong: ({ data: { socket, guarded } }) => guarded(() => socket?.handleAlive()),
    close: ({ data: { socket, guarded } }) => guarded(() => socket?.handleClosed()),
  }
}

const SUBPROTOCOL = 'triwire.v1'
const OPEN = 1

/** Seconds Bun takes for an idle timeout at most. */
const LONGEST_IDLE_S = 960

/**
 * Bytes that may wait for one connection before Bun drops what is written. Readers stop at `limits.outboundBytes`, so only
 * answers and snapshots come on top; what is dropped all the same ends its connection.
 */
const BACKPRESSURE_BYTES = 16 * 1024 * 1024

function optionsFor({ body, heartbeatMs, pongMs }: Limits) {
  return {
    maxPayloadLength: body,
    backpressureLimit: BACKPRESSURE_BYTES,
    closeOnBackpressureLimit: true,
    // The engine pings and waits for the answer. This is for what is closed and does not go.
    sendPings: false,
    idleTimeout: Math.min(LONGEST_IDLE_S, Math.ceil((2 * (heartbeatMs + pongMs)) / 1000)),
    // Compression costs more than it saves on small messages, and opens the door to inflated ones.
    perMessageDeflate: false,
  }
}

function sinkOf(ws: BunSocket): Sink {
  return {
    write: ({ text }) => {
      // Dropped: with a hole in it this connection is worth nothing. The client comes back from its cursor.
      if (ws.readyState === OPEN && ws.send(text) === 0) ws.terminate()
    },
    buffered: () => ws.getBufferedAmount(),
    close: (code, reason) => ws.close(code, reason),
    probe: () => void ws.ping(),
    terminate: () => ws.terminate(),
  }
}
