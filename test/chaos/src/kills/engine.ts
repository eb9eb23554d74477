// What the nodes of a long run stand on: a store that can be killed, cut off, and replaced by a copy that is behind.

import type { BrokerSpec } from '../processes/create-broker.ts'

/** Something bad that happens to a store itself. */
export interface Blow {
  readonly name: string
  /** Processes it kills. */
  readonly kills: number
  readonly strike: () => Promise<void>
}

/** A running store. */
export interface Engine {
  readonly name: string
  /** Where it is served now. A failover changes it. */
  readonly port: number
  /** How many nodes stand on it. */
  readonly nodes: number
  /** Whether it may lose what it has acknowledged. Readers are told by a gap then. */
  readonly forgets: boolean
  /** Messages each of twelve clients may publish a second, where nothing else is asked for: nearly all it carries on two cores. */
  readonly rate: number
  /** What happens to it, one of them at a time. */
  readonly blows: readonly Blow[]
  /** How a node reaches it, through a line of its own. */
  spec(port: number): BrokerSpec
  stop(): Promise<void>
}
