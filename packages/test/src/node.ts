/** One server process: the real engine, with the ends of connections in memory where a host would have its sockets. */
import type { Exchange, Sink, SinkListener } from '@triwire/server'
import type { Connection, Network, Site } from './network.ts'

/** What a running node offers to the network. */
export interface RunningNode {
  readonly site: Site
  readonly engine: Engine
  /** Whether it takes new connections. */
  listening: boolean
}

/** The seam of the engine that hosts use. */
export interface Engine {
  handle(exchange: Exchange): Promise<void>
  upgradeStatus(head: Head): number
  acceptSocket(sink: Sink, head: Head): SinkListener & { handleText(text: string): void }
}

type Head = Pick<Exchange, 'method' | 'path' | 'search' | 'query' | 'headers' | 'remoteAddress'>

/** Sees everything that is written to a client, before the network does anything to it. */
export type Wiretap = (connection: Connection, text: string, bufferedBytes: number) => void

const NO_QUERY = new URLSearchParams()

/** Milliseconds a closing WebSocket waits for its peer. */
const CLOSING_MS = 30_000

/** What the client's end of a WebSocket is told. */
export interface SocketEnd {
  handleOpen(): void
  handleMessage(text: string): void
  handleClose(code: number): void
}

/** Accepts a WebSocket at a node; returns how the client's frames and its closing arrive, or the refusing status. */
export function acceptSocket(
  network: Network,
  node: RunningNode,
  connection: Connection,
  end: SocketEnd,
  wiretap: Wiretap | undefined,
): { readonly handleFrame: (text: string) => void; readonly handleClose: () => void } | number {
  const { clock } = network
  const head = {
    method: 'GET',
    path: '/',
    search: '',
    query: NO_QUERY,
    headers: { ...connection.client.headers, 'sec-websocket-protocol': 'triwire.v1' },
    remoteAddress: addressOf(connection),
  }
  const status = node.engine.upgradeStatus(head)
  if (status !== 101) return status
  let closing = false
  const gone = (): void => {
    if (connection.nodeEnd === undefined) return
    connection.endNode()
    socket.handleClosed()
  }
  const sink: Sink = {
    write({ text }) {
      if (closing || connection.nodeEnd === undefined) return
      wiretap?.(connection, text, connection.down.bufferedBytes)
      connection.sendDown(text.length, () => end.handleMessage(text))
    },
    buffered: () => connection.down.bufferedBytes,
    close(code) {
      if (closing || connection.nodeEnd === undefined) return
      closing = true
      connection.sendDown(2, () => {
        end.handleClose(code)
        connection.sendUp(2, gone)
      })
      const timer = clock.setTimer(CLOSING_MS, gone)
      connection.nodeEnd = {
        broken: () => {
          clock.clearTimer(timer)
          socket.handleClosed()
        },
      }
    },
    probe() {
      if (closing || connection.nodeEnd === undefined) return
      connection.sendDown(2, () => connection.sendUp(2, () => socket.handleAlive()))
    },
    terminate() {
      if (connection.nodeEnd === undefined) return
      connection.endNode()
      connection.cut(!connection.silent, false)
      clock.after(0, node.site.actor, () => socket.handleClosed())
    },
  }
  connection.accept({ broken: () => socket.handleClosed(), taken: () => socket.handleDrain() })
  connection.sendDown(100, () => end.handleOpen())
  const socket = node.engine.acceptSocket(sink, head)
  return {
    handleFrame(text) {
      if (closing || connection.nodeEnd === undefined) return
      socket.handleAlive()
      socket.handleText(text)
    },
    handleClose: gone,
  }
}

/** What the client's end of a request is told. */
export interface ResponseEnd {
  handleHead(status: number): void
  handlePart(text: string): void
  handleEnd(): void
}

/** Hands a request to a node; returns how the client's giving up arrives there. */
export function handleRequest(
  network: Network,
  node: RunningNode,
  connection: Connection,
  request: { readonly path: string; readonly body: string },
  end: ResponseEnd,
  wiretap: Wiretap | undefined,
): () => void {
  const { clock } = network
  let listener: SinkListener | undefined
  let ended = false
  const gone = (): void => {
    if (connection.nodeEnd === undefined) return
    connection.endNode()
    listener?.handleClosed()
  }
  const part = (text: string): void => {
    wiretap?.(connection, text, connection.down.bufferedBytes)
    connection.sendDown(text.length, () => end.handlePart(text))
  }
  const finish = (): void => {
    if (ended || connection.nodeEnd === undefined) return
    ended = true
    connection.sendDown(2, () => end.handleEnd())
    connection.endNode()
    // Node reports the end of a response as it reports its loss.
    clock.after(0, node.site.actor, () => listener?.handleClosed())
  }
  connection.accept({ broken: () => listener?.handleClosed(), taken: () => listener?.handleDrain() })
  const exchange: Exchange = {
    method: 'POST',
    path: request.path,
    query: NO_QUERY,
    search: '',
    headers: connection.client.headers,
    remoteAddress: addressOf(connection),
    readText: async () => request.body,
    respond(status, _headers, body) {
      if (connection.nodeEnd === undefined) return
      connection.sendDown(100, () => end.handleHead(status))
      part(body)
      finish()
    },
    open(status, _headers, given) {
      listener = given
      if (connection.nodeEnd === undefined) clock.after(0, node.site.actor, () => given.handleClosed())
      else connection.sendDown(100, () => end.handleHead(status))
      return {
        write({ text }) {
          if (!ended && connection.nodeEnd !== undefined) part(text)
        },
        buffered: () => connection.down.bufferedBytes,
        close: finish,
        terminate() {
          if (connection.nodeEnd === undefined) return
          connection.endNode()
          connection.cut(!connection.silent, false)
          clock.after(0, node.site.actor, () => listener?.handleClosed())
        },
      }
    },
  }
  void node.engine.handle(exchange)
  return gone
}

function addressOf({ client }: Connection): string {
  return `10.0.0.${client.actor.name.replace(/\D/g, '')}`
}
