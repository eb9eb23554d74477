/** The app of the chaos runs, with a memory broker: when its process is killed, everything it remembered is gone. */
import { createRealtime, type Limits } from '@triwire/server'
import { api } from '@triwire-test/chaos/contract'
import type { ServedApp } from './app.ts'

/** Nobody here is slow, and nobody shares an address with strangers. */
const LIMITS = { rate: 5000, burst: 5000, connectionsPerUser: 1000, connectionsPerAddress: 1000 }

/** What a test wants emitted, of which channel and where. */
export interface ChaosEmit {
  readonly of: 'down' | 'up'
  readonly run: string
  readonly data: { readonly s: string; readonly n: number }
}

/** Makes it. Beside it, `POST /inside/emit` emits and answers when the event is in the log. */
export function makeChaosApp(limits: Partial<Limits>): ServedApp {
  const realtime = createRealtime(api, {
    auth: () => ({ id: 'tester' }),
    limits: { ...LIMITS, ...limits },
    logger: { warn: () => {}, error: () => {} },
  })
  return {
    realtime,
    inside: async (request) => {
      const { of, run, data } = (await request.json()) as ChaosEmit
      await realtime.channels[of]({ run }).emit('message', data)
      return new Response(null, { status: 204 })
    },
  }
}
