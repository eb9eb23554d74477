/** Three nodes on one NATS. */
import { nats } from '@triwire/nats'
import { missingNats, type NatsServer, startNats } from '@triwire-test/services'
import { afterAll, beforeAll, describe } from 'vitest'
import { nodesSuite } from '../src/suite.ts'

describe.skipIf(missingNats)('NATS', () => {
  let server: NatsServer
  beforeAll(async () => {
    server = await startNats()
  })
  afterAll(() => server.stop())

  nodesSuite('three nodes on one NATS', () => ({
    port: server.port,
    connect: (port, prefix) =>
      nats({ servers: `127.0.0.1:${port}`, prefix: prefix.replace(/:$/, ''), onTrouble: () => {} }),
  }))
})
