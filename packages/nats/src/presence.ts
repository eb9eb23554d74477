/**
 * Presence sets. Two rules make them exact without transactions:
 *
 * - Nobody is taken into the set who has no running lease, and nobody out of it who has one. Whoever takes somebody out has
 *   first looked at the set, then ended the member's record; whoever takes somebody in has first written a lease there.
 *   Both change the set only as they looked at it.
 * - A change of the set is one record with one note. So of many who find the same lease ended one announces it, and
 *   everybody hears of changes in the same order.
 */
import type { HoldOutcome, PresenceChange, PresenceHold, PresenceMember } from '@triwire/server'
import type { Names } from './names.ts'
import { nonce } from './nonce.ts'
import type { Operation } from './operation.ts'
import {
  formatMember,
  formatNote,
  formatSet,
  type Member,
  type PresenceSet,
  parseMember,
  parseSet,
  type SetNote,
  type Shown,
} from './presence-records.ts'
import { pause, type Records } from './records.ts'
import type { Store } from './store.ts'

/** Leases one member may have at a time. Beyond it the one that ends soonest is dropped: the member stays. */
const MAX_HOLDERS = 64
/** Member records looked at together. */
const BATCH = 32

/** What a look at a set found. */
export interface SetLook {
  readonly set: PresenceSet
  /** When to look again; undefined where nobody is present. */
  readonly dueAt: number | undefined
}

/** A change of the set before it has a version. */
type Step =
  | { readonly op: 'join' | 'update'; readonly member: string; readonly data: string }
  | { readonly op: 'leave'; readonly member: string }

/** The sets of one broker. */
export class Presence {
  readonly #store: Store
  readonly #records: Records
  readonly #names: Names
  readonly #dedupeMs: number
  readonly #idleMs: number
  /** When the leases of members end, as far as it is known, in channels that are followed. */
  readonly #ends = new Map<string, Map<string, number>>()

  constructor(store: Store, records: Records, names: Names, dedupeMs: number, idleMs: number) {
    this.#store = store
    this.#records = records
    this.#names = names
    this.#dedupeMs = dedupeMs
    this.#idleMs = idleMs
  }

  /** Remembers when leases end in a channel, so that each look at it need not ask again. */
  follow(channel: string): void {
    this.#ends.set(channel, new Map())
  }

  unfollow(channel: string): void {
    this.#ends.delete(channel)
  }

  /** Takes note of what followers are told about leases. */
  handleNote(channel: string, { ends }: SetNote): void {
    for (const [name, endsAt] of ends) this.#ends.get(channel)?.set(name, endsAt)
  }

  /** Notes may have been missed. */
  handleInterrupted(): void {
    for (const ends of this.#ends.values()) ends.clear()
  }

  async hold(channel: string, hold: PresenceHold, maxMembers: number, operation: Operation): Promise<HoldOutcome> {
    const { member: name, holder, value, leaseMs } = hold
    await this.#store.keepFor('state', leaseMs + this.#idleMs, operation)
    let isPresent = false
    let isLate = false
    let endsAt = 0
    const lease = (text: string | undefined, mayJoin: boolean): { readonly text: string } | undefined => {
      const now = this.#store.clock.now()
      const known = parseMember(text)
      const leases = running(known, now)
      isPresent = leases.size > 0
      const departed = known && known.departedUntil > now ? known.sequence : Number.NEGATIVE_INFINITY
      isLate = value === undefined || value.sequence <= departed
      if (!isPresent && (isLate || !mayJoin)) return undefined
      const before = isPresent ? (known?.sequence ?? 0) : Number.NEGATIVE_INFINITY
      const sequence = Math.max(before, value?.sequence ?? before)
      endsAt = now + leaseMs
      return { text: formatMember({ sequence, leases: withLease(leases, holder, endsAt), departedUntil: 0 }) }
    }
    const record = this.#member(channel, name)
    let text = await this.#records.change(record, (found) => lease(found, false), operation)
    if (!isPresent) {
      // Whoever was shown until now leaves before anybody comes.
      const { set } = await this.look(channel, operation, [name])
      if (isLate) return 'unknown'
      if (!set.members.has(name) && set.members.size >= maxMembers) return 'full'
      text = await this.#records.change(record, (found) => lease(found, true), operation)
      if (isLate && !isPresent) return 'unknown'
    }
    const highest = parseMember(text)?.sequence ?? 0
    const outcome = await this.#show(channel, name, value, { highest, endsAt, maxMembers }, operation)
    if (outcome === 'full') await this.release(channel, name, holder, 0, operation)
    return outcome
  }

  async release(
    channel: string,
    name: string,
    holder: string,
    graceMs: number,
    operation: Operation,
  ): Promise<void> {
    let lastEndsAt: number | undefined
    const decide = (text: string | undefined): { readonly text: string } | undefined => {
      const now = this.#store.clock.now()
      const known = parseMember(text)
      const leases = new Map(running(known, now))
      lastEndsAt = undefined
      if (known === undefined || !leases.has(holder)) return undefined
      if (graceMs > 0) leases.set(holder, now + graceMs)
      else leases.delete(holder)
      lastEndsAt = Math.max(0, ...leases.values())
      return { text: formatMember({ ...known, leases }) }
    }
    await this.#records.change(this.#member(channel, name), decide, operation)
    if (lastEndsAt === 0) await this.look(channel, operation, [name])
    else if (lastEndsAt !== undefined) await this.#moveEnd(channel, name, lastEndsAt, operation)
  }

  async depart(channel: string, name: string, sequence: number, operation: Operation): Promise<void> {
    const decide = (text: string | undefined): { readonly text: string } | undefined => {
      const now = this.#store.clock.now()
      const known = parseMember(text)
      const counts = known && (running(known, now).size > 0 || known.departedUntil > now)
      if (counts && sequence < known.sequence) return undefined
      return { text: formatMember({ sequence, leases: new Map(), departedUntil: now + this.#dedupeMs }) }
    }
    await this.#records.change(this.#member(channel, name), decide, operation)
    await this.look(channel, operation, [name])
  }

  async members(
    channel: string,
    operation: Operation,
  ): Promise<{ readonly version: string; readonly members: readonly PresenceMember[] }> {
    const { set } = await this.look(channel, operation)
    return {
      version: set.version,
      members: Array.from(set.members, ([member, { data }]) => ({ member, data })),
    }
  }

  /**
   * Looks at a set, and takes out of it whose last lease is over.
   * @param suspects members whose record is looked at whatever the set says
   */
  async look(channel: string, operation: Operation, suspects: readonly string[] = []): Promise<SetLook> {
    const subject = this.#set(channel)
    const ends = this.#ends.get(channel)
    for (;;) {
      const found = await this.#records.look(subject, operation)
      const set = parseSet(found?.text)
      const now = this.#store.clock.now()
      const endsAt = (name: string, shown: Shown): number => ends?.get(name) ?? shown.endsAt
      for (const name of [...(ends?.keys() ?? [])]) if (!set.members.has(name)) ends?.delete(name)
      const doubtful = Array.from(set.members).filter(
        ([name, shown]) => endsAt(name, shown) <= now || suspects.includes(name),
      )
      const known = new Map<string, number>()
      for (let index = 0; index < doubtful.length; index += BATCH) {
        const batch = doubtful.slice(index, index + BATCH)
        await Promise.all(batch.map(async ([name]) => known.set(name, await this.#endOf(channel, name, operation))))
      }
      const members = new Map(
        Array.from(set.members, ([name, shown]) => [name, { ...shown, endsAt: endsAt(name, shown) }]),
      )
      const steps: Step[] = []
      for (const [name, end] of known) {
        const shown = members.get(name) as Shown
        if (end > 0) {
          ends?.set(name, end)
          members.set(name, { ...shown, endsAt: end })
        } else {
          members.delete(name)
          steps.push({ op: 'leave', member: name })
        }
      }
      // A set that only its members' leases keep alive would be forgotten for its age.
      const isOld = members.size > 0 && now - set.at > this.#store.keptMs('state') / 2
      if (steps.length === 0 && !isOld) {
        const due = Array.from(set.members, ([name, shown]) => known.get(name) ?? endsAt(name, shown))
        return { set, dueAt: due.length === 0 ? undefined : Math.min(...due) }
      }
      const change = this.#changed(set, members, steps, [])
      if (!(await this.#records.put(subject, found, change, operation))) await pause()
    }
  }

  /** Has the set show a member that has a lease, where that is something new. */
  async #show(
    channel: string,
    name: string,
    value: PresenceHold['value'],
    {
      highest,
      endsAt,
      maxMembers,
    }: { readonly highest: number; readonly endsAt: number; readonly maxMembers: number },
    operation: Operation,
  ): Promise<HoldOutcome> {
    let outcome: HoldOutcome = 'held'
    const decide = (text: string | undefined): { text: string; note: string } | undefined => {
      const set = parseSet(text)
      const shown = set.members.get(name)
      outcome = 'held'
      if (shown === undefined) {
        outcome = value === undefined ? 'unknown' : set.members.size >= maxMembers ? 'full' : 'held'
        if (value === undefined || outcome !== 'held') return undefined
        const members = new Map(set.members).set(name, { ...value, endsAt })
        return this.#changed(set, members, [{ op: 'join', member: name, data: value.data }], [[name, endsAt]])
      }
      const isNews =
        value && value.sequence >= highest && value.sequence > shown.sequence && value.data !== shown.data
      if (!isNews) return undefined
      const members = new Map(set.members).set(name, { ...value, endsAt: Math.max(endsAt, shown.endsAt) })
      return this.#changed(set, members, [{ op: 'update', member: name, data: value.data }], [])
    }
    const subject = this.#set(channel)
    // To renew a lease the set need not be looked at, if it was seen there: nobody leaves it whose lease goes on.
    if (value === undefined && parseSet(this.#records.remembered(subject)?.text).members.has(name)) return 'held'
    await this.#records.change(subject, decide, operation)
    return outcome
  }

  /** Tells followers that a member's last lease ends at another time than they know. */
  async #moveEnd(channel: string, name: string, endsAt: number, operation: Operation): Promise<void> {
    const decide = (text: string | undefined): { text: string; note: string } | undefined => {
      const set = parseSet(text)
      const shown = set.members.get(name)
      if (shown === undefined) return undefined
      return this.#changed(set, new Map(set.members).set(name, { ...shown, endsAt }), [], [[name, endsAt]])
    }
    await this.#records.change(this.#set(channel), decide, operation)
  }

  /** When a member's last lease ends; 0 where none runs, and then none will unless it joins anew. */
  async #endOf(channel: string, name: string, operation: Operation): Promise<number> {
    const subject = this.#member(channel, name)
    for (;;) {
      const found = await this.#records.look(subject, operation)
      const known = parseMember(found?.text)
      const leases = running(known, this.#store.clock.now())
      if (leases.size > 0) return Math.max(...leases.values())
      if (known && known.leases.size === 0) return 0
      // A renewal that is under way is overtaken by this, and finds that it came too late.
      const ended = { sequence: known?.sequence ?? 0, departedUntil: known?.departedUntil ?? 0, leases }
      if (await this.#records.put(subject, found, { text: formatMember(ended) }, operation)) return 0
    }
  }

  #changed(
    set: PresenceSet,
    members: ReadonlyMap<string, Shown>,
    steps: readonly Step[],
    ends: readonly (readonly [string, number])[],
  ): { text: string; note: string } {
    const changes = steps.map((step): PresenceChange => ({ ...step, version: nonce() }))
    const version = changes.at(-1)?.version ?? set.version
    const at = Math.round(this.#store.clock.now())
    return {
      text: formatSet({ version, at, members }),
      note: formatNote({ before: set.version, version, changes, ends }),
    }
  }

  #set(channel: string): string {
    return this.#names.state(channel, 'set', '')
  }

  #member(channel: string, name: string): string {
    return this.#names.state(channel, 'member', name)
  }
}

/** The leases that run. */
function running(member: Member | undefined, now: number): ReadonlyMap<string, number> {
  return new Map([...(member?.leases ?? [])].filter(([, endsAt]) => endsAt > now))
}

function withLease(
  leases: ReadonlyMap<string, number>,
  holder: string,
  endsAt: number,
): ReadonlyMap<string, number> {
  const all = new Map(leases).set(holder, endsAt)
  if (all.size <= MAX_HOLDERS) return all
  let soonest = holder
  for (const [other, end] of all) if (end < (all.get(soonest) as number)) soonest = other
  all.delete(soonest)
  return all
}
