// Socket.IO's own client.

import { io } from 'socket.io-client'
import { type App, addMessage, EMPTY_ROOM } from './app.ts'
import { createPainter } from './reader.ts'

export async function follow(app: App, origin: string): Promise<void> {
  const paint = createPainter(app)
  const socket = io(origin, { transports: ['websocket'] })
  let room = EMPTY_ROOM
  socket.on('message', (text: string) => {
    room = addMessage(room, text)
    app.handle()
    paint(room)
  })
  await new Promise<void>((resolve) => {
    socket.on('ready', resolve)
    socket.on('connect', () => socket.emit('join', ['0']))
  })
}
