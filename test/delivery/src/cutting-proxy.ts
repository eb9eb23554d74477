/** A TCP proxy on loopback that cuts every connection through it whenever it is told to. */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A running proxy. */
export interface CuttingProxy {
  readonly port: number
  /** Resets all connections; returns how many there were. */
  cut(): number
  close(): Promise<void>
}

/** Starts a proxy in front of a port on loopback. */
export async function startCuttingProxy(targetPort: number): Promise<CuttingProxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  const server: Server = createServer((downstream) => {
    const upstream = connect(targetPort, '127.0.0.1')
    const pair = [downstream, upstream] as const
    pairs.add(pair)
    for (const socket of pair) {
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        pairs.delete(pair)
        downstream.destroy()
        upstream.destroy()
      })
    }
    downstream.pipe(upstream)
    upstream.pipe(downstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): number => {
    const count = pairs.size
    // A reset rather than an end: what is under way in either direction is lost, as on a real network.
    for (const [downstream, upstream] of pairs) {
      downstream.resetAndDestroy()
      upstream.resetAndDestroy()
    }
    return count
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    async close() {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}
