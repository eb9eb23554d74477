// `ws` with the last messages of each channel kept and sent to newcomers one by one, as an app without a library does.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import type { BenchServer } from './bench-server.ts'

/** Messages that are kept. */
const KEPT = 300

export async function start(): Promise<BenchServer> {
  const kept = new Map<string, string[]>()
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', backlog: 4096, perMessageDeflate: false })
  server.on('connection', (ws) => {
    ws.on('message', (data) => {
      for (const channel of String(data).slice(1).split(',')) {
        for (const message of kept.get(channel) ?? []) ws.send(message)
      }
      ws.send('ready')
    })
  })
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    publish(channel, text) {
      const log = kept.get(channel) ?? []
      kept.set(channel, log)
      log.push(JSON.stringify(text))
      if (log.length > KEPT) log.shift()
    },
  }
}
