/**
 * Which channels anybody follows, on whatever node. They are the members of one presence set in the broker, and the nodes
 * that have clients there hold the leases: a channel comes with the first node and goes with the last one, also where that
 * one died. Every node hears of it; the one that claims the change first runs the hook of the app.
 *
 * Only channels whose app wants to know are in it. The hook runs at least once per change: again where its node dies in
 * the middle of it, or where the store was away and nodes find out each for itself what has changed.
 */
import type { Broker, BrokerSubscription, PresenceChange } from './broker.ts'
import type { Logger } from './logger.ts'
import type { Cancel, TimerWheel } from './timer-wheel.ts'

/** The channel of the set. Addresses begin with a letter, so no contract and no client can name it. */
const CHANNEL = '_occupied'

/** As many channels as there are. */
const NO_LIMIT = { maxMembers: Number.MAX_SAFE_INTEGER }

/** Milliseconds for which it is remembered that a hook has run: longer than nodes are apart in what they hear. */
const REMEMBER_MS = 60_000

/** Milliseconds before a failed look at the set is tried again. */
const RETRY_MS = 1000

/** What occupancy is made of. */
export interface OccupancyOptions {
  readonly broker: Broker
  readonly wheel: TimerWheel
  readonly logger: Logger
  /** Milliseconds after which a dead node's channels are vacant. */
  readonly leaseMs: number
  /** Milliseconds a hook has before it counts as dead with its node. */
  readonly claimMs: number
  /** Runs the hook of the app. Never rejects. */
  readonly onChange: (address: string, change: 'onOccupied' | 'onVacated') => Promise<void>
}

/** The occupied channels, as one node sees them. */
export class Occupancy {
  readonly #options: OccupancyOptions
  readonly #holder = `${Date.now().toString(36)}.${Math.random().toString(36).slice(2, 10)}`
  /** The channels followed on this node, and those of which the broker is being told. */
  readonly #followed = new Set<string>()
  readonly #telling = new Set<string>()
  /** What is being announced of a channel: its next change waits, so that the hooks run in order. */
  readonly #announcing = new Map<string, Promise<void>>()
  /** The set as it was last seen; undefined until it was. */
  #known: Set<string> | undefined
  #verifying = false
  #verifyAgain = false
  #subscription: Promise<BrokerSubscription> | undefined
  #renewal: Cancel | undefined
  #closed = false

  constructor(options: OccupancyOptions) {
    this.#options = options
  }

  /** Somebody on this node follows the channel. */
  occupy(address: string): void {
    if (this.#closed) return
    this.#followed.add(address)
    const { wheel, leaseMs } = this.#options
    this.#renewal ??= wheel.repeat(leaseMs / 3, () => void this.#renew())
    void this.#tell(address)
  }

  /** Hears of changes while nobody is here as well, as the only node there is: its earlier lives may have left some behind. */
  async watch(): Promise<void> {
    await this.#open()
  }

  /** Nobody on this node follows it any more. */
  vacate(address: string): void {
    if (this.#followed.delete(address)) void this.#tell(address)
  }

  /** Says nothing more. Its channels stay occupied until their leases are over: other nodes take the clients in. */
  async close(): Promise<void> {
    this.#closed = true
    this.#renewal?.()
    const subscription = this.#subscription
    this.#subscription = undefined
    // A broker that does not answer must not hold up the closing: one that is still being made closes itself.
    if (this.#known !== undefined) await (await subscription)?.close()
  }

  /** Tells the broker what is so, one call at a time per channel, until it is so no more. */
  async #tell(address: string): Promise<void> {
    if (this.#telling.has(address)) return
    this.#telling.add(address)
    try {
      let told: boolean | undefined
      while (!this.#closed && told !== this.#followed.has(address)) {
        told = this.#followed.has(address)
        await (told ? this.#hold(address) : this.#release(address))
      }
    } catch (err) {
      // Renewals try again; a lease that could not be given up runs out.
      if (!this.#closed) this.#options.logger.warn({ err }, 'it could not be told that a channel is occupied')
    } finally {
      this.#telling.delete(address)
    }
  }

  async #hold(address: string): Promise<void> {
    const { broker, leaseMs } = this.#options
    await this.#open()
    const hold = { member: address, holder: this.#holder, value: { data: '1', sequence: 1 }, leaseMs }
    await broker.hold(CHANNEL, hold, NO_LIMIT)
  }

  async #release(address: string): Promise<void> {
    await this.#options.broker.release(CHANNEL, address, this.#holder, 0)
  }

  async #renew(): Promise<void> {
    const { logger } = this.#options
    try {
      for (const address of [...this.#followed])
        if (this.#followed.has(address) && !this.#telling.has(address)) await this.#hold(address)
    } catch (err) {
      // The others would fare no better. The next round is two thirds of a lease before they end.
      if (!this.#closed) logger.warn({ err }, 'occupied channels could not be renewed')
    }
  }

  async #open(): Promise<void> {
    this.#subscription ??= this.#subscribe()
    try {
      await this.#subscription
    } catch (error) {
      this.#subscription = undefined
      throw error
    }
  }

  async #subscribe(): Promise<BrokerSubscription> {
    const subscription = await this.#options.broker.subscribe(CHANNEL, {
      onPresence: (change) => this.#handleChange(change),
      onInterrupted: () => void this.#verify(),
      onEntry: () => {},
      onSignal: () => {},
    })
    if (this.#closed) await subscription.close()
    await this.#verify()
    return subscription
  }

  #handleChange({ op, member, version }: PresenceChange): void {
    if (op === 'update') return
    if (op === 'join') this.#known?.add(member)
    else this.#known?.delete(member)
    this.#announce(member, op === 'join' ? 'onOccupied' : 'onVacated', version)
  }

  /** Looks at the whole set where changes may have been missed, and announces what is different. */
  async #verify(): Promise<void> {
    this.#verifyAgain = true
    if (this.#verifying) return
    this.#verifying = true
    try {
      while (this.#verifyAgain && !this.#closed) {
        this.#verifyAgain = false
        const before = this.#known && new Set(this.#known)
        const { version, members } = await this.#options.broker.members(CHANNEL)
        this.#compare(before, new Set(members.map(({ member }) => member)), version)
      }
    } catch (err) {
      if (this.#closed) return
      const { logger, wheel } = this.#options
      logger.warn({ err }, 'the occupied channels could not be read')
      wheel.schedule(RETRY_MS, () => void this.#verify())
    } finally {
      this.#verifying = false
    }
  }

  #compare(before: ReadonlySet<string> | undefined, now: Set<string>, version: string): void {
    const heard = this.#known
    this.#known = now
    if (before === undefined || heard === undefined) return
    for (const address of new Set([...before, ...now, ...heard])) {
      const isOccupied = heard.has(address)
      // What changed while the set was read was announced on its own, and may or may not be in it.
      if (isOccupied !== before.has(address)) isOccupied ? now.add(address) : now.delete(address)
      else if (isOccupied !== now.has(address))
        this.#announce(address, isOccupied ? 'onVacated' : 'onOccupied', version)
    }
  }

  #announce(address: string, change: 'onOccupied' | 'onVacated', version: string): void {
    const before = this.#announcing.get(address) ?? Promise.resolve()
    const announcing = before.then(() => this.#run(address, change, version))
    this.#announcing.set(address, announcing)
    void announcing.then(() => {
      if (this.#announcing.get(address) === announcing) this.#announcing.delete(address)
    })
  }

  /** Runs the hook, unless another node does, and resolves when it has run. Where that node dies, it runs here. */
  async #run(address: string, change: 'onOccupied' | 'onVacated', version: string): Promise<void> {
    const { broker, logger, claimMs, onChange } = this.#options
    const id = `${change} ${version} ${address}`
    try {
      while (!this.#closed) {
        const claim = await broker.claim(CHANNEL, id, claimMs)
        if (claim.status === 'claimed') {
          await onChange(address, change)
          await broker.settle(CHANNEL, id, claim.fence, { ok: true, data: 'null' }, REMEMBER_MS)
          return
        }
        if (claim.status === 'settled') return
        const { status } = await broker.settled(CHANNEL, id, claimMs)
        if (status === 'settled') return
      }
    } catch (err) {
      if (!this.#closed) logger.error({ err, channel: address, change }, 'a hook may not have run')
    }
  }
}
