/** Three nodes on one Redis. */
import { redis } from '@triwire/redis'
import { missingRedis, type RedisServer, startRedis } from '@triwire-test/services'
import { afterAll, beforeAll, describe } from 'vitest'
import { nodesSuite } from '../src/suite.ts'

describe.skipIf(missingRedis)('Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())

  nodesSuite('three nodes on one Redis', () => ({
    port: server.port,
    connect: (port, prefix) => redis({ url: `redis://127.0.0.1:${port}`, prefix, onTrouble: () => {} }),
  }))
})
