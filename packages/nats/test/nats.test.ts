/** The broker contract on a real NATS. */
import { type BrokerHarness, brokerContract } from '@triwire/server/testing'
import { missingNats, type NatsServer, type Relay, startNats, startRelay } from '@triwire-test/services'
import { afterAll, beforeAll, describe } from 'vitest'
import { nats } from '../src/index.ts'
import { Names } from '../src/names.ts'
import { withManager } from './manager.ts'

const LEAVE_OUT = {
  'closing leaves no timer behind': 'real timers cannot be counted; a process that ends proves it',
}
/** Longer than a machine that is busy with other tests may let a timer wait. */
const UNIT_MS = 250
let cases = 0

describe.skipIf(missingNats)('nats', () => {
  let server: NatsServer

  beforeAll(async () => {
    server = await startNats()
  })
  afterAll(() => server.stop())

  /** Two brokers of a case's own, behind a line of its own. */
  async function harness(dedupeMs: number, storage: 'file' | 'memory'): Promise<BrokerHarness> {
    const prefix = `case-${cases++}`
    const names = new Names(prefix)
    const relay: Relay = await startRelay(server.port)
    const options = { servers: `127.0.0.1:${relay.port}`, prefix, dedupeMs, storage, onTrouble: () => {} }
    return {
      broker: nats(options),
      peer: nats(options),
      advance: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      interrupt: async () => relay.cut(),
      forget: (channel) =>
        withManager(server, async (manager) => {
          await manager.streams.purge(names.logStream, { filter: names.log(channel) })
        }),
      dispose: async () => {
        await relay.close()
        await withManager(server, async (manager) => {
          for (const stream of [names.logStream, names.stateStream])
            await manager.streams.delete(stream).catch(() => {})
        })
      },
    }
  }

  for (const storage of ['file', 'memory'] as const) {
    brokerContract(`one NATS, ${storage}`, ({ dedupeMs }) => harness(dedupeMs, storage), {
      unitMs: UNIT_MS,
      concurrent: true,
      timeoutMs: 60_000,
      leaveOut: LEAVE_OUT,
    })
  }
})
