/** The cases of the protocol through a proxy of docs/scaling, over TLS, in front of three nodes on one Redis. */
import { redis } from '@triwire/redis'
import { conformanceSuite } from '@triwire-test/conformance'
import { missingRedis, type RedisServer, startRedis } from '@triwire-test/services'
import { afterAll, beforeAll, describe } from 'vitest'
import type { ProxyKind } from './front.ts'
import { LEFT_OUT } from './left-out.ts'
import { trustOurCertificates } from './trust.ts'

/** Registers them. */
export function conformThrough({ name, missing, start }: ProxyKind): void {
  const reason = missing ?? missingRedis
  describe.skipIf(reason)(reason ?? `${name} in front of three nodes on Redis`, () => {
    let server: RedisServer
    let fixtures = 0

    trustOurCertificates()
    beforeAll(async () => {
      server = await startRedis()
    })
    afterAll(() => server.stop())

    conformanceSuite(`three nodes on Redis behind ${name}`, {
      createBrokers: () => {
        const prefix = `fixture-${fixtures++}:`
        const create = () => redis({ url: server.url, prefix })
        return [create, create, create]
      },
      startFront: (ports) => start(ports),
      leaveOut: LEFT_OUT[name],
    })
  })
}
