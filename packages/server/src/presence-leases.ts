/**
 * The presence leases of one attachment: taken by a client's `pres` lines, renewed while its connection is open, left to
 * run out behind it. Each attachment is a holder of its own, so a connection that ends cannot cut the lease of the one
 * that has replaced it.
 */
import type { ResolvedChannel } from '@triwire/protocol'
import { TriwireError, utf8Length } from '@triwire/protocol'
import type { FrozenLeases } from './frozen.ts'
import type { Hub } from './hub.ts'
import type { Cancel } from './timer-wheel.ts'
import { toJson, validate } from './validate.ts'

/** The leases. */
export class PresenceLeases {
  readonly #hub: Hub
  readonly #member: string
  readonly #holder: string
  /** Values by channel, because a member that is gone can only come back with one. */
  readonly #held = new Map<string, { readonly data: string; readonly sequence: number }>()
  #renewal: Cancel | undefined
  #closed = false

  /** @param frozen what it held before its process slept */
  constructor(hub: Hub, member: string, frozen?: FrozenLeases) {
    this.#hub = hub
    this.#member = member
    this.#holder = frozen?.holder ?? nextHolder()
    for (const [address, data, sequence] of frozen?.held ?? []) this.#keep(address, { data, sequence })
  }

  freeze(): FrozenLeases {
    const held = Array.from(this.#held, ([address, { data, sequence }]) => [address, data, sequence] as const)
    return { holder: this.#holder, held }
  }

  /**
   * Shows a value.
   * @param lasting whether the lease is renewed from now on; otherwise it covers the grace time alone
   * @throws TriwireError `bad_payload`, `too_many_members`, `unavailable`
   */
  async show(resolved: ResolvedChannel, value: unknown, sequence: number, lasting: boolean): Promise<void> {
    const { broker, limits } = this.#hub
    const { address, channel, key } = resolved
    if (channel.presence === undefined) throw new TriwireError('bad_payload', `Channel "${key}" has no presence.`)
    const data = toJson(await validate(channel.presence, value, 'presence'), 'presence')
    if (utf8Length(data) > limits.presenceBytes) {
      throw new TriwireError('bad_payload', `A presence value has at most ${limits.presenceBytes} bytes.`)
    }
    const leaseMs = lasting ? limits.presenceLeaseMs : limits.presenceGraceMs
    const shown = { data, sequence }
    const hold = { member: this.#member, holder: this.#holder, value: shown, leaseMs }
    const outcome = await broker.hold(address, hold, { maxMembers: limits.presenceMembers })
    if (outcome === 'full')
      throw new TriwireError('too_many_members', `At most ${limits.presenceMembers} members are shown.`)
    if (!lasting) return
    if (this.#closed) await broker.release(address, this.#member, this.#holder, limits.presenceGraceMs)
    else this.#keep(address, shown)
  }

  /** Leaves the presence set, because the client says so. */
  async leave(address: string, sequence: number): Promise<void> {
    this.#held.delete(address)
    await this.#hub.broker.depart(address, this.#member, sequence)
  }

  /**
   * Gives up a lease: the member leaves, unless another holder has it. It may come back with the value it had, which after
   * `leave` it may not.
   */
  drop(address: string, graceMs = 0): void {
    if (!this.#held.delete(address)) return
    const { broker, logger } = this.#hub
    broker.release(address, this.#member, this.#holder, graceMs).catch((err: unknown) => {
      // The lease runs out by itself.
      logger.warn({ err }, 'a presence lease could not be released')
    })
  }

  /** Renews no more: the members stay for the grace time, unless another holder has them. */
  close(graceMs: number = this.#hub.limits.presenceGraceMs): void {
    this.#closed = true
    this.#renewal?.()
    for (const address of [...this.#held.keys()]) this.drop(address, graceMs)
  }

  #keep(address: string, shown: { readonly data: string; readonly sequence: number }): void {
    this.#held.set(address, shown)
    const { wheel, limits } = this.#hub
    this.#renewal ??= wheel.repeat(limits.presenceLeaseMs / 3, () => void this.#renew())
  }

  async #renew(): Promise<void> {
    const { broker, limits, logger } = this.#hub
    const most = { maxMembers: limits.presenceMembers }
    for (const [address, value] of [...this.#held]) {
      try {
        // With the value, which changes nothing where it is known: the lease may have run out while this process stood
        // still, and a store may have lost what it was told. A goodbye over another connection has the higher number.
        const hold = { member: this.#member, holder: this.#holder, value, leaseMs: limits.presenceLeaseMs }
        await broker.hold(address, hold, most)
      } catch (err) {
        logger.warn({ err }, 'a presence lease could not be renewed')
      }
    }
  }
}

let holders = 0

function nextHolder(): string {
  const random = Math.random().toString(36).slice(2, 8)
  return `${Date.now().toString(36)}.${(holders++).toString(36)}.${random}`
}
