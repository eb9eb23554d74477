// better-sse as its documentation shows it: a session per client, a channel that broadcasts.

import { createServer } from 'node:http'
import { type Channel, createChannel, createSession } from 'better-sse'
import type { BenchServer } from './bench-server.ts'
import { channelsOf } from './channels-of.ts'
import { listen } from './listen.ts'

export async function start(): Promise<BenchServer> {
  const channels = new Map<string, Channel>()
  const channelOf = (name: string): Channel => {
    const channel = channels.get(name) ?? createChannel()
    channels.set(name, channel)
    return channel
  }
  const server = createServer(async (request, response) => {
    const session = await createSession(request, response)
    for (const name of channelsOf(request.url)) channelOf(name).register(session)
    session.push('ready')
  })
  const port = await listen(server)
  return {
    port,
    publish: (channel, text) => {
      channelOf(channel).broadcast(text)
    },
  }
}
