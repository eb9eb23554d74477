// Writes down what enters the log of the channels that clients publish to: the broker is where upstream arrives.

import type { Broker } from '@triwire/server'
import type { HistoryLine } from '../history.ts'

/** @param life which life of the log this is: one that begins again from nothing may hold what an earlier one held */
export function recordAppends(broker: Broker, write: (line: HistoryLine) => void, life: number): Broker {
  const append: Broker['append'] = async (channel, what) => {
    // The memory broker has appended by the time it returns its promise, so these lines are in the log's order.
    const outcome = await broker.append(channel, what)
    if (outcome.status === 'appended' && channel.startsWith('up?')) {
      const { s, n } = JSON.parse(what.data) as { s: string; n: number }
      write({ k: 'got', c: channel, r: 'log', s, n, life })
    }
    return outcome
  }
  return new Proxy(broker, {
    get: (target, name) => {
      if (name === 'append') return append
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
