/**
 * One channel of a client, outside any framework: who follows it, what the session is asked for on their behalf, and
 * the members shared by all. Followers come and go; the channel is joined with the first and left with the last.
 */
import type { Delivery, EventDelivery, Session, TriwireError, Want } from '@triwire/protocol'
import type { Gap, Member, SignalMeta } from './channel-types.ts'

/** What a follower is told. */
export interface Follower {
  readonly want: Want
  /** A stay begins at this position; followers that waited for it start here, and unless `newcomers` all of them. */
  handleStart?(
    at: { readonly epoch: string; readonly offset: number },
    who: 'anew' | 'gap' | 'newcomers',
    number: number,
  ): void
  handleSnapshot?(data: unknown, at: { readonly epoch: string; readonly offset: number }, anew: boolean): void
  handleEvent?(event: EventDelivery): void
  handleSignal?(signal: string, data: unknown, meta: SignalMeta): void
  /** @param everybody false where only those who have not started yet miss something */
  handleGap?(gap: Gap, everybody: boolean): void
  /** Status, members or pending changed. */
  handleChange?(): void
}

/** How the channel stands, seen from the session. */
export type ChannelStanding =
  | { readonly name: 'joining' | 'live' | 'stale' }
  | { readonly name: 'ended'; readonly error: TriwireError }

/** What a store needs of its client. */
export interface ChannelHost {
  readonly session: Session
  /** Something was asked of the session: write it. */
  pump(): void
}

/** The store. */
export class ChannelStore {
  readonly address: string
  standing: ChannelStanding = { name: 'joining' }
  /** Publishes and commands without an answer. */
  pending = 0
  members: ReadonlyMap<string, unknown> | undefined
  membersCurrent = false
  presenceError: TriwireError | undefined
  readonly #host: ChannelHost
  readonly #followers = new Set<Follower>()
  readonly #shown = new Map<object, unknown>()

  constructor(address: string, host: ChannelHost) {
    this.address = address
    this.#host = host
  }

  get idle(): boolean {
    return this.#followers.size === 0 && this.pending === 0 && this.#shown.size === 0
  }

  /**
   * Follows the channel. Returns the number of the join whose `handleStart` is the follower's own.
   * @throws TriwireError `too_many_channels`, `bad_cursor`
   */
  follow(follower: Follower): number {
    const { want } = follower
    const starts = want.snapshot === true || (want.tail ?? 0) > 0 || want.after !== undefined
    const first = this.#followers.size === 0
    const merged = {
      ...mergeWants([...this.#followers, follower]),
      ...(want.after === undefined ? {} : { after: want.after }),
    }
    const number = this.#host.session.subscribe(this.address, merged, starts || first)
    if (first || this.standing.name === 'ended') this.standing = { name: 'joining' }
    this.#followers.add(follower)
    this.#host.pump()
    return number
  }

  /** Stops following; the channel is left with its last follower. */
  unfollow(follower: Follower): void {
    if (!this.#followers.delete(follower)) return
    if (this.#followers.size === 0) {
      this.#host.session.unsubscribe(this.address)
      this.members = undefined
      this.membersCurrent = false
    } else if (this.standing.name !== 'ended') {
      this.#host.session.subscribe(this.address, mergeWants([...this.#followers]), false)
    }
    this.#host.pump()
  }

  /** Shows a presence value on behalf of somebody; the newest of several is the one shown. */
  show(owner: object, value: unknown): void {
    this.#shown.delete(owner)
    this.#shown.set(owner, value)
    this.presenceError = undefined
    this.#host.session.setPresence(this.address, value)
    this.#host.pump()
  }

  /** Undoes `show`. */
  hide(owner: object): void {
    if (!this.#shown.delete(owner)) return
    const left = [...this.#shown.values()].at(-1)
    if (left === undefined) this.#host.session.clearPresence(this.address)
    else this.#host.session.setPresence(this.address, left)
    this.#host.pump()
  }

  /** Where the channel stands, once it has been joined. */
  get position(): { readonly epoch: string; readonly offset: number } | undefined {
    return this.#host.session.cursorOf(this.address)
  }

  /** The members with oneself marked. */
  memberList(): readonly Member<unknown>[] {
    const self = this.#host.session.member
    return [...(this.members ?? [])].map(([id, value]) => ({ id, value, self: id === self }))
  }

  /** Counts a publish or command in or out. */
  countPending(difference: 1 | -1): void {
    this.pending += difference
    this.#notify()
  }

  /** Takes what the session says of this channel. */
  handleDelivery(delivery: Extract<Delivery, { readonly channel: string }>): void {
    switch (delivery.type) {
      case 'start':
        for (const follower of this.#followers) follower.handleStart?.(delivery.at, delivery.who, delivery.number)
        break
      case 'snapshot':
        for (const follower of this.#followers) follower.handleSnapshot?.(delivery.data, delivery.at, delivery.anew)
        break
      case 'event':
        for (const follower of this.#followers) follower.handleEvent?.(delivery)
        break
      case 'signal':
        for (const follower of this.#followers)
          follower.handleSignal?.(delivery.event, delivery.data, { from: delivery.member })
        break
      case 'gap': {
        const { from, to, reason, everybody } = delivery
        for (const follower of this.#followers) follower.handleGap?.({ from, to, reason }, everybody)
        break
      }
      case 'members':
        this.#setMembers(new Map(delivery.members.map(({ id, value }) => [id, value])))
        break
      case 'present':
        this.#setMembers(new Map(this.members).set(delivery.member.id, delivery.member.value))
        break
      case 'absent': {
        const members = new Map(this.members)
        members.delete(delivery.member)
        this.#setMembers(members)
        break
      }
      case 'current':
        this.standing = { name: 'live' }
        break
      case 'stale':
        if (this.standing.name === 'live') this.standing = { name: 'stale' }
        this.membersCurrent = false
        break
      case 'ended':
        this.standing = { name: 'ended', error: delivery.error }
        this.membersCurrent = false
        break
    }
    this.#notify()
  }

  /** Something that has no answer of its own was refused. */
  handleRefused(of: string | undefined, error: TriwireError): void {
    if (of === 'pres') this.presenceError = error
    this.#notify()
  }

  #setMembers(members: ReadonlyMap<string, unknown>): void {
    this.members = members
    this.membersCurrent = true
  }

  #notify(): void {
    for (const follower of this.#followers) follower.handleChange?.()
  }
}

/** What several followers want, as one wish. Where each wants to begin is not merged: it counts once, when it comes. */
function mergeWants(followers: readonly Follower[]): Want {
  const wants = followers.map(({ want }) => want)
  return {
    tail: Math.max(0, ...wants.map((want) => want.tail ?? 0)),
    snapshot: wants.some((want) => want.snapshot),
    presence: wants.some((want) => want.presence),
  }
}
