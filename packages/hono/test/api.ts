/** A contract as the plain data it is: this package has no arrow to the one with `contract()`. */
import { z } from 'zod'

const history = { keep: 100, ttlMs: 300_000, bytes: 1024 * 1024 }

/** Everything a channel may leave out. */
export const nothing = {
  events: {},
  publish: [],
  signals: {},
  presence: undefined,
  commands: {},
  snapshot: undefined,
  history,
  public: false,
} as const

/** One channel that needs no implementation. */
export const api = {
  channels: {
    alerts: { ...nothing, path: 'alerts', events: { alert: z.object({ text: z.string() }) } },
  },
} as const
