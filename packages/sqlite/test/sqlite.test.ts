/** The broker contract on a file: on a virtual clock, and in real time. */
import { brokerContract, createManualClock } from '@triwire/server/testing'
import { sqlite } from '../src/index.ts'
import { SqliteBroker } from '../src/sqlite-broker.ts'
import { temporaryFile } from './folder.ts'

const NO_LINE = {
  'an interrupted subscription says so, and goes on': 'there is no line between this broker and its store',
}

brokerContract(
  'sqlite, on a virtual clock',
  async ({ dedupeMs }) => {
    const { path, dispose } = temporaryFile()
    const { now, setTimer, advance, timers } = createManualClock()
    const options = { path, durability: 'process', dedupeMs, idleMs: 300_000, onTrouble: () => {} } as const
    const broker = new SqliteBroker({ ...options, now, setTimer })
    // Long enough for the longest history of the suite.
    const forget = (): Promise<void> => advance(100_000_000)
    return { broker, advance, timers, forget, dispose: async () => dispose() }
  },
  { leaveOut: NO_LINE },
)

brokerContract(
  'sqlite, in real time',
  async ({ dedupeMs }) => {
    const { path, dispose } = temporaryFile()
    const broker = sqlite({ path, dedupeMs, onTrouble: () => {} })
    return {
      broker,
      advance: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      dispose: async () => dispose(),
    }
  },
  {
    unitMs: 100,
    concurrent: true,
    timeoutMs: 60_000,
    leaveOut: {
      ...NO_LINE,
      'closing leaves no timer behind': 'real timers cannot be counted; the virtual clock counts them',
      'a channel that was lost comes back under another epoch':
        'real time is too slow for it; the virtual clock is not',
    },
  },
)
