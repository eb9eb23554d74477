// The broker in a process of its own keeps the contract of the port, or nothing that runs on it proves anything.

import { setTimeout as wait } from 'node:timers/promises'
import { brokerContract } from '@triwire/server/testing'
import { startBrokerHost } from '../src/broker/broker-host.ts'
import { connectBroker } from '../src/broker/remote-broker.ts'

brokerContract(
  'memory in another process',
  async ({ dedupeMs }) => {
    const host = await startBrokerHost({ onListenerError: () => undefined, limits: { dedupeMs, sweepMs: 10 } })
    const broker = await connectBroker(host.port)
    const peer = await connectBroker(host.port)
    const backAfter = async (cut: () => unknown): Promise<void> => {
      await cut()
      // Until both have noticed, they believe in a line that is gone.
      while (
        await Promise.all([broker, peer].map((node) => node.members('any'))).then(
          () => false,
          () => true,
        )
      )
        await Promise.all([broker.ready(), peer.ready()])
    }
    return {
      broker,
      peer,
      advance: (ms) => wait(ms),
      interrupt: () => backAfter(() => host.disconnectAll()),
      forget: () => backAfter(() => host.forget()),
      dispose: () => host.close(),
    }
  },
  {
    unitMs: 100,
    concurrent: true,
    leaveOut: { 'closing leaves no timer behind': 'real timers cannot be counted; the virtual clock counts them' },
  },
)
