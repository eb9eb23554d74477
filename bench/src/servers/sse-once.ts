// Server-sent events on Node's own response, with each message encoded once and one joined `write` per client and turn.

import { createServer } from 'node:http'
import type { BenchServer } from './bench-server.ts'
import { channelsOf } from './channels-of.ts'
import { listen } from './listen.ts'
import { STREAM_HEAD } from './sse.ts'
import { TurnGroups } from './turn-groups.ts'

export async function start(): Promise<BenchServer> {
  const groups = new TurnGroups()
  const server = createServer((request, response) => {
    response.writeHead(200, STREAM_HEAD)
    response.write(': ready\n\n')
    response.on('close', groups.join(channelsOf(request.url), response))
  })
  const port = await listen(server)
  return {
    port,
    publish: (channel, text) => groups.publish(channel, Buffer.from(`data: ${JSON.stringify(text)}\n\n`)),
  }
}
