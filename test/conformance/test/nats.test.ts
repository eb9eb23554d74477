/** The cases against three nodes on one NATS, behind a balancer that sends every request to another node. */
import { nats } from '@triwire/nats'
import { missingNats, type NatsServer, startNats } from '@triwire-test/services'
import { afterAll, beforeAll, describe } from 'vitest'
import { conformanceSuite } from '../src/suite.ts'

describe.skipIf(missingNats)('three nodes on NATS', () => {
  let server: NatsServer
  let fixtures = 0

  beforeAll(async () => {
    server = await startNats()
  })
  afterAll(() => server.stop())

  conformanceSuite('three nodes on NATS, round robin', {
    createBrokers: () => {
      const prefix = `fixture-${fixtures++}`
      const create = () => nats({ servers: server.url, prefix })
      return [create, create, create]
    },
  })
})
