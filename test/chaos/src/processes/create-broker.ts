// The broker of a node, from data that can be sent to its process.

import { nats } from '@triwire/nats'
import { redis } from '@triwire/redis'
import type { Broker } from '@triwire/server'
import { sqlite } from '@triwire/sqlite'
import { connectBroker } from '../broker/remote-broker.ts'

/** Which broker. */
export type BrokerSpec =
  /** The one in another process of these tests. */
  | { readonly kind: 'remote'; readonly port: number }
  | { readonly kind: 'redis'; readonly url: string; readonly prefix?: string }
  | { readonly kind: 'nats'; readonly server: string; readonly storage: 'file' | 'memory' }
  | { readonly kind: 'sqlite'; readonly path: string }

/** Makes it. */
export async function createBroker(spec: BrokerSpec): Promise<Broker> {
  switch (spec.kind) {
    case 'remote':
      return connectBroker(spec.port)
    case 'redis': {
      const { url, prefix = 'triwire:' } = spec
      return redis({ url, prefix, onTrouble: () => {} })
    }
    case 'nats':
      return nats({ servers: spec.server, storage: spec.storage, onTrouble: () => {} })
    case 'sqlite':
      return sqlite({ path: spec.path, onTrouble: () => {} })
  }
}
