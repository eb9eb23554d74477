// Long polling on Node's own response: a log per channel, and requests that wait at its end. All that wait are answered
// once per turn, and those that stand at one place with one and the same body.

import { createServer, type ServerResponse } from 'node:http'
import type { BenchServer } from './bench-server.ts'
import { listen } from './listen.ts'

interface Channel {
  readonly log: string[]
  readonly waiting: Map<ServerResponse, number>
}

export async function start(): Promise<BenchServer> {
  const channels = new Map<string, Channel>()
  const channelOf = (name: string): Channel => {
    const channel = channels.get(name) ?? { log: [], waiting: new Map() }
    channels.set(name, channel)
    return channel
  }
  const server = createServer((request, response) => {
    const query = new URLSearchParams((request.url ?? '').split('?')[1])
    const { log, waiting } = channelOf(query.get('c') ?? '')
    const after = query.get('after')
    if (after === null) answer(response, `${log.length}\n`)
    else if (Number(after) < log.length) answer(response, bodyBehind(log, Number(after)))
    else {
      waiting.set(response, Number(after))
      response.on('close', () => waiting.delete(response))
    }
  })
  const flush = ({ log, waiting }: Channel): void => {
    const bodies = new Map<number, string>()
    for (const [response, after] of waiting) {
      const body = bodies.get(after) ?? bodyBehind(log, after)
      bodies.set(after, body)
      answer(response, body)
    }
    waiting.clear()
  }
  const due = new Set<Channel>()
  const port = await listen(server)
  return {
    port,
    publish(name, text) {
      const channel = channelOf(name)
      channel.log.push(JSON.stringify(text))
      if (due.size === 0) {
        process.nextTick(() => {
          for (const one of due) flush(one)
          due.clear()
        })
      }
      due.add(channel)
    },
  }
}

function bodyBehind(log: readonly string[], after: number): string {
  return `${log.length}\n${log.slice(after).join('\n')}`
}

function answer(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(body) })
  response.end(body)
}
