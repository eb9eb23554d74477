/**
 * The hub: what the attachments of one node share. The contract with its implementations, the broker, channels that
 * somebody here reads, counters that bound what one user may cost. Everything in it can be lost with the node.
 */
import {
  type Contract,
  Pacer,
  type ResolvedChannel,
  resolveAddress,
  resolvePath,
  TriwireError,
} from '@triwire/protocol'
import type { Attachment } from './attachment.ts'
import { BoundedMap } from './bounded-map.ts'
import type { Broker } from './broker.ts'
import { Commander } from './commander.ts'
import { withDeadline } from './deadline.ts'
import type { Gate } from './gate.ts'
import type { Identity } from './identity.ts'
import type { Action, ErasedImplementation } from './implementation.ts'
import type { Limits } from './limits.ts'
import { LiveChannel } from './live-channel.ts'
import type { Logger } from './logger.ts'
import type { AllowedOrigins } from './origin.ts'
import { Publisher } from './publisher.ts'
import { canonicalAddress } from './remote-address.ts'
import { type Cancel, TimerWheel } from './timer-wheel.ts'
import { toJson, validate } from './validate.ts'

/** Milliseconds a channel stays open after its last reader went: long polls come and go. */
const LINGER_MS = 30_000

/** Sessions whose rates are remembered. */
const METERED_SESSIONS = 20_000

interface OpenChannel {
  readonly channel: Promise<LiveChannel>
  users: number
  lingering: Cancel | undefined
}

/** What a hub is made of. */
export interface HubOptions {
  readonly contract: Contract
  readonly broker: Broker
  readonly gate: Gate
  readonly limits: Limits
  readonly logger: Logger
  readonly origins: AllowedOrigins
}

/** The hub. */
export class Hub {
  readonly contract: Contract
  readonly broker: Broker
  readonly gate: Gate
  readonly limits: Limits
  readonly logger: Logger
  readonly origins: AllowedOrigins
  readonly wheel: TimerWheel = new TimerWheel(Date.now)
  readonly publisher: Publisher
  readonly commander: Commander
  readonly attachments: Set<Attachment> = new Set()
  readonly #implementations = new Map<string, ErasedImplementation>()
  readonly #channels = new Map<string, OpenChannel>()
  readonly #meters = new BoundedMap<string, Pacer>(METERED_SESSIONS)
  readonly #polls = new Map<string, Attachment>()
  readonly #perUser = new Map<string, number>()
  readonly #perAddress = new Map<string, number>()
  #closed = false

  constructor(options: HubOptions) {
    this.contract = options.contract
    this.broker = options.broker
    this.gate = options.gate
    this.limits = options.limits
    this.logger = options.logger
    this.origins = options.origins
    this.publisher = new Publisher(this)
    this.commander = new Commander(this)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Registers an implementation. @throws TriwireError `unknown_channel`, `already_implemented` */
  implement(key: string, implementation: ErasedImplementation): void {
    if (!Object.hasOwn(this.contract.channels, key)) {
      throw new TriwireError('unknown_channel', `.on("${key}"): the contract has no channel of that key.`)
    }
    if (this.#implementations.has(key)) {
      throw new TriwireError(
        'already_implemented',
        `.on("${key}") was called twice. Put all of a channel into one call.`,
      )
    }
    this.#implementations.set(key, implementation)
  }

  implementationOf(resolved: ResolvedChannel): ErasedImplementation {
    return this.#implementations.get(resolved.key) ?? {}
  }

  /** Finds the channel of an address. @throws TriwireError `bad_channel`, `unknown_channel` */
  resolve(address: string): ResolvedChannel {
    return resolveAddress(this.contract, address)
  }

  /** Finds the channel of a path. @throws TriwireError `bad_channel`, `unknown_channel` */
  resolvePath(path: string): ResolvedChannel {
    return resolvePath(this.contract, path)
  }

  /**
   * Asks the app whether this is allowed.
   * @throws TriwireError `forbidden`, or `unavailable` where the hook failed or took too long
   */
  async authorize(resolved: ResolvedChannel, identity: Identity, action: Action, name?: string): Promise<void> {
    const { authorize } = this.implementationOf(resolved)
    if (authorize === undefined) return
    const { user } = identity
    const { params } = resolved
    let allowed: boolean
    try {
      allowed = await withDeadline(() => authorize({ user, params, action, name }), this.limits.handlerMs)
    } catch (error) {
      if (error instanceof TriwireError && error.code === 'forbidden') throw error
      this.logger.error({ err: error, channel: resolved.key, action }, 'authorize failed')
      throw new TriwireError(
        'unavailable',
        'The server could not decide whether you may do this. Try again later.',
        { retryMs: 2000 },
      )
    }
    if (allowed !== true) throw new TriwireError('forbidden', 'You may not do this here.')
  }

  /**
   * Runs code of the app within the time limit. What it throws as TriwireError is meant for the client; anything else
   * is logged and hidden.
   * @throws TriwireError
   */
  async runHook<TResult>(what: string, hook: () => TResult | Promise<TResult>): Promise<TResult> {
    try {
      return await withDeadline(hook, this.limits.handlerMs)
    } catch (error) {
      if (error instanceof TriwireError && error.code !== 'deadline') throw error
      this.logger.error({ err: error, hook: what }, 'a handler failed')
      throw new TriwireError('handler_failed', 'The server failed to handle this.')
    }
  }

  /**
   * Appends an event that server code emits.
   * @throws TriwireError `unknown_event`, `bad_payload`, `unavailable`
   */
  async emit(
    resolved: ResolvedChannel,
    event: string,
    data: unknown,
    identity: { cause?: string; once?: string } = {},
  ): Promise<void> {
    const { channel, address, key } = resolved
    const schema = Object.hasOwn(channel.events, event) ? channel.events[event] : undefined
    if (schema === undefined)
      throw new TriwireError('unknown_event', `Channel "${key}" has no event "${event}". Add it to the contract.`)
    const valid = await validate(schema, data, `event "${event}"`)
    const json = toJson(valid, `event "${event}"`)
    await this.broker.append(address, { event, data: json, history: channel.history, ...identity })
  }

  /**
   * Sends a signal that a client or server code has given.
   * @throws TriwireError `unknown_event`, `bad_payload`, `unavailable`
   */
  async signal(
    resolved: ResolvedChannel,
    signal: string,
    data: unknown,
    options: { key?: string | undefined; member?: string },
  ): Promise<void> {
    const { channel, address, key } = resolved
    const schema = Object.hasOwn(channel.signals, signal) ? channel.signals[signal] : undefined
    if (schema === undefined) throw new TriwireError('unknown_event', `Channel "${key}" has no such signal.`)
    const json = toJson(await validate(schema, data, `signal "${signal}"`), `signal "${signal}"`)
    await this.broker.signal(address, { event: signal, key: options.key, member: options.member, data: json })
  }

  /** Opens a channel on this node, or joins those who have it open. Every call is undone by one `releaseChannel`. */
  async openChannel(resolved: ResolvedChannel): Promise<LiveChannel> {
    const { address } = resolved
    let open = this.#channels.get(address)
    if (open === undefined) {
      open = { channel: LiveChannel.open(resolved, this.broker), users: 0, lingering: undefined }
      this.#channels.set(address, open)
      this.#notify('onOccupied', resolved)
    }
    open.users++
    open.lingering?.()
    open.lingering = undefined
    try {
      return await open.channel
    } catch (error) {
      this.#channels.delete(address)
      throw error
    }
  }

  /** Undoes one `openChannel`; the channel closes when nobody has wanted it for a while. */
  releaseChannel(resolved: ResolvedChannel): void {
    const { address } = resolved
    const open = this.#channels.get(address)
    if (open === undefined || --open.users > 0) return
    open.lingering = this.wheel.schedule(LINGER_MS, () => {
      if (open.users > 0 || this.#channels.get(address) !== open) return
      this.#channels.delete(address)
      this.#notify('onVacated', resolved)
      void open.channel
        .then((channel) => channel.close())
        .catch((err: unknown) => this.logger.warn({ err }, 'a channel did not close'))
    })
  }

  /** The meter of a session's lines: a tenth and a fifth above what clients are told, for clocks that differ. */
  meterOf(member: string): Pacer {
    const known = this.#meters.get(member)
    if (known !== undefined) return known
    const meter = new Pacer(this.limits.rate * 1.1, this.limits.burst * 1.2, Date.now())
    this.#meters.set(member, meter)
    return meter
  }

  /**
   * Counts a connection in. A session has one poll outstanding: a new one ends the one before.
   * @throws TriwireError `too_many_connections`, `draining`
   */
  admit(attachment: Attachment): void {
    if (this.#closed) throw new TriwireError('draining', 'This server is going away. Try again.', { retryMs: 1000 })
    const { principal } = attachment.speaker.identity
    const address = canonicalAddress(attachment.remoteAddress)
    const isPoll = attachment.kind === 'poll'
    if (isPoll) this.#polls.get(attachment.speaker.member)?.finish()
    const ofUser = this.#perUser.get(principal) ?? 0
    const ofAddress = address === undefined ? 0 : (this.#perAddress.get(address) ?? 0)
    if (ofUser >= this.limits.connectionsPerUser || ofAddress >= this.limits.connectionsPerAddress) {
      throw new TriwireError(
        'too_many_connections',
        'You have too many connections open. Close some and try again.',
        { retryMs: 5000 },
      )
    }
    this.#perUser.set(principal, ofUser + 1)
    if (address !== undefined) this.#perAddress.set(address, ofAddress + 1)
    if (isPoll) this.#polls.set(attachment.speaker.member, attachment)
    this.attachments.add(attachment)
  }

  /** Counts a connection out; harmless for one that never was counted in. */
  dismiss(attachment: Attachment): void {
    if (!this.attachments.delete(attachment)) return
    const { member, identity } = attachment.speaker
    if (this.#polls.get(member) === attachment) this.#polls.delete(member)
    decrement(this.#perUser, identity.principal)
    const address = canonicalAddress(attachment.remoteAddress)
    if (address !== undefined) decrement(this.#perAddress, address)
  }

  /** Says goodbye to every client, lets go of every channel and closes the broker. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const attachment of [...this.attachments]) attachment.close('draining', 1000)
    const channels = [...this.#channels.values()]
    this.#channels.clear()
    await Promise.allSettled(channels.map(async ({ channel }) => (await channel).close()))
    await this.broker.close()
    this.wheel.close()
  }

  #notify(hook: 'onOccupied' | 'onVacated', resolved: ResolvedChannel): void {
    try {
      this.implementationOf(resolved)[hook]?.({ params: resolved.params })
    } catch (err) {
      this.logger.error({ err, channel: resolved.key, hook }, 'a handler failed')
    }
  }
}

function decrement(counts: Map<string, number>, key: string): void {
  const left = (counts.get(key) ?? 0) - 1
  if (left > 0) counts.set(key, left)
  else counts.delete(key)
}
