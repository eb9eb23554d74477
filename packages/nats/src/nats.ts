/** `nats()`: the broker for many nodes, on NATS 2.9 or later with JetStream. */

import type { NodeConnectionOptions } from '@nats-io/transport-node'
import type { Broker } from '@triwire/server'
import { NatsBroker } from './nats-broker.ts'

/** What `nats()` takes. */
export interface NatsOptions {
  /** `host:port`, or `nats://…`; several are servers of one cluster. Default `127.0.0.1:4222`. */
  readonly servers?: string | readonly string[]
  /** Credentials, TLS and the like, as `connect` of `@nats-io/transport-node` takes them. */
  readonly connection?: Omit<NodeConnectionOptions, 'servers'>
  /**
   * Begins the names of the two streams (`triwire-log`, `triwire-state`) and of every subject. 1–32 of
   * `A–Z a–z 0–9 _ -`. Default `triwire`.
   */
  readonly prefix?: string
  /**
   * Where the streams keep their messages, when this broker is the one that makes them. `memory` is lost with the server.
   * Default `file`.
   */
  readonly storage?: 'file' | 'memory'
  /** Servers that have a copy of the streams, when this broker is the one that makes them: 1–5. Default 1. */
  readonly replicas?: number
  /** Milliseconds an operation may take before it is `unavailable`, repetitions included. Default 5,000. */
  readonly timeoutMs?: number
  /** Milliseconds producers (since last use), `once` keys and departed members are remembered. Default 300,000. */
  readonly dedupeMs?: number
  /**
   * Milliseconds a channel that nobody follows is kept beyond its history, at least. Default 300,000. Whoever comes back
   * later gets a gap (`new_epoch`).
   */
  readonly idleMs?: number
  /** Told of every trouble with NATS, which is mended without help. Default `console.error`. */
  readonly onTrouble?: (error: unknown) => void
}

/** A broker on NATS, and what it holds. */
export interface NatsBrokerHandle extends Broker {
  /**
   * Channels followed at this moment; entries and bytes of them kept to answer reads; messages dropped because they were none
   * of ours.
   */
  stats(): {
    readonly channels: number
    readonly entries: number
    readonly bytes: number
    readonly malformed: number
  }
}

/**
 * Makes a broker on NATS. It connects by itself, and goes on trying: operations reject with `unavailable` meanwhile. Streams
 * that are not there are made.
 * @param options or just the server
 * @throws RangeError where an option cannot be used
 */
export function nats(options: NatsOptions | string = {}): NatsBrokerHandle {
  const {
    servers = '127.0.0.1:4222',
    connection = {},
    prefix = 'triwire',
    storage = 'file',
    replicas = 1,
    timeoutMs = 5000,
    dedupeMs = 300_000,
    idleMs = 300_000,
    onTrouble = (error: unknown): void => console.error('Trouble with NATS.', error),
  } = typeof options === 'string' ? { servers: options } : options
  if (!/^[\w-]{1,32}$/.test(prefix))
    throw new RangeError('The prefix of a NATS broker is 1–32 of A–Z a–z 0–9 _ -: it is part of subjects.')
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > 5)
    throw new RangeError('A stream of NATS has 1 to 5 replicas.')
  return new NatsBroker({
    servers,
    connection,
    prefix,
    storage,
    replicas,
    timeoutMs,
    dedupeMs,
    idleMs,
    onTrouble,
  })
}
