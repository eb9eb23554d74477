// crossws with its adapter for Node and its own publish and subscribe.

import { createServer } from 'node:http'
import crossws from 'crossws/adapters/node'
import type { BenchServer } from './bench-server.ts'
import { listen } from './listen.ts'

export async function start(): Promise<BenchServer> {
  const ws = crossws({
    hooks: {
      message(peer, message) {
        for (const channel of message.text().slice(1).split(',')) peer.subscribe(channel)
        peer.send('ready')
      },
    },
  })
  const server = createServer()
  server.on('upgrade', (request, socket, head) => void ws.handleUpgrade(request, socket, head))
  const port = await listen(server)
  return { port, publish: (channel, text) => ws.publish(channel, JSON.stringify(text)) }
}
