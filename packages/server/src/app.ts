/**
 * The app: the contract with what was written behind it. Everything that runs code of the app goes through here, with
 * a time limit around it and its errors sorted into those a client may see and those only the log may.
 */
import {
  type Contract,
  type Cursor,
  formatCursor,
  parseCursor,
  type ResolvedChannel,
  resolveAddress,
  resolvePath,
  TriwireError,
} from '@triwire/protocol'
import { BoundedMap } from './bounded-map.ts'
import type { Broker } from './broker.ts'
import { withDeadline } from './deadline.ts'
import type { Identity } from './identity.ts'
import { type Action, type ErasedImplementation, type ErasedLastEvents, SnapshotAt } from './implementation.ts'
import type { Limits } from './limits.ts'
import type { Logger } from './logger.ts'
import { toJson, validate } from './validate.ts'

/** Makes a snapshot: JSON text, and its own position where the handler's store knows one. */
export type TakeSnapshot = () => Promise<{ readonly data: string; readonly cursor: Cursor | undefined }>

/** What the app has said of channels, by their keys. */
export type Implementations = ReadonlyMap<string, ErasedImplementation>

/** What an app is made of. */
export interface AppOptions {
  readonly contract: Contract
  readonly implementations: Implementations
  readonly broker: Broker
  readonly limits: Limits
  readonly logger: Logger
}

/** Addresses that need not be read again: each line names one, and most name one of a few. */
const REMEMBERED_ADDRESSES = 10_000

/** The app. */
export class App {
  readonly contract: Contract
  readonly broker: Broker
  readonly limits: Limits
  readonly logger: Logger
  readonly #implementations: Implementations
  readonly #resolved = new BoundedMap<string, ResolvedChannel>(REMEMBERED_ADDRESSES)

  constructor(options: AppOptions) {
    this.contract = options.contract
    this.#implementations = options.implementations
    this.broker = options.broker
    this.limits = options.limits
    this.logger = options.logger
  }

  implementationOf(resolved: ResolvedChannel): ErasedImplementation {
    return this.#implementations.get(resolved.key) ?? {}
  }

  /** Finds the channel of an address. @throws TriwireError `bad_channel`, `unknown_channel` */
  resolve(address: string): ResolvedChannel {
    const known = this.#resolved.get(address)
    if (known !== undefined) return known
    const resolved = resolveAddress(this.contract, address)
    this.#resolved.set(address, resolved)
    return resolved
  }

  /** Finds the channel of a path. @throws TriwireError `bad_channel`, `unknown_channel` */
  resolvePath(path: string): ResolvedChannel {
    return resolvePath(this.contract, path)
  }

  /**
   * Asks the app whether this is allowed.
   * @returns undefined where it has no say in it
   * @throws TriwireError `forbidden`, or `unavailable` where the hook failed or took too long
   */
  authorize(
    resolved: ResolvedChannel,
    identity: Identity,
    action: Action,
    name?: string,
  ): Promise<void> | undefined {
    const { authorize } = this.implementationOf(resolved)
    const { user } = identity
    const { params } = resolved
    return authorize && this.#decide(() => authorize({ user, params, action, name }), resolved, action)
  }

  async #decide(
    authorize: () => boolean | Promise<boolean>,
    resolved: ResolvedChannel,
    action: Action,
  ): Promise<void> {
    let allowed: boolean
    try {
      allowed = await withDeadline(authorize, this.limits.handlerMs)
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
   * Appends an event that server code emits; resolves with its position. Of an event that was in the log already and
   * whose position is forgotten, that is the log's head, which lies behind it.
   * @throws TriwireError `unknown_event`, `bad_payload`, `unavailable`
   */
  async emit(
    resolved: ResolvedChannel,
    event: string,
    data: unknown,
    identity: { cause?: string; once?: string } = {},
  ): Promise<Cursor> {
    const { channel, address, key } = resolved
    const schema = Object.hasOwn(channel.events, event) ? channel.events[event] : undefined
    if (schema === undefined)
      throw new TriwireError('unknown_event', `Channel "${key}" has no event "${event}". Add it to the contract.`)
    const valid = await validate(schema, data, `event "${event}"`)
    const json = toJson(valid, `event "${event}"`)
    const outcome = await this.broker.append(address, { event, data: json, history: channel.history, ...identity })
    if ('cursor' in outcome && outcome.cursor) return outcome.cursor
    const page = await this.broker.read(address, { limit: 0, bytes: 0 })
    return page.head
  }

  /**
   * The end of a channel's log, for server code.
   * @throws TriwireError `bad_count`, `unavailable`
   */
  async last({ address, channel }: ResolvedChannel, count: number): Promise<ErasedLastEvents> {
    if (!Number.isInteger(count) || count < 1)
      throw new TriwireError('bad_count', '`last` takes how many events you want: a whole number from 1.')
    // Everything a log keeps fits into one page.
    const page = await this.broker.read(address, { tail: count, limit: count, bytes: channel.history.bytes })
    if (page.status === 'gap')
      throw new TriwireError('unavailable', 'The end of the log cannot be read. Try again.')
    const events = page.entries.map(({ event, data }) => ({ event, data: JSON.parse(data) as unknown }))
    return { events, cursor: formatCursor(page.entries.at(-1)?.cursor ?? page.from) }
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

  /**
   * How to make a snapshot of a channel; undefined where the channel has none.
   * @param identity for whom, when it is made: a stay may outlive the token it began with
   */
  snapshotOf(resolved: ResolvedChannel, identity: () => Identity): TakeSnapshot | undefined {
    const schema = resolved.channel.snapshot
    const { snapshot } = this.implementationOf(resolved)
    if (schema === undefined || snapshot === undefined) return undefined
    const { params, key } = resolved
    return async () => {
      const at = (cursor: string, data: unknown): SnapshotAt<unknown> => new SnapshotAt(cursor, data)
      try {
        const last = (count: number): Promise<ErasedLastEvents> => this.last(resolved, count)
        const result = await this.runHook('snapshot', () => snapshot({ user: identity().user, params, last, at }))
        const own = result instanceof SnapshotAt ? result : undefined
        const data = toJson(
          await validate(schema, own === undefined ? result : own.data, 'the snapshot'),
          'the snapshot',
        )
        return { data, cursor: own === undefined ? undefined : parseCursor(own.cursor) }
      } catch (error) {
        if (error instanceof TriwireError && error.code !== 'handler_failed' && error.code !== 'bad_payload')
          throw error
        this.logger.error({ err: error, channel: key }, 'a snapshot failed')
        throw new TriwireError('unavailable', 'The server could not make the snapshot. Trying again.', {
          retryMs: 2000,
        })
      }
    }
  }

  /** Whether the app wants to know when a channel becomes occupied or vacant. */
  hearsOccupancy(resolved: ResolvedChannel): boolean {
    return hearsOccupancy(this.implementationOf(resolved))
  }

  /** Whether it wants to know that of any channel. */
  hearsOccupancyAnywhere(): boolean {
    return [...this.#implementations.values()].some(hearsOccupancy)
  }

  /** Tells the app that a channel became occupied or vacant. Never rejects. */
  async notify(hook: 'onOccupied' | 'onVacated', address: string): Promise<void> {
    try {
      const resolved = this.resolve(address)
      const run = this.implementationOf(resolved)[hook]
      await withDeadline(() => run?.({ params: resolved.params }), this.limits.handlerMs)
    } catch (err) {
      this.logger.error({ err, channel: address, hook }, 'a handler failed')
    }
  }
}

function hearsOccupancy({ onOccupied, onVacated }: ErasedImplementation): boolean {
  return onOccupied !== undefined || onVacated !== undefined
}
