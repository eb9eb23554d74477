// `ws` as its own examples use it: `send(text)` to one client after the other.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { BenchServer } from './bench-server.ts'
import { Rooms } from './rooms.ts'

/** Words of clients are a letter and what follows: `j` joins, `e` wants an echo, `p` is heard and no more, `b` goes to all in channel 0. */
export async function start(): Promise<BenchServer> {
  const rooms = new Rooms<WebSocket>()
  let received = 0
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', backlog: 4096, perMessageDeflate: false })
  server.on('connection', (ws) => {
    let channels: string[] = []
    ws.on('message', (data) => {
      const text = String(data)
      if (text[0] === 'e') ws.send(text.slice(1))
      else if (text[0] === 'p') received++
      else if (text[0] === 'b') for (const other of rooms.in('0')) other.send(text)
      else if (text[0] === 'j') {
        channels = text.slice(1).split(',')
        rooms.join(channels, ws)
        ws.send('ready')
      }
    })
    ws.on('close', () => rooms.leave(channels, ws))
  })
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    publish(channel, text) {
      const message = JSON.stringify(text)
      for (const ws of rooms.in(channel)) ws.send(message)
    },
    received: () => received,
  }
}
