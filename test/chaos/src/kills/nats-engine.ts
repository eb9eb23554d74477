// NATS JetStream in a long run: one server that is killed and begins again from its files, or from nothing.

import { setTimeout as sleep } from 'node:timers/promises'
import { startNats } from '@triwire-test/services'
import type { Engine } from './engine.ts'

/** Milliseconds a store is away. */
const AWAY_MS = 300

/** With `hasFile`, streams are in files; otherwise in the memory of the server, and gone with it. */
export async function natsEngine({ hasFile }: { hasFile: boolean }): Promise<Engine> {
  const server = await startNats()
  return {
    name: hasFile ? 'NATS, file' : 'NATS, memory',
    port: server.port,
    nodes: 3,
    forgets: !hasFile,
    rate: 40,
    blows: [
      {
        name: 'NATS killed',
        kills: 1,
        strike: async () => {
          await server.kill()
          await sleep(AWAY_MS)
          await server.restart()
        },
      },
    ],
    spec: (port) => ({ kind: 'nats', server: `127.0.0.1:${port}`, storage: hasFile ? 'file' : 'memory' }),
    stop: () => server.stop(),
  }
}
