// The fault proxy: TCP between clients and real servers on loopback, with a list of faults. Connections go to the
// targets in turn, without sticky sessions; a target that does not accept is passed over, as load balancers do.
//
// How distance is counted: each byte waits half a round trip each way, and the first bytes of a connection one more
// round trip, because on loopback the connect itself takes no time where in reality it takes one.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Connection } from './connection.ts'
import type { Fault, RequestKind } from './fault.ts'

/** What a proxy is made of. */
export interface FaultProxyOptions {
  /** Ports on loopback. */
  readonly targets: readonly number[]
  readonly faults?: readonly Fault[]
  /** Milliseconds of the simulated round trip. Default 0. */
  readonly rttMs?: number
}

/** A request that was seen. */
export interface SeenRequest {
  readonly kind: RequestKind
  readonly line: string
  /** Milliseconds since the proxy was started. */
  readonly atMs: number
}

/** A running proxy. */
export interface FaultProxy {
  readonly port: number
  readonly seen: readonly SeenRequest[]
  /** Connections that were reset or silenced so far. */
  readonly struck: () => number
  /** Resets all connections; returns how many there were. */
  cut(): number
  /** Half-open: all connections stop carrying anything, and nobody is told. Returns how many there were. */
  silence(): number
  /** Other faults from now on: what recurs, at once; the others for connections to come. */
  setFaults(faults: readonly Fault[]): void
  close(): Promise<void>
}

/** Starts a proxy. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { targets, rttMs = 0 } = options
  const startedAt = performance.now()
  const seen: SeenRequest[] = []
  const connections = new Set<Connection>()
  const sockets = new Set<Socket>()
  let faults: readonly Fault[] = []
  let turn = 0
  let struck = 0
  const count = (kind: RequestKind, line: string): number =>
    seen.push({ kind, line, atMs: performance.now() - startedAt })

  const server = createServer({ pauseOnConnect: true }, (client) => {
    const acceptedAt = performance.now()
    hold(client)
    const handleEarlyError = (): void => {}
    client.on('error', handleEarlyError)
    if (faults.some(({ kind }) => kind === 'unreachable')) {
      client.resetAndDestroy()
      return
    }
    void connectInTurn().then((upstream) => {
      client.off('error', handleEarlyError)
      if (upstream === undefined || client.destroyed) {
        upstream?.destroy()
        client.on('error', handleEarlyError)
        client.resetAndDestroy()
        return
      }
      hold(upstream)
      const connection = new Connection(client, upstream, { faults, rttMs, count }, acceptedAt)
      connections.add(connection)
      client.on('close', () => connections.delete(connection))
    })
  })

  const hold = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  }

  const connectInTurn = async (): Promise<Socket | undefined> => {
    for (const _ of targets) {
      const upstream = connect(targets[turn++ % targets.length] as number, '127.0.0.1')
      const opened = await once(upstream, 'connect').then(
        () => true,
        () => false,
      )
      if (opened) return upstream
    }
    return undefined
  }

  const strike = (how: (connection: Connection) => void): number => {
    const { size } = connections
    for (const connection of connections) how(connection)
    connections.clear()
    struck += size
    return size
  }
  const cut = (): number => strike((connection) => connection.reset())
  const silence = (): number => strike((connection) => connection.silence())
  let timers: ReturnType<typeof setInterval>[] = []
  const setFaults = (next: readonly Fault[]): void => {
    faults = next
    for (const timer of timers) clearInterval(timer)
    timers = faults.flatMap((fault) => (fault.kind === 'cut' ? [setInterval(cut, fault.everyMs)] : []))
  }

  setFaults(options.faults ?? [])
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    struck: () => struck,
    cut,
    silence,
    setFaults,
    async close() {
      setFaults([])
      server.close()
      for (const connection of connections) connection.reset()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
