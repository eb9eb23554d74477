/**
 * How much the clients of one node may have it do: a bucket for the lines of each session, one for those of all sessions
 * of a user, since a client draws as many sessions as it likes, and one for the channels that a user has opened.
 */
import { Pacer } from '@triwire/protocol'
import { BoundedMap } from './bounded-map.ts'
import type { Limits } from './limits.ts'
import type { Speaker } from './speaker.ts'

/** Sessions, and users, whose rates are remembered. */
const METERED = 20_000

/** What a client is told of its rate and its burst, and what it is held to: clocks differ. */
const RATE_SLACK = 1.1
const BURST_SLACK = 1.2

/** The meters. */
export class Meters {
  readonly #limits: Limits
  readonly #sessions = new BoundedMap<string, Pacer>(METERED)
  readonly #users = new BoundedMap<string, Pacer>(METERED)
  readonly #openings = new BoundedMap<string, Pacer>(METERED)

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /**
   * Takes one line's worth of a session and its user; returns the milliseconds to wait where there is none, else 0. What a
   * session is refused costs its user's other sessions nothing.
   */
  takeLine({ member, identity }: Speaker): number {
    const { rate, burst, connectionsPerUser } = this.#limits
    const [perSecond, atOnce] = [rate * RATE_SLACK, burst * BURST_SLACK]
    return (
      take(this.#sessions, member, perSecond, atOnce) ||
      take(this.#users, identity.principal, perSecond * connectionsPerUser, atOnce * connectionsPerUser)
    )
  }

  /**
   * Takes the opening of one channel that nobody on this node has open; returns the milliseconds to wait where there is
   * none, else 0. As many as all connections of a user may hold come at once. A channel stays open for a while behind whoever
   * opened it, so without a rate one who comes and goes would have any number of them open.
   */
  takeOpening(principal: string): number {
    const { channels, connectionsPerUser } = this.#limits
    return take(this.#openings, principal, channels / 4, channels * connectionsPerUser)
  }
}

function take(pacers: BoundedMap<string, Pacer>, key: string, perSecond: number, atOnce: number): number {
  const now = Date.now()
  let pacer = pacers.get(key)
  if (pacer === undefined) {
    pacer = new Pacer(perSecond, atOnce, now)
    pacers.set(key, pacer)
  }
  return pacer.take(now) ? 0 : pacer.waitMs(now)
}
