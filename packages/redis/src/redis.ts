/** `redis()`: the broker for many nodes, on Redis 7 or later, or Valkey. */
import type { Broker } from '@triwire/server'
import { RedisBroker } from './redis-broker.ts'

/** What `redis()` takes. */
export interface RedisOptions {
  /**
   * `redis://user:password@host:6379/0`, or `rediss://` for TLS. Several are nodes of a cluster; the rest of it is found
   * from them. Default `redis://127.0.0.1:6379`.
   */
  readonly url?: string | readonly string[]
  /** Goes before every key and pub/sub channel. Without braces. Default `triwire:`. */
  readonly prefix?: string
  /**
   * When a write counts. `async`: when Redis has it; a failover may lose the last of them, and readers are told (`gap`).
   * `{ replicas, timeoutMs }`: when so many replicas have it, too; otherwise `unavailable`, which clients try again.
   * Default `async`.
   */
  readonly ack?: 'async' | { readonly replicas: number; readonly timeoutMs: number }
  /** Milliseconds an operation may take before it is `unavailable`, repetitions included. Default 5,000. */
  readonly timeoutMs?: number
  /** Milliseconds producers (since last use), `once` keys and departed members are remembered. Default 300,000. */
  readonly dedupeMs?: number
  /**
   * Milliseconds a channel that nobody follows is kept beyond its history. Default 300,000. Whoever comes back later gets a
   * gap (`new_epoch`).
   */
  readonly idleMs?: number
  /** Told of every trouble with Redis, which is mended without help. Default `console.error`. */
  readonly onTrouble?: (error: unknown) => void
}

/** A broker on Redis, and what it holds. */
export interface RedisBrokerHandle extends Broker {
  /** Channels followed at this moment, and messages dropped because they were none of ours. */
  stats(): { readonly channels: number; readonly malformed: number }
}

/**
 * Makes a broker on Redis. It connects by itself, and goes on trying: operations reject with `unavailable` meanwhile.
 * @param options or just the URL
 * @throws RangeError where an option cannot be used
 */
export function redis(options: RedisOptions | string = {}): RedisBrokerHandle {
  const {
    url = 'redis://127.0.0.1:6379',
    prefix = 'triwire:',
    ack = 'async',
    timeoutMs = 5000,
    dedupeMs = 300_000,
    idleMs = 300_000,
    onTrouble = (error: unknown): void => console.error('Trouble with Redis.', error),
  } = typeof options === 'string' ? { url: options } : options
  if (/[{}]/.test(prefix)) throw new RangeError('The prefix of a Redis broker holds no braces: they mean a slot.')
  return new RedisBroker({ url, prefix, ack, timeoutMs, dedupeMs, idleMs, onTrouble })
}
