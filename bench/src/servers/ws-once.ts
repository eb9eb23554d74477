// `ws` for what comes in, and each message framed once and written to the socket below it.

import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { BenchServer } from './bench-server.ts'
import { textFrame } from './frame.ts'
import { listen } from './listen.ts'
import { Rooms } from './rooms.ts'

export async function start(): Promise<BenchServer> {
  const rooms = new Rooms<Duplex>()
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  const server = createServer()
  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (ws) => {
      let channels: string[] = []
      ws.on('message', (data) => {
        channels = String(data).slice(1).split(',')
        rooms.join(channels, socket)
        ws.send('ready')
      })
      ws.on('close', () => rooms.leave(channels, socket))
    })
  })
  const port = await listen(server)
  return {
    port,
    publish(channel, text) {
      const frame = textFrame(JSON.stringify(text))
      for (const socket of rooms.in(channel)) socket.write(frame)
    },
  }
}
