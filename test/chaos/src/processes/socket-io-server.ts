// A Socket.IO server with connection state recovery, as its documentation has it: one node, so that its need for sticky
// sessions is met.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from 'socket.io'
import { openHistory } from '../history.ts'
import { serveParent } from './child.ts'
import { measureMemory, type ServerMemory } from './memory.ts'
import type { EmitPlan } from './node.ts'

async function start(folder: string, name: string, port: number) {
  const write = openHistory(folder, name)
  const http = createServer()
  const io = new Server(http, { connectionStateRecovery: {}, serveClient: false })
  io.on('connection', (socket) => {
    // A recovered socket is in its rooms already; joining again is harmless.
    void socket.join(String(socket.handshake.query.run))
    socket.on('message', ({ c, s, n }: { c: string; s: string; n: number }, answer?: () => void) => {
      write({ k: 'got', c, r: 'server', s, n })
      answer?.()
    })
    socket.on('end', (answer: () => void) => answer())
  })
  const sockets = new Set<Socket>()
  http.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  http.listen(port, '127.0.0.1')
  await once(http, 'listening')
  return { io, write, name, sockets, port: (http.address() as AddressInfo).port }
}

let server: Awaited<ReturnType<typeof start>>

const handlers = {
  async start({
    folder,
    name,
    port = 0,
  }: {
    folder: string
    name: string
    port?: number
  }): Promise<{ port: number }> {
    server = await start(folder, name, port)
    return { port: server.port }
  },

  /** Emits 1 to `count`. Socket.IO reports nothing about what it has emitted, so taking it counts as its answer. */
  async emit({ run, count, everyMs, padBytes = 0 }: EmitPlan): Promise<void> {
    const pad = padBytes === 0 ? {} : { pad: 'x'.repeat(padBytes) }
    const startedAt = performance.now()
    for (let n = 1; n <= count; n++) {
      const message = { c: `down?run=${run}`, s: server.name, n } as const
      server.write({ k: 'sent', ...message })
      server.io.to(run).emit('message', { s: server.name, n, ...pad })
      server.write({ k: 'acked', ...message })
      const early = startedAt + n * everyMs - performance.now()
      if (early > 0) await sleep(early)
    }
  },

  memory(): Promise<ServerMemory> {
    return measureMemory(server.sockets)
  },

  mark({ run, n }: { run: string; n: number }): void {
    server.io.to(run).emit('message', { s: 'end', n })
  },
}

/** What the parent may call. */
export type SocketIoServerProcess = typeof handlers

serveParent(handlers)
