/** The broker contract on a real Redis: one server, and a cluster. */
import { createClient } from '@redis/client'
import { type BrokerHarness, brokerContract } from '@triwire/server/testing'
import { missingRedis, type RedisServer, startCluster, startRedis } from '@triwire-test/services'
import { afterAll, beforeAll, describe } from 'vitest'
import { redis } from '../src/index.ts'

const LEAVE_OUT = {
  'closing leaves no timer behind': 'real timers cannot be counted; a process that ends proves it',
}
/** Longer than a machine that is busy with other tests may let a timer wait. */
const UNIT_MS = 250
let cases = 0

type Admin = Awaited<ReturnType<typeof connect>>

/** A client of a test's own. */
async function connect({ url }: RedisServer) {
  const client = createClient({ url })
  await client.connect()
  return client
}

/** Two brokers of a case's own on the same servers. */
function harness(servers: readonly RedisServer[], dedupeMs: number): BrokerHarness {
  const [first] = servers
  if (first === undefined) throw new Error('There is no server to test with.')
  const prefix = `case-${cases++}:`
  const url = servers.length === 1 ? first.url : servers.map((server) => server.url)
  const options = { url, prefix, dedupeMs, onTrouble: () => {} }
  const onEach = async (act: (admin: Admin) => Promise<void>): Promise<void> => {
    for (const server of servers) {
      const admin = await connect(server)
      await act(admin)
      admin.destroy()
    }
  }
  return {
    broker: redis(options),
    peer: redis(options),
    advance: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    interrupt: () =>
      onEach(async (admin) => {
        const own = (await admin.clientList()).filter(({ name }) => name.startsWith(prefix))
        for (const { id } of own) await admin.sendCommand(['CLIENT', 'KILL', 'ID', String(id)])
      }),
    forget: (channel) =>
      onEach(async (admin) => {
        const keys = await admin.keys(`${prefix}{${channel.replace('?', '\\?')}}*`)
        if (keys.length > 0) await admin.del(keys)
      }),
  }
}

describe.skipIf(missingRedis)('redis', () => {
  let servers: readonly RedisServer[] = []
  beforeAll(async () => {
    servers = [await startRedis()]
  })
  afterAll(() => Promise.all(servers.map((server) => server.stop())))

  brokerContract('one Redis', async ({ dedupeMs }) => harness(servers, dedupeMs), {
    unitMs: UNIT_MS,
    concurrent: true,
    timeoutMs: 60_000,
    leaveOut: LEAVE_OUT,
  })
})

describe.skipIf(missingRedis)('redis cluster', () => {
  let servers: readonly RedisServer[] = []
  beforeAll(async () => {
    servers = await startCluster(3)
  }, 30_000)
  afterAll(() => Promise.all(servers.map((server) => server.stop())))

  brokerContract('a cluster of three', async ({ dedupeMs }) => harness(servers, dedupeMs), {
    unitMs: UNIT_MS,
    concurrent: true,
    timeoutMs: 60_000,
    leaveOut: LEAVE_OUT,
  })
})
