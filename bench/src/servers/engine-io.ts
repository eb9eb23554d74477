// engine.io, the transport below Socket.IO, with both of its wires. It has no rooms, so it gets those of `ws`.

import { createServer } from 'node:http'
import { attach, type Socket } from 'engine.io'
import type { BenchServer } from './bench-server.ts'
import { listen } from './listen.ts'
import { Rooms } from './rooms.ts'

export async function start(): Promise<BenchServer> {
  const rooms = new Rooms<Socket>()
  const server = createServer()
  attach(server, {}).on('connection', (socket: Socket) => {
    let channels: string[] = []
    socket.on('message', (text) => {
      channels = String(text).slice(1).split(',')
      rooms.join(channels, socket)
      socket.send('ready')
    })
    socket.on('close', () => rooms.leave(channels, socket))
  })
  const port = await listen(server)
  return {
    port,
    publish(channel, text) {
      const message = JSON.stringify(text)
      for (const socket of rooms.in(channel)) socket.send(message)
    },
  }
}
