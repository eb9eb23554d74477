/**
 * A schedule as data: the world, what its clients and servers do, what goes wrong, and when. Times are virtual
 * milliseconds since the beginning. A script and its seed are everything a run depends on, so a script is a replay, a
 * regression test, and what shrinking makes smaller.
 */
import type { WireName } from '@triwire/protocol'

/** The channels that scripts name; each organisation has its own of each. */
export type ChannelName = 'room1' | 'room2' | 'board' | 'vault'

/** The two tenants. */
export type Org = 'red' | 'blue'

/** One page. */
export interface ClientPlan {
  readonly user: string
  readonly org: Org
  /** Left out: all. */
  readonly wires?: readonly WireName[]
  /** Milliseconds of one way, at most. */
  readonly latencyMs: number
}

/** What does not change during a schedule. */
export interface WorldPlan {
  readonly nodes: number
  readonly clients: readonly ClientPlan[]
  readonly brokerLatencyMs: number
  /** Events that logs keep. */
  readonly keep: number
  /** Limits of the servers that differ from the defaults. */
  readonly limits?: Readonly<Record<string, number>>
  /** Milliseconds that hooks (`authorize`, `onPublish`, snapshots) may take. */
  readonly hookMs: number
  /** The snapshot knows its own position. */
  readonly ownCursor: boolean
  /** Milliseconds a token is good for; left out: for ever. */
  readonly tokenMs?: number
}

/** What follows a channel: a fold, a fold from the snapshot, handlers alone, an iterator, or the presence set. */
export type Following = 'fold' | 'snapshot' | 'handlers' | 'iterator' | 'members'

/** What clients and servers do. */
export type Deed =
  | {
      readonly do: 'watch'
      readonly client: number
      readonly slot: number
      readonly channel: ChannelName
      readonly how: Following
      readonly tail?: number
      /** An iterator that begins behind what this slot has seen `back` events ago. */
      readonly after?: { readonly slot: number; readonly back: number }
      /** Shows a value, where `how` is `members`. */
      readonly shows?: boolean
    }
  | { readonly do: 'unwatch'; readonly client: number; readonly slot: number }
  | {
      readonly do: 'publish'
      readonly client: number
      readonly channel: ChannelName
      readonly count: number
      readonly bytes?: number
      /** `onPublish` says no to it. */
      readonly refused?: boolean
    }
  | {
      readonly do: 'command'
      readonly client: number
      readonly count: number
      readonly ms: number
      readonly fails?: 'refuses' | 'throws'
    }
  | { readonly do: 'signal'; readonly client: number; readonly channel: ChannelName }
  | { readonly do: 'show'; readonly client: number; readonly slot: number }
  | {
      readonly do: 'emit'
      readonly org: Org
      readonly channel: ChannelName
      readonly count: number
      readonly bytes?: number
    }
  | { readonly do: 'trespass'; readonly client: number; readonly channel: ChannelName }
  | { readonly do: 'wires'; readonly client: number; readonly wires?: readonly WireName[] }
  | { readonly do: 'close'; readonly client: number }
  | { readonly do: 'reload'; readonly client: number; readonly abrupt?: boolean }

/** What goes wrong. `for` is how long. */
export type Fault =
  | { readonly fault: 'cut'; readonly client: number; readonly only?: 'client' | 'node' }
  | { readonly fault: 'half-open'; readonly client: number; readonly resets?: boolean }
  | { readonly fault: 'down'; readonly client?: number; readonly how: 'hangs' | 'refuses'; readonly for: number }
  | {
      readonly fault: 'clog'
      readonly client: number
      readonly way: 'up' | 'down'
      readonly for: number
      readonly trickles?: number
    }
  | {
      readonly fault: 'socket'
      readonly client: number
      readonly how: 'refused' | 'swallowed' | 'silent' | 'killed'
      readonly for: number
    }
  | {
      readonly fault: 'proxy'
      readonly client: number
      readonly holds: 'head' | 'first' | 'bytes'
      readonly bytes: number
      readonly for: number
    }
  | {
      readonly fault: 'requests'
      readonly client: number
      readonly lose?: number
      readonly loseResponses?: number
      readonly duplicate?: number
      readonly delayMs?: number
      readonly slices?: boolean
      readonly for: number
    }
  | { readonly fault: 'lost-events'; readonly client: number; readonly p: number; readonly for: number }
  | {
      readonly fault: 'proxy-answers'
      readonly client: number
      readonly with: 'error' | 'page'
      readonly for: number
    }
  | { readonly fault: 'slow'; readonly client: number; readonly latencyMs: number; readonly for: number }
  | { readonly fault: 'sleep'; readonly client: number; readonly for: number; readonly timers: 'due' | 'late' }
  | { readonly fault: 'crash'; readonly node: number; readonly for: number; readonly silent?: boolean }
  | { readonly fault: 'pause'; readonly node: number; readonly for: number }
  | {
      readonly fault: 'drain'
      readonly node: number
      readonly for: number
      /** Another process has taken its place, and its clients go one by one. Otherwise they are thrown out at once. */
      readonly gently?: boolean
    }
  | { readonly fault: 'deafen'; readonly node: number; readonly for: number }
  | { readonly fault: 'failover'; readonly lagMs: number; readonly for: number }
  | { readonly fault: 'flush'; readonly for: number }
  | { readonly fault: 'broker-down'; readonly for: number }
  | { readonly fault: 'broker-slow'; readonly ms: number; readonly for: number }
  | { readonly fault: 'lost-answers'; readonly p: number; readonly for: number }
  /** `tells`: the app tells the nodes, which must act on it. Otherwise it counts for what is asked from now on. */
  | { readonly fault: 'expire'; readonly user: string; readonly tells?: boolean }
  | { readonly fault: 'forbid'; readonly user: string; readonly channel: ChannelName; readonly tells?: boolean }
  | { readonly fault: 'permit'; readonly user: string; readonly channel: ChannelName }

/** Something at a time. */
export type Step = { readonly at: number } & (Deed | Fault)

/** A whole schedule. */
export interface Script {
  /** A sentence that says what is so, where a person has named it. */
  readonly title?: string
  readonly reason?: string
  /** Everything that is not written down follows from it: latencies, tags, jitter. */
  readonly seed: number
  readonly world: WorldPlan
  readonly steps: readonly Step[]
  /** When all trouble ends. */
  readonly healAt: number
}

/** Whether a step is trouble. */
export function isFault(step: Step): step is { readonly at: number } & Fault {
  return 'fault' in step
}
