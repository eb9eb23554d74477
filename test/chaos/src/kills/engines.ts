// Every store of the long runs, by the name it has on the command line.

import { missingNats, missingRedis } from '@triwire-test/services'
import type { Engine } from './engine.ts'
import { natsEngine } from './nats-engine.ts'
import { redisEngine, redisPairEngine } from './redis-engine.ts'
import { sqliteEngine } from './sqlite-engine.ts'

/** How one is started, and why it cannot be. */
export interface EngineEntry {
  readonly create: () => Promise<Engine>
  readonly missing: string | undefined
}

export const ENGINES: Readonly<Record<string, EngineEntry>> = {
  'redis-aof': { create: () => redisEngine({ hasFile: true }), missing: missingRedis },
  redis: { create: () => redisEngine({ hasFile: false }), missing: missingRedis },
  'redis-failover': { create: redisPairEngine, missing: missingRedis },
  nats: { create: () => natsEngine({ hasFile: true }), missing: missingNats },
  'nats-memory': { create: () => natsEngine({ hasFile: false }), missing: missingNats },
  sqlite: { create: sqliteEngine, missing: undefined },
}

/**
 * Finds one by its name.
 * @throws Error where there is none
 */
export function engineOf(name: string): EngineEntry {
  const entry = Object.hasOwn(ENGINES, name) ? ENGINES[name] : undefined
  if (entry === undefined) throw new Error(`No store "${name}". There are: ${Object.keys(ENGINES).join(', ')}.`)
  if (entry.missing !== undefined) throw new Error(entry.missing)
  return entry
}
