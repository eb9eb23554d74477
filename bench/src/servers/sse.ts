// Server-sent events on Node's own response, as every tutorial has them: a `write` per message and client.

import { createServer, type ServerResponse } from 'node:http'
import type { BenchServer } from './bench-server.ts'
import { channelsOf } from './channels-of.ts'
import { listen } from './listen.ts'
import { Rooms } from './rooms.ts'

/** What a stream begins with. */
export const STREAM_HEAD = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' }

export async function start(): Promise<BenchServer> {
  const rooms = new Rooms<ServerResponse>()
  const server = createServer((request, response) => {
    const channels = channelsOf(request.url)
    response.writeHead(200, STREAM_HEAD)
    response.write(': ready\n\n')
    rooms.join(channels, response)
    response.on('close', () => rooms.leave(channels, response))
  })
  const port = await listen(server)
  return {
    port,
    publish(channel, text) {
      const event = `data: ${JSON.stringify(text)}\n\n`
      for (const response of rooms.in(channel)) response.write(event)
    },
  }
}
