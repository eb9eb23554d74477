// The brokers that nodes can share. A further one is one more entry: how the demo comes by a running store, and how a
// process connects to it.

import type { Broker } from '@triwire/server'
import { provideRedis } from './redis-store.ts'
import type { Store } from './store.ts'

interface BrokerEntry {
  /** Finds a store, or starts one. @throws MissingStore */
  readonly provide: () => Promise<Store>
  /** @param name goes before everything that is kept, because a store may hold other things */
  readonly connect: (url: string, name: string) => Promise<Broker>
}

const brokers = {
  redis: {
    provide: provideRedis,
    async connect(url, name) {
      const { redis } = await import('@triwire/redis')
      return redis({ url, prefix: `${name}:` })
    },
  },
} satisfies Record<string, BrokerEntry>

/** What `--broker` takes. */
export type BrokerName = keyof typeof brokers

export const brokerNames = Object.keys(brokers) as readonly BrokerName[]

export function isBrokerName(name: string): name is BrokerName {
  return (brokerNames as readonly string[]).includes(name)
}

export function provideStore(name: BrokerName): Promise<Store> {
  return brokers[name].provide()
}

export function connect(broker: BrokerName, url: string, name: string): Promise<Broker> {
  return brokers[broker].connect(url, name)
}
