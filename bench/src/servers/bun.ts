// Bun's own server with its native topics. It runs on Bun alone.

import type { BenchServer } from './bench-server.ts'

/** What is used of Bun, whose types are not installed for this. https://bun.com/docs/runtime/http/websockets */
interface BunGlobal {
  serve(options: {
    port: number
    hostname: string
    fetch(request: Request, server: BunServer): Response | undefined
    websocket: { message(socket: BunSocket, message: string): void }
  }): BunServer
}

interface BunServer {
  readonly port: number
  upgrade(request: Request): boolean
  publish(topic: string, message: string): number
}

interface BunSocket {
  subscribe(topic: string): void
  send(message: string): number
}

export async function start(): Promise<BenchServer> {
  const { Bun } = globalThis as unknown as { readonly Bun: BunGlobal }
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request, here) => (here.upgrade(request) ? undefined : new Response(null, { status: 400 })),
    websocket: {
      message(socket, message) {
        for (const channel of message.slice(1).split(',')) socket.subscribe(channel)
        socket.send('ready')
      },
    },
  })
  return {
    port: server.port,
    publish: (channel, text) => {
      server.publish(channel, JSON.stringify(text))
    },
  }
}
