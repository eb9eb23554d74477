/**
 * What tabs tell each other on their BroadcastChannel. Every message can be said twice or get lost: wishes are whole, a
 * state replaces the one before, and lines are events that every tab checks for contiguity.
 */
import type { WireName } from '@triwire/protocol'

/** From a tab: what it wants of the wire. Also how it asks whether the leader is there. */
export interface Wishes {
  /** Its session. */
  readonly tab: string
  /** The channels it is in, and whether it wants their presence set. */
  readonly joins: Readonly<Record<string, boolean>>
  /** The presence it shows, by channel: `pres` lines for a wire that is not its own. */
  readonly values: Readonly<Record<string, string>>
}

/** From the leader: where its wire stands. */
export interface LeaderState {
  /** Rises with every leader. What comes under a lower one is of somebody who does not know yet. */
  readonly term: number
  /**
   * The channels in which whatever happens is passed on, each with a number for the time since when that is so without
   * a break. Undefined: it has no wire that is known to be of the same user.
   */
  readonly standing: Readonly<Record<string, number>> | undefined
  /** What apps are shown. */
  readonly wire: WireName | undefined
  readonly rtt: number | undefined
}

/** From the leader: events, signals and presence as they came. */
export interface LeaderLines {
  readonly term: number
  readonly text: string
}

/** Any of them. */
export type TabMessage = Wishes | LeaderState | LeaderLines
