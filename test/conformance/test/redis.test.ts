/** The cases against three nodes on one Redis, behind a balancer that sends every request to another node. */
import { redis } from '@triwire/redis'
import { missingRedis, type RedisServer, startRedis } from '@triwire-test/services'
import { afterAll, beforeAll, describe } from 'vitest'
import { conformanceSuite } from '../src/suite.ts'

describe.skipIf(missingRedis)('three nodes on Redis', () => {
  let server: RedisServer
  let fixtures = 0

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())

  conformanceSuite('three nodes on Redis, round robin', {
    createBrokers: () => {
      const prefix = `fixture-${fixtures++}:`
      const create = () => redis({ url: server.url, prefix })
      return [create, create, create]
    },
  })
})
