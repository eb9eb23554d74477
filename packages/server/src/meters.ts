/**
 * How much the clients of one node may have it do. A session has a bucket for its lines, and one for what it is refused. All
 * sessions of a user, since a client draws as many as it likes, have a bucket for their lines, one for the channels that
 * they open, and one for how often they come at all.
 */
import { TriwireError } from '@triwire/protocol'
import { BoundedMap } from './bounded-map.ts'
import type { Limits } from './limits.ts'
import type { Speaker } from './speaker.ts'

/** Sessions, and users, whose rates are remembered at most. */
const METERED = 20_000

/** What a client is told of its rate and its burst, and what it is held to: clocks differ. */
const RATE_SLACK = 1.1
const BURST_SLACK = 1.2

/** Sessions' worth of lines that all sessions of a user have: as many as busy tabs, not as open ones. */
const BUSY_SESSIONS = 8

/** Refusals that a session hears of at once, however small its burst is: as many as a client has under way that knows no rate. */
const LEAST_REFUSALS = 128

/** What a visit costs: a connection that lasts is made by an upgrade or a stream, and mostly opens channels. */
const VISIT_COST = { socket: 6, stream: 6, poll: 1, send: 1 } as const

/** What a visit may be. */
export type VisitKind = keyof typeof VISIT_COST

/** Connections that visits are counted for, however few a user may have open: one that flaps is opened again and again. */
const LEAST_CONNECTIONS = 32

/** Lines of a body that cost as much as a visit that brings none. */
const LINES_PER_VISIT = 16

/** Milliseconds that a visit waits for its turn at most: less than a client gives a wire before it tries the next as well. */
const DOOR_MS = 900

/** The meters. */
export class Meters {
  readonly #lines: Buckets
  readonly #userLines: Buckets
  readonly #refusals: Buckets
  readonly #openings: Buckets
  readonly #visits: Buckets

  constructor({ rate, burst, channels, connectionsPerUser }: Limits) {
    const [perSecond, atOnce] = [rate * RATE_SLACK, burst * BURST_SLACK]
    this.#lines = new Buckets(perSecond, atOnce)
    this.#userLines = new Buckets(perSecond * BUSY_SESSIONS, atOnce * BUSY_SESSIONS)
    this.#refusals = new Buckets(perSecond, Math.max(atOnce, LEAST_REFUSALS))
    this.#openings = new Buckets(channels / 4, channels * connectionsPerUser)
    const connections = Math.max(connectionsPerUser, LEAST_CONNECTIONS)
    this.#visits = new Buckets(connections * 3, connections * 12)
  }

  /**
   * Takes one line's worth of a session and its user; returns the milliseconds to wait where there is none, else 0. What a
   * session is refused costs its user's other sessions nothing.
   */
  takeLine({ member, identity }: Speaker): number {
    return this.#lines.take(member) || this.#userLines.take(identity.principal)
  }

  /** Takes one refusal; false where there were so many that telling the client more of them is in vain. */
  takeRefusal({ member }: Speaker): boolean {
    return this.#refusals.take(member) === 0
  }

  /**
   * Takes a visit that brings so many lines, now or in a while.
   * @returns the milliseconds it has to wait for its turn
   * @throws TriwireError `rate_limited` where too many wait already
   */
  takeVisit(principal: string, kind: VisitKind, lines: number): number {
    const cost = VISIT_COST[kind] + Math.floor(lines / LINES_PER_VISIT)
    const waitMs = this.#visits.reserve(principal, cost, DOOR_MS)
    if (waitMs <= DOOR_MS) return waitMs
    throw new TriwireError('rate_limited', 'You connect too often. Slow down.', { retryMs: waitMs })
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

/**
 * Token buckets of one size, by key: the generic cell rate algorithm (ITU-T I.371), so that each is one number. One that
 * nobody takes from is full again after a while, and then none is needed.
 */
class Buckets {
  /** Milliseconds that a token takes to come, and that a full bucket does. */
  readonly #tokenMs: number
  readonly #fullMs: number
  /** When each will be full again, in milliseconds since the epoch. */
  readonly #fullAt: BoundedMap<string, number>

  constructor(perSecond: number, atOnce: number) {
    this.#tokenMs = 1000 / perSecond
    this.#fullMs = atOnce * this.#tokenMs
    this.#fullAt = new BoundedMap(METERED, this.#fullMs + DOOR_MS)
  }

  /** Takes one token; returns the milliseconds to wait where there is none, else 0. */
  take(key: string): number {
    return this.reserve(key, 1, 0)
  }

  /** Takes so many tokens where they have come within `maxMs`; returns the milliseconds until then in any case. */
  reserve(key: string, tokens: number, maxMs: number): number {
    const now = Date.now()
    // A clock that jumps back must not take tokens away.
    const emptyAt = now + this.#fullMs + maxMs
    const fullAt = Math.min(Math.max(this.#fullAt.get(key) ?? now, now), emptyAt) + tokens * this.#tokenMs
    // Sums of fractions are a bit off, and a bit is no millisecond.
    const waitMs = Math.max(0, Math.ceil(fullAt - now - this.#fullMs - 1e-6))
    if (waitMs <= maxMs) this.#fullAt.set(key, fullAt)
    return waitMs
  }
}
