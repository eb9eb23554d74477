// The socket that is left after the upgrade, and nothing above it: no library, no frames read, one joined write per turn.
// No server that also listens to its clients can cost less on Node.

import { createServer } from 'node:http'
import type { BenchServer } from './bench-server.ts'
import { channelsOf } from './channels-of.ts'
import { textFrame } from './frame.ts'
import { listen } from './listen.ts'
import { switchingProtocols } from './switching-protocols.ts'
import { TurnGroups } from './turn-groups.ts'

export async function start(): Promise<BenchServer> {
  const groups = new TurnGroups()
  const server = createServer()
  server.on('upgrade', (request, socket) => {
    socket.write(switchingProtocols(request))
    const leave = groups.join(channelsOf(request.url), socket)
    socket.on('error', leave)
    socket.on('close', leave)
    socket.resume()
    socket.write(textFrame('ready'))
  })
  const port = await listen(server)
  return { port, publish: (channel, text) => groups.publish(channel, textFrame(JSON.stringify(text))) }
}
