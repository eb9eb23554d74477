import { TriwireError } from '@triwire/protocol'
import { brokerContract } from '@triwire/server/testing'
import { Clock, createActor, Random } from '@triwire/test/parts'
import { BrokerModel } from '../src/broker-model.ts'
import { BrokerStore } from '../src/broker-store.ts'
import { History } from '../src/history.ts'

let seeds = 0

brokerContract('the model of a simulation, two nodes on one store', async ({ dedupeMs }) => {
  const clock = new Clock(
    () => {},
    (error) => {
      throw error
    },
  )
  const random = new Random(seeds++, 'contract')
  const far = createActor('store')
  const store = new BrokerStore({ clock, actor: far, random, history: new History(), dedupeMs })
  const trouble = { downUntil: 0, slowMs: 0, loseAnswers: 0 }
  const connect = (name: string, onClose: () => void): BrokerModel =>
    new BrokerModel({
      onClose,
      store,
      clock,
      node: createActor(name),
      far,
      random,
      trouble,
      latencyMs: 0,
      unavailable: (message) => new TriwireError('unavailable', message),
    })
  const broker = connect('one', () => store.close())
  const peer = connect('other', () => {})
  const advance = async (ms: number): Promise<void> => {
    const end = clock.now + ms
    for (let at = clock.now; at < end; at = clock.now) {
      clock.runUntil(Math.min(end, at + ms / 20))
      await Promise.resolve()
    }
  }
  return {
    broker,
    peer,
    advance,
    timers: () => far.timers.size,
    interrupt: async () => {
      for (const node of [broker, peer]) {
        node.deafen()
        node.recover()
      }
      await advance(1)
    },
    forget: async (channel) => store.forget(channel),
  }
})
