/**
 * How much the clients of one node may have it do: a bucket for the lines of each session, one for those of all sessions
 * of a user, since a client draws as many sessions as it likes, and one for the channels that a user has opened.
 */
import { Pacer } from '@triwire/protocol'
import { BoundedMap } from './bounded-map.ts'
import type { Limits } from './limits.ts'
import type { Speaker } from './speaker.ts'

/** Sessions, and users, whose rates are remembered at most. */
const METERED = 20_000

/** What a client is told of its rate and its burst, and what it is held to: clocks differ. */
const RATE_SLACK = 1.1
const BURST_SLACK = 1.2

/** The meters. */
export class Meters {
  readonly #sessions: Buckets
  readonly #users: Buckets
  readonly #openings: Buckets

  constructor({ rate, burst, channels, connectionsPerUser }: Limits) {
    const [perSecond, atOnce] = [rate * RATE_SLACK, burst * BURST_SLACK]
    this.#sessions = new Buckets(perSecond, atOnce)
    this.#users = new Buckets(perSecond * connectionsPerUser, atOnce * connectionsPerUser)
    this.#openings = new Buckets(channels / 4, channels * connectionsPerUser)
  }

  /**
   * Takes one line's worth of a session and its user; returns the milliseconds to wait where there is none, else 0. What a
   * session is refused costs its user's other sessions nothing.
   */
  takeLine({ member, identity }: Speaker): number {
    return this.#sessions.take(member) || this.#users.take(identity.principal)
  }

  /**
   * Takes the opening of one channel that nobody on this node has open; returns the milliseconds to wait where there is
   * none, else 0. As many as all connections of a user may hold come at once. A channel stays open for a while behind whoever
   * opened it, so without a rate one who comes and goes would have any number of them open.
   */
  takeOpening(principal: string): number {
    return this.#openings.take(principal)
  }
}

/** Buckets of one size, by key. One that nobody takes from is full again after a while, and then none is needed. */
class Buckets {
  readonly #perSecond: number
  readonly #atOnce: number
  readonly #pacers: BoundedMap<string, Pacer>

  constructor(perSecond: number, atOnce: number) {
    this.#perSecond = perSecond
    this.#atOnce = atOnce
    this.#pacers = new BoundedMap(METERED, (atOnce / perSecond) * 1000)
  }

  /** Takes one; returns the milliseconds to wait where there is none, else 0. */
  take(key: string): number {
    const now = Date.now()
    let pacer = this.#pacers.get(key)
    if (pacer === undefined) {
      pacer = new Pacer(this.#perSecond, this.#atOnce, now)
      this.#pacers.set(key, pacer)
    }
    return pacer.take(now) ? 0 : pacer.waitMs(now)
  }
}
