// Socket.IO as its documentation shows it, with both of its wires.

import { createServer } from 'node:http'
import { Server } from 'socket.io'
import type { BenchServer } from './bench-server.ts'
import { listen } from './listen.ts'

export async function start(): Promise<BenchServer> {
  const server = createServer()
  const io = new Server(server)
  let received = 0
  io.on('connection', (socket) => {
    socket.on('join', async (channels: string[]) => {
      await socket.join(channels)
      socket.emit('ready')
    })
    socket.on('publish', () => {
      received++
    })
    // A member's value as an app would pass it on by itself.
    socket.on('announce', (text: string) => {
      io.to('0').emit('announced', socket.id, text)
    })
    socket.on('command', (text: string, answer: (text: string) => void) => answer(text))
  })
  const port = await listen(server)
  return {
    port,
    publish: (channel, text) => {
      io.to(channel).emit('message', text)
    },
    received: () => received,
  }
}
