// The socket after the upgrade, and the last messages of a channel as one buffer that is made once: the least a replay costs.

import { createServer } from 'node:http'
import type { BenchServer } from './bench-server.ts'
import { channelsOf } from './channels-of.ts'
import { textFrame } from './frame.ts'
import { listen } from './listen.ts'
import { switchingProtocols } from './switching-protocols.ts'

export async function start(): Promise<BenchServer> {
  const kept = new Map<string, Buffer[]>()
  const joined = new Map<string, Buffer>()
  const server = createServer()
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => {})
    socket.resume()
    socket.write(switchingProtocols(request))
    for (const channel of channelsOf(request.url)) {
      const all = joined.get(channel) ?? Buffer.concat(kept.get(channel) ?? [])
      joined.set(channel, all)
      socket.write(all)
    }
    socket.write(textFrame('ready'))
  })
  const port = await listen(server)
  return {
    port,
    publish(channel, text) {
      joined.delete(channel)
      const frames = kept.get(channel) ?? []
      kept.set(channel, frames)
      frames.push(textFrame(JSON.stringify(text)))
    },
  }
}
