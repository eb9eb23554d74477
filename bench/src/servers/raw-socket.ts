// The socket that is left after the upgrade, and nothing above it: no library, no frames read, one joined write per turn.
// No server that also listens to its clients can cost less on Node.

import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { BenchServer } from './bench-server.ts'
import { textFrame } from './frame.ts'
import { listen } from './listen.ts'
import { TurnGroups } from './turn-groups.ts'

/** RFC 6455 §1.3. */
const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export async function start(): Promise<BenchServer> {
  const groups = new TurnGroups()
  const server = createServer()
  server.on('upgrade', (request, socket) => {
    const key = createHash('sha1').update(`${request.headers['sec-websocket-key']}${KEY_SUFFIX}`).digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
    )
    const leave = groups.join((request.url ?? '').split('=')[1]?.split(',') ?? [], socket)
    socket.on('error', leave)
    socket.on('close', leave)
    socket.resume()
    socket.write(textFrame('ready'))
  })
  const port = await listen(server)
  return { port, publish: (channel, text) => groups.publish(channel, textFrame(JSON.stringify(text))) }
}
