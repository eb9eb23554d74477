// A server that only says what another one would, so that the page is what is measured and not how fast that one is: no log,
// no rooms, no schema.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Feeder } from '../browser/feeders.ts'
import type { BenchServer } from './bench-server.ts'

/** Serves one client. What is published in one turn is said together, in the frames that the feeder makes of it. */
export async function startScripted({ first, answers, frames }: Feeder): Promise<BenchServer> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  let client: WebSocket | undefined
  let said = 0
  let texts: string[] = []
  server.on('connection', (ws) => {
    client = ws
    if (first !== undefined) ws.send(first)
    ws.on('message', (data) => {
      for (const answer of answers(String(data))) ws.send(answer)
    })
  })
  const say = (): void => {
    for (const frame of frames(texts, said + 1)) client?.send(frame)
    said += texts.length
    texts = []
  }
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    publish(_channel, text) {
      if (texts.push(text) === 1) queueMicrotask(say)
    },
  }
}
