/**
 * One channel of a client, outside any framework: who follows it, what the session is asked for on their behalf, and
 * what they all see alike. Followers come and go; the channel is joined with the first and left with the last.
 */
import { type Delivery, formatCursor, type Session, TriwireError, type Want } from '@triwire/protocol'
import type { Member } from './channel-types.ts'
import type { Follower } from './follower.ts'
import { unsyncedPresence } from './idle.ts'
import { listMembers } from './members.ts'

/** What a store needs of its client. */
export interface ChannelHost {
  readonly session: Session
  /** Something was asked of the session: write it. */
  pump(): void
}

/** The store. */
export class ChannelStore {
  readonly address: string
  /** Whether everything up to the log's head has been delivered. */
  current = false
  /** Why the stay has ended; undefined while it lasts. */
  error: TriwireError | undefined
  /** Publishes and commands without an answer. */
  pending = 0
  membersCurrent = false
  presenceError: TriwireError | undefined
  #members: readonly Member<unknown>[] = unsyncedPresence.members
  /** The set that has come and is not listed yet: of all that come within a frame, one is. */
  #unlisted: ReadonlyMap<string, unknown> | undefined
  #membersKnown = false
  readonly #host: ChannelHost
  readonly #followers = new Set<Follower>()
  readonly #shown = new Map<Follower, unknown>()

  constructor(address: string, host: ChannelHost) {
    this.address = address
    this.#host = host
  }

  /** Who is present. Members that have not changed are the same objects as before. */
  get members(): readonly Member<unknown>[] {
    if (this.#unlisted) this.#members = listMembers(this.#unlisted, this.#host.session.member, this.#members)
    this.#unlisted = undefined
    return this.#members
  }

  /**
   * Follows the channel. What cannot be asked for (`too_many_channels`, `bad_cursor`) is the follower's `error`.
   * @param resumes whether it has the state at its `after`, and needs nothing but what follows
   */
  follow(follower: Follower, resumes = false): void {
    const { session } = this.#host
    const { after, snapshot, tail } = follower.want
    const first = this.#followers.size === 0
    // Where others stand elsewhere, the channel is joined once more for what lies between.
    const here = session.cursorOf(this.address)
    const isHere = resumes && (first || (here !== undefined && formatCursor(here) === after))
    const starts = !isHere && (after !== undefined || snapshot || tail)
    try {
      const join = this.#subscribe([...this.#followers, follower], !!starts || (first && !resumes), after)
      this.#followers.add(follower)
      // Whoever wants no starting state has nothing to wait for in a channel that is joined already.
      follower.reset(join, starts ? undefined : session.cursorOf(this.address))
      if (first || this.error !== undefined) {
        this.current = false
        this.error = undefined
      }
    } catch (error) {
      if (!(error instanceof TriwireError)) throw error
      follower.reset(0, undefined, error)
    }
    follower.handleChange()
  }

  /** Stops following, and showing; the channel is left with its last follower. */
  unfollow(follower: Follower): void {
    this.show(follower, undefined)
    if (!this.#followers.delete(follower)) return
    if (this.#followers.size === 0) {
      this.#host.session.unsubscribe(this.address)
      this.#host.pump()
      this.#members = unsyncedPresence.members
      this.#unlisted = undefined
      this.membersCurrent = this.#membersKnown = false
    } else if (this.error === undefined) this.#subscribe([...this.#followers], false)
  }

  /**
   * Shows a presence value on behalf of a follower, undefined for none; the newest of several is the one shown.
   * @throws TypeError where JSON has no form for it
   */
  show(follower: Follower, value: unknown): void {
    if (!this.#followers.has(follower)) return
    if (!this.#shown.delete(follower) && value === undefined) return
    if (value !== undefined) this.#shown.set(follower, value)
    this.presenceError = undefined
    this.#host.session.setPresence(this.address, [...this.#shown.values()].at(-1))
    this.#host.pump()
  }

  /** Counts a publish or command in or out. */
  countPending(difference: 1 | -1): void {
    this.pending += difference
    for (const follower of this.#followers) follower.handleChange()
  }

  /** Takes what the session says of this channel. */
  handleDelivery(delivery: Delivery): void {
    // A handler may have closed the client in the middle of a batch.
    if (this.error) return
    switch (delivery.type) {
      case 'members':
        this.#unlisted = delivery.members
        this.membersCurrent = this.#membersKnown = true
        break
      case 'current':
        this.current = true
        // A set that has not changed meanwhile is not sent again.
        this.membersCurrent ||= this.#membersKnown
        break
      case 'ended':
        this.error = delivery.error
        this.membersCurrent = false
        break
      case 'stale':
        this.current = false
        this.membersCurrent = false
        break
      case 'refused':
        if (delivery.of === 'pres') this.presenceError = delivery.error
    }
    for (const follower of this.#followers) follower.handleDelivery(delivery)
  }

  /** Asks for what all of them want. Where each wants to begin is not merged: it counts once, when it comes. */
  #subscribe(followers: readonly Follower[], start: boolean, after?: string): number {
    const wants = followers.map(({ want }) => want)
    const want: Want = {
      tail: Math.max(...wants.map(({ tail = 0 }) => tail)),
      snapshot: wants.some(({ snapshot }) => snapshot),
      presence: wants.some(({ presence }) => presence),
      after,
    }
    this.#host.pump()
    return this.#host.session.subscribe(this.address, want, start)
  }
}
