// The browser's own WebSocket, and `JSON.parse` of each message: what every example begins with.

import { joinWords } from '../peers/websocket-words.ts'
import { type App, addMessage, EMPTY_ROOM } from './app.ts'
import { createPainter } from './reader.ts'

export async function follow(app: App, origin: string): Promise<void> {
  const paint = createPainter(app)
  const { first = '', hear } = joinWords.greet([0], 0)
  const socket = new WebSocket(origin.replace(/^http/, 'ws') + joinWords.path([0]))
  await new Promise<void>((resolve) => {
    socket.onopen = () => socket.send(first)
    socket.onmessage = ({ data }) => {
      if (hear(data) === true) resolve()
    }
  })
  let room = EMPTY_ROOM
  socket.onmessage = ({ data }) => {
    room = addMessage(room, JSON.parse(data) as string)
    app.handle()
    paint(room)
  }
}
