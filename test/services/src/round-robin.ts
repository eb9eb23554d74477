/**
 * The worst of load balancers: every request goes to another node than the one before, whoever sent it. Nothing here
 * knows of sessions, and so nothing behind it may need one to stay where it was. A node that does not accept is passed
 * over, as every balancer does.
 */
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

/** A running balancer. */
export interface RoundRobin {
  readonly port: number
  close(): Promise<void>
}

/** Starts one in front of these ports of loopback. */
export async function startRoundRobin(ports: readonly number[]): Promise<RoundRobin> {
  let requests = 0
  /** A connection to the node whose turn it is, or to the next one that accepts; undefined where none does. */
  const connectInTurn = async (): Promise<Socket | undefined> => {
    for (const _ of ports) {
      const socket = connect(ports[requests++ % ports.length] as number, '127.0.0.1')
      const isOpen = await once(socket, 'connect').then(
        () => true,
        () => false,
      )
      if (isOpen) return socket
    }
    return undefined
  }
  const server = createServer((near, answer) => {
    const { method, url, rawHeaders } = near
    void connectInTurn().then((socket) => {
      if (socket === undefined || answer.destroyed) {
        socket?.destroy()
        answer.destroy()
        return
      }
      const options = { method, path: url, headers: rawHeaders, createConnection: () => socket }
      const far = request(options, (reply) => {
        answer.writeHead(reply.statusCode ?? 502, reply.rawHeaders)
        // What comes of a stream has to go on at once.
        answer.flushHeaders()
        reply.pipe(answer)
        reply.on('error', () => answer.destroy())
        reply.on('close', () => socket.destroy())
      })
      far.on('error', () => answer.destroy())
      answer.on('close', () => far.destroy())
      near.pipe(far)
    })
  })
  server.on('upgrade', (near, socket, head) => {
    socket.on('error', () => {})
    void connectInTurn().then((far) => {
      if (far === undefined || socket.destroyed) {
        far?.destroy()
        socket.destroy()
        return
      }
      const lines = [`${near.method} ${near.url} HTTP/1.1`]
      for (let index = 0; index < near.rawHeaders.length; index += 2)
        lines.push(`${near.rawHeaders[index]}: ${near.rawHeaders[index + 1]}`)
      far.write(`${lines.join('\r\n')}\r\n\r\n`)
      far.write(head)
      far.pipe(socket)
      socket.pipe(far)
      for (const [one, other] of [
        [far, socket],
        [socket, far],
      ] as const) {
        one.on('error', () => other.destroy())
        one.on('close', () => other.destroy())
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
