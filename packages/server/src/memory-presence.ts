/**
 * The presence set of one channel in memory. Pure: `now` comes in, changes go out, in order, for the channel to
 * deliver. Callers run `expire` first, so that no answer depends on how punctual a timer was.
 */
import type { HoldOutcome, PresenceChange, PresenceHold, PresenceMember } from './broker.ts'
import type { MemoryBrokerLimits } from './memory-limits.ts'

/** Somebody in a presence set as it is kept beyond the process: there, with leases, or departed and remembered. */
export type StoredMember =
  | { readonly data: string; readonly sequence: number; readonly leases: readonly (readonly [string, number])[] }
  | { readonly sequence: number; readonly forgetAt: number }

/** A presence set as it is kept beyond the process. */
export interface StoredPresence {
  /** The life and the number of changes of its version. */
  readonly life: string
  readonly changes: number
  readonly members: readonly (readonly [name: string, member: StoredMember])[]
}

/** Keeps presence sets beyond the process. */
export interface PresenceStore {
  load(channel: string): StoredPresence | undefined
  /** A member may have changed: see `version` and `stored` of its set. */
  save(channel: string, member: string, presence: MemoryPresence): void
}

interface Member {
  data: string
  sequence: number
  /** When each holder's lease ends. */
  readonly leases: Map<string, number>
}

/** Members, their leases, and those who said goodbye. */
export class MemoryPresence {
  readonly #members = new Map<string, Member>()
  /** The sequence each departed member left with, oldest first: a hold that was overtaken brings nobody back. */
  readonly #departed = new Map<string, { readonly sequence: number; readonly forgetAt: number }>()
  readonly life: string
  readonly #limits: MemoryBrokerLimits
  #changes = 0
  #dueAt = Number.POSITIVE_INFINITY

  /** @param life unique to this life of the channel, so that no version is ever given out twice */
  constructor(life: string, limits: MemoryBrokerLimits, stored?: StoredPresence) {
    this.life = stored?.life ?? life
    this.#limits = limits
    this.#changes = stored?.changes ?? 0
    for (const [name, member] of stored?.members ?? []) this.#restore(name, member)
  }

  get version(): string {
    return `${this.life}.${this.#changes}`
  }

  get changes(): number {
    return this.#changes
  }

  /** How somebody is to be kept; undefined where there is nothing to keep. */
  stored(name: string): StoredMember | undefined {
    const member = this.#members.get(name)
    if (member === undefined) return this.#departed.get(name)
    return { data: member.data, sequence: member.sequence, leases: [...member.leases] }
  }

  get members(): readonly PresenceMember[] {
    return Array.from(this.#members, ([member, { data }]) => ({ member, data }))
  }

  get size(): number {
    return this.#members.size
  }

  get isEmpty(): boolean {
    return this.#members.size === 0 && this.#departed.size === 0
  }

  /** No lease ends before this; Infinity where there is none. */
  get dueAt(): number {
    return this.#dueAt
  }

  /** When the first departed member may be forgotten; Infinity where there is none. */
  get nextExpiryAt(): number {
    for (const { forgetAt } of this.#departed.values()) return forgetAt
    return Number.POSITIVE_INFINITY
  }

  hold(hold: PresenceHold, maxMembers: number, now: number): { outcome: HoldOutcome; changes: PresenceChange[] } {
    const { member: name, holder, value, leaseMs } = hold
    const known = this.#members.get(name)
    if (known === undefined) {
      const isLate =
        value !== undefined && value.sequence <= (this.#departed.get(name)?.sequence ?? Number.NEGATIVE_INFINITY)
      if (value === undefined || isLate) return { outcome: 'unknown', changes: [] }
      if (this.#members.size >= maxMembers) return { outcome: 'full', changes: [] }
      const member: Member = { data: value.data, sequence: value.sequence, leases: new Map() }
      this.#departed.delete(name)
      this.#members.set(name, member)
      this.#lease(member, holder, now + leaseMs)
      return { outcome: 'held', changes: [this.#changed({ op: 'join', member: name, data: value.data })] }
    }
    this.#lease(known, holder, now + leaseMs)
    if (value === undefined || value.sequence <= known.sequence) return { outcome: 'held', changes: [] }
    known.sequence = value.sequence
    if (value.data === known.data) return { outcome: 'held', changes: [] }
    known.data = value.data
    return { outcome: 'held', changes: [this.#changed({ op: 'update', member: name, data: value.data })] }
  }

  release(name: string, holder: string, graceMs: number, now: number): PresenceChange[] {
    const member = this.#members.get(name)
    if (!member?.leases.has(holder)) return []
    if (graceMs > 0) {
      this.#lease(member, holder, now + graceMs)
      return []
    }
    member.leases.delete(holder)
    return member.leases.size === 0 ? this.#leave(name) : []
  }

  depart(name: string, sequence: number, now: number): PresenceChange[] {
    const known = this.#members.get(name)?.sequence ?? this.#departed.get(name)?.sequence
    if (known !== undefined && sequence < known) return []
    this.#departed.delete(name)
    this.#departed.set(name, { sequence, forgetAt: now + this.#limits.dedupeMs })
    if (this.#departed.size > this.#limits.departed) {
      for (const oldest of this.#departed.keys()) {
        this.#departed.delete(oldest)
        break
      }
    }
    return this.#members.has(name) ? this.#leave(name) : []
  }

  /** Ends the leases that are over; who has none left, leaves. */
  expire(now: number): PresenceChange[] {
    for (const [name, { forgetAt }] of this.#departed) {
      if (forgetAt > now) break
      this.#departed.delete(name)
    }
    if (this.#dueAt > now) return []
    const changes: PresenceChange[] = []
    this.#dueAt = Number.POSITIVE_INFINITY
    for (const [name, { leases }] of this.#members) {
      for (const [holder, endsAt] of leases) {
        if (endsAt <= now) leases.delete(holder)
        else this.#dueAt = Math.min(this.#dueAt, endsAt)
      }
      if (leases.size === 0) changes.push(...this.#leave(name))
    }
    return changes
  }

  #restore(name: string, stored: StoredMember): void {
    if ('forgetAt' in stored) {
      this.#departed.set(name, stored)
      return
    }
    const member: Member = { data: stored.data, sequence: stored.sequence, leases: new Map() }
    this.#members.set(name, member)
    for (const [holder, endsAt] of stored.leases) this.#lease(member, holder, endsAt)
  }

  #lease(member: Member, holder: string, endsAt: number): void {
    member.leases.set(holder, endsAt)
    this.#dueAt = Math.min(this.#dueAt, endsAt)
    if (member.leases.size <= MAX_HOLDERS) return
    let [soonest] = member.leases
    for (const lease of member.leases) if (lease[1] < (soonest as [string, number])[1]) soonest = lease
    member.leases.delete((soonest as [string, number])[0])
  }

  #leave(name: string): PresenceChange[] {
    this.#members.delete(name)
    return [this.#changed({ op: 'leave', member: name })]
  }

  #changed<const TChange extends object>(change: TChange): TChange & { readonly version: string } {
    this.#changes++
    return { ...change, version: this.version }
  }
}

/** Leases one member may have at a time. Beyond it the one that ends soonest is dropped: the member stays. */
const MAX_HOLDERS = 64
