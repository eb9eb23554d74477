/**
 * A WebSocket of the `ws` package as a sink. The library reads, answers pings and closes; messages are written past it,
 * straight to the connection: it would make a frame for each receiver, in two pieces, of what is the same for all.
 *
 * A connection lasts and mostly is quiet, so what it costs is what it holds: one object here, no closures, and nothing of
 * the request it came with.
 */
import type { Socket as Connection } from 'node:net'
import type { Chunk, Engine, RequestHead, Sink, Socket } from '@triwire/server'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { encodeTextFrame } from './text-frame.ts'

/** Makes what takes the upgrades of a server. */
export function createSocketServer(engine: Engine): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    // Compression costs five times the CPU on small messages and opens the door to inflated ones.
    perMessageDeflate: false,
    maxPayload: engine.limits.body,
  })
}

/** Hands an upgraded connection to the engine. */
export function acceptSocket(engine: Engine, ws: WebSocket, connection: Connection, head: RequestHead): void {
  const sink = new NodeSocket(ws, connection)
  const socket = engine.acceptSocket(sink, head)
  ;(ws as Owned)[OWNER] = socket
  ;(connection as Owned)[OWNER] = socket
  ws.on('message', handleMessage)
  ws.on('pong', handlePong)
  ws.on('error', ignore)
  ws.on('close', handleClose)
  connection.on('drain', handleDrain)
}

/** Where a listener finds whom to tell: one that holds nothing is one for all connections. */
const OWNER = Symbol('triwire')

interface Owned {
  [OWNER]?: Socket
}

class NodeSocket implements Sink {
  readonly #ws: WebSocket
  readonly #connection: Connection

  constructor(ws: WebSocket, connection: Connection) {
    this.#ws = ws
    this.#connection = connection
  }

  /** Control frames of the library may come between any two of ours, and never into one. */
  write(chunk: Chunk): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#connection.write(chunk.as(encodeTextFrame))
  }

  buffered(): number {
    return this.#connection.writableLength
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason)
  }

  probe(): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.ping()
  }

  terminate(): void {
    this.#ws.terminate()
  }

  listen(reads: boolean): void {
    if (reads) this.#ws.resume()
    else this.#ws.pause()
  }
}

function handleMessage(this: WebSocket & Owned, data: RawData, isBinary: boolean): void {
  const socket = this[OWNER]
  socket?.handleAlive()
  if (isBinary) socket?.handleBinary()
  else void socket?.handleText(textOf(data))
}

function handlePong(this: WebSocket & Owned): void {
  this[OWNER]?.handleAlive()
}

function handleDrain(this: Connection & Owned): void {
  this[OWNER]?.handleDrain()
}

function handleClose(this: WebSocket & Owned): void {
  this[OWNER]?.handleClosed()
}

/** After a protocol error the library closes by itself, with the right code; `close` follows. */
function ignore(): void {}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8')
  return (data instanceof ArrayBuffer ? Buffer.from(data) : data).toString('utf8')
}
