/** What one follower has seen through the public API of its client: the observations that the oracle judges. */
import type { ChannelName, Following, Org } from './script.ts'

/** One observation. Times are virtual. */
export type Observation =
  | {
      readonly what: 'event'
      readonly at: number
      readonly id: string
      readonly cursor: string
      readonly overlap: boolean
    }
  | {
      readonly what: 'gap'
      readonly at: number
      /** Undefined where the follower is not told. */
      readonly from: string | undefined
      readonly to: string | undefined
      readonly reason: string
    }
  /** State began anew from a snapshot. */
  | { readonly what: 'snapshot'; readonly at: number; readonly ids: readonly string[]; readonly taken: number }
  /** State began anew from nothing. */
  | { readonly what: 'start'; readonly at: number }

/** One follower. */
export interface Sight {
  readonly who: string
  readonly client: number
  readonly user: string
  readonly org: Org
  readonly channel: ChannelName
  readonly address: string
  readonly how: Following
  readonly startedAt: number
  /** The cursor it was told to begin behind. */
  readonly after: string | undefined
  readonly observations: Observation[]
  /** When it first knew that it was up to date. */
  liveAt: number | undefined
  /** The folded state: names of events. */
  state: readonly string[]
  /** Whether the channel shows as up to date, and when it last began or ceased to. */
  isLive: boolean
  turnedAt: number
  /** How often it ceased to show as up to date. */
  lapses: number
  /** The code with which its stay ended. */
  endedWith: string | undefined
  /** When the app let it go. */
  stoppedAt: number | undefined
  /** For `members`: who is there, by name, and whether that is up to date. */
  members: ReadonlyMap<string, unknown> | undefined
}

/** A publish or a command, and what became of it. */
export interface Call {
  readonly kind: 'publish' | 'command'
  readonly session: string
  readonly client: number
  readonly address: string
  readonly id: string
  readonly askedAt: number
  /** For commands: how many events it emits. */
  readonly count: number
  readonly expects: 'success' | 'refusal' | 'failure'
  settledAt: number | undefined
  /** `ok`, or the code of the error. */
  outcome: string | undefined
  reply: string | undefined
}
