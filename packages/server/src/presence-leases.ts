/**
 * The presence leases of one attachment: taken by a client's `pres` lines, renewed while its connection is open, left to
 * run out behind it. Most hold one member, that of their session; one that tabs share holds one for each of them.
 *
 * A connection that lasts is a holder of its own, so that its end cannot cut the lease of the one that has replaced it. Of
 * requests many a second may follow one another, each with the same values. So all requests of a session are one holder,
 * on whatever node; their lease is short, is not taken again while it is fresh, and is simply left to run out.
 */
import type { ResolvedChannel } from '@triwire/protocol'
import { TriwireError, utf8Length } from '@triwire/protocol'
import type { HoldOutcome } from './broker.ts'
import type { FrozenLeases } from './frozen.ts'
import type { Hub } from './hub.ts'
import type { Cancel } from './timer-wheel.ts'
import { toJson, validate } from './validate.ts'

/** Other sessions that one attachment may hold values for: more tabs than anybody has open at a server. */
const MAX_OTHERS = 64

/** The holder that all requests of a session are. */
const REQUESTS = 'requests'

/** Renewals within the time that a lease of requests goes on behind the last of them. */
const RENEWALS_PER_GRACE = 3

/** A value that is held: whose, where, what, and the number its session gave it. */
interface Held {
  readonly member: string
  readonly address: string
  readonly data: string
  readonly sequence: number
}

/** The leases. */
export class PresenceLeases {
  readonly #hub: Hub
  /** The member that most of them are of: the one of the attachment's own session. */
  readonly #own: string
  readonly #holder: string
  /** Milliseconds that a lease runs, and between two renewals. */
  readonly #leaseMs: number
  readonly #renewalMs: number
  /** With their values, because a member that is gone can only come back with one. */
  readonly #held = new Map<string, Held>()
  #renewal: Cancel | undefined
  #closed = false

  /**
   * @param lasts whether the connection lasts, or is one of many requests
   * @param frozen what it held before its process slept
   */
  constructor(hub: Hub, own: string, lasts: boolean, frozen?: FrozenLeases) {
    this.#hub = hub
    this.#own = own
    const { presenceLeaseMs, presenceGraceMs } = hub.limits
    this.#renewalMs = lasts ? presenceLeaseMs / 3 : presenceGraceMs / RENEWALS_PER_GRACE
    this.#leaseMs = lasts ? presenceLeaseMs : presenceGraceMs + this.#renewalMs
    this.#holder = lasts ? (frozen?.holder ?? nextHolder()) : REQUESTS
    for (const [address, data, sequence, member = own] of frozen?.held ?? [])
      this.#keep({ member, address, data, sequence })
  }

  freeze(): FrozenLeases {
    const held = Array.from(this.#held.values(), ({ member, address, data, sequence }) =>
      member === this.#own ? ([address, data, sequence] as const) : ([address, data, sequence, member] as const),
    )
    return { holder: this.#holder, held }
  }

  /**
   * Shows a value.
   * @param member whose it is: the attachment's own, or that of another session of its user
   * @param renewed whether the lease is renewed from now on
   * @throws TriwireError `bad_payload`, `too_many_members`, `unavailable`
   */
  async show(
    member: string,
    resolved: ResolvedChannel,
    value: unknown,
    sequence: number,
    renewed: boolean,
  ): Promise<void> {
    const { limits } = this.#hub
    const { address, channel, key } = resolved
    if (channel.presence === undefined) throw new TriwireError('bad_payload', `Channel "${key}" has no presence.`)
    const data = toJson(await validate(channel.presence, value, 'presence'), 'presence')
    if (utf8Length(data) > limits.presenceBytes) {
      throw new TriwireError('bad_payload', `A presence value has at most ${limits.presenceBytes} bytes.`)
    }
    if (!this.#hasRoomFor(member))
      throw new TriwireError('too_many_members', `A wire holds values for at most ${MAX_OTHERS} other sessions.`)
    const held = { member, address, data, sequence }
    if (!this.#isFresh(held) && (await this.#hold(held)) === 'full')
      throw new TriwireError('too_many_members', `At most ${limits.presenceMembers} members are shown.`)
    if (!renewed) return
    this.#keep(held)
    if (this.#closed) this.#release(keyOf(member, address), limits.presenceGraceMs)
  }

  /** Leaves the presence set, because the client says so. */
  async leave(address: string, sequence: number): Promise<void> {
    this.#held.delete(keyOf(this.#own, address))
    this.#hub.requestLeases.delete(keyOf(this.#own, address))
    await this.#hub.broker.depart(address, this.#own, sequence)
  }

  /** Holds a value of another session no longer: that member leaves after the grace, unless somebody else holds it. */
  letGo(member: string, address: string): void {
    this.#release(keyOf(member, address), this.#hub.limits.presenceGraceMs)
  }

  /**
   * Gives up the leases in a channel: their members leave, unless another holder has them. They may come back with the
   * values they had, which after `leave` they may not.
   */
  drop(address: string): void {
    for (const [key, held] of [...this.#held]) if (held.address === address) this.#release(key, 0)
  }

  /** Renews no more: the members stay for the grace time, unless another holder has them. */
  close(graceMs: number = this.#hub.limits.presenceGraceMs): void {
    this.#closed = true
    this.#renewal?.()
    for (const key of [...this.#held.keys()]) this.#release(key, graceMs)
  }

  #hasRoomFor(member: string): boolean {
    const others = new Set(Array.from(this.#held.values(), (held) => held.member)).add(member)
    others.delete(this.#own)
    return others.size <= MAX_OTHERS
  }

  #release(key: string, graceMs: number): void {
    const held = this.#held.get(key)
    if (held === undefined) return
    this.#held.delete(key)
    const { broker, logger, requestLeases } = this.#hub
    if (this.#holder === REQUESTS) {
      if (graceMs > 0) return
      requestLeases.delete(key)
    }
    broker.release(held.address, held.member, this.#holder, graceMs).catch((err: unknown) => {
      // The lease runs out by itself.
      logger.warn({ err }, 'a presence lease could not be released')
    })
  }

  /** Whether another request of the session has taken or renewed the very lease just now. */
  #isFresh({ member, address, data, sequence }: Held): boolean {
    if (this.#holder !== REQUESTS) return false
    const last = this.#hub.requestLeases.get(keyOf(member, address))
    return last?.sequence === sequence && last.data === data && Date.now() - last.heldAt < this.#renewalMs
  }

  async #hold({ member, address, data, sequence }: Held): Promise<HoldOutcome> {
    const { broker, limits, requestLeases } = this.#hub
    const heldAt = Date.now()
    const hold = { member, holder: this.#holder, value: { data, sequence }, leaseMs: this.#leaseMs }
    const outcome = await broker.hold(address, hold, { maxMembers: limits.presenceMembers })
    if (this.#holder === REQUESTS && outcome === 'held')
      requestLeases.set(keyOf(member, address), { data, sequence, heldAt })
    return outcome
  }

  #keep(held: Held): void {
    this.#held.set(keyOf(held.member, held.address), held)
    if (!this.#closed) this.#renewal ??= this.#hub.wheel.repeat(this.#renewalMs, () => void this.#renew())
  }

  async #renew(): Promise<void> {
    for (const held of [...this.#held.values()]) {
      try {
        // With the value, which changes nothing where it is known: the lease may have run out while this process stood
        // still, and a store may have lost what it was told. A goodbye over another connection has the higher number.
        await this.#hold(held)
      } catch (err) {
        this.#hub.logger.warn({ err }, 'a presence lease could not be renewed')
      }
    }
  }
}

let holders = 0

function nextHolder(): string {
  const random = Math.random().toString(36).slice(2, 8)
  return `${Date.now().toString(36)}.${(holders++).toString(36)}.${random}`
}

/** Neither has a space in it. */
function keyOf(member: string, address: string): string {
  return `${member} ${address}`
}
