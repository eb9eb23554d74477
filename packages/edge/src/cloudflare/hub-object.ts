/**
 * One Durable Object: a whole server of its own, with its log, presence, producers and commands in its storage. Requests,
 * frames and alarms come in here; between them it may sleep, and each may be the first of a new life.
 */
import {
  type Append,
  type Engine,
  type HomeEngine,
  handleRequest,
  type ReadRequest,
  type SignalMessage,
  TriwireError,
} from '@triwire/server'
import { headOf, isUpgrade } from '../mount.ts'
import { Directory } from './directory.ts'
import { ObjectBroker } from './object-broker.ts'
import { ObjectSockets } from './object-sockets.ts'
import { ObjectTimers } from './object-timers.ts'
import type { ObjectSocket, ObjectState } from './platform.ts'

/** Milliseconds for which a lease of a connection lasts: it is released when the connection is found gone. */
const LEASE_MS = 10 * 365 * 86_400_000

/** Milliseconds between looks for connections that died without a word. */
const LOOK_MS = 90_000

/** What others may call. */
type Calls = Readonly<Record<string, (...parameters: never[]) => unknown>>

/** An answer between objects: errors do not travel with their codes. */
export type CallOutcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string }

/** The object, without its platform's base class. */
export class HubObject {
  readonly #engine: Engine
  readonly #broker: ObjectBroker
  readonly #sockets: ObjectSockets
  readonly #timers: ObjectTimers
  readonly #calls: Calls

  constructor(state: ObjectState, home: HomeEngine) {
    const { logger } = home
    this.#timers = new ObjectTimers(state.storage)
    this.#broker = new ObjectBroker(state.storage, this.#timers, (err) =>
      logger.error({ err }, 'trouble with the storage of a Durable Object'),
    )
    this.#engine = home.another({
      broker: this.#broker,
      limits: { presenceLeaseMs: LEASE_MS },
      setTimer: this.#timers.setTimer,
    })
    this.#sockets = new ObjectSockets(state, this.#engine)
    const broker = this.#broker
    const directory = new Directory(state.storage.sql)
    this.#calls = {
      append: (channel: string, append: Append) => broker.append(channel, append),
      signal: (channel: string, signal: SignalMessage) => broker.signal(channel, signal),
      read: (channel: string, request: ReadRequest) => broker.read(channel, request),
      members: (channel: string) => broker.members(channel),
      register: (name: string) => directory.register(name),
      names: () => directory.names(),
    }
    void state.blockConcurrencyWhile(() => this.#start())
  }

  async fetch(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname
    const remoteAddress = request.headers.get('cf-connecting-ip') ?? undefined
    if (!isUpgrade(request)) return await handleRequest(this.#engine, request, { path, remoteAddress })
    const head = headOf(request, path, remoteAddress)
    const status = this.#engine.upgradeStatus(head)
    return status === 101 ? this.#sockets.accept(head) : new Response(null, { status })
  }

  async handleMessage(socket: ObjectSocket, message: string | ArrayBuffer): Promise<void> {
    await this.#sockets.handleMessage(socket, message)
    this.#lookLater()
  }

  handleClosed(socket: ObjectSocket): void {
    this.#sockets.handleClosed(socket)
  }

  async handleAlarm(): Promise<void> {
    this.#timers.handleAlarm()
    this.#sockets.closeSilent()
    this.#lookLater()
    await this.#broker.sweepNowAndThen()
  }

  /** What other objects and Workers ask of this one's broker. */
  async callBroker(operation: string, parameters: readonly unknown[]): Promise<CallOutcome> {
    try {
      const call = Object.hasOwn(this.#calls, operation) ? this.#calls[operation] : undefined
      if (call === undefined) throw new TriwireError('not_found', `No object answers "${operation}".`)
      return { ok: true, result: await call(...(parameters as never[])) }
    } catch (error) {
      const { code, message } =
        error instanceof TriwireError ? error : new TriwireError('unavailable', String(error))
      return { ok: false, code, message }
    }
  }

  async #start(): Promise<void> {
    await this.#timers.load()
    const holders = await this.#sockets.revive()
    await this.#engine.resume()
    await this.#broker.releaseAllBut(holders, this.#engine.limits.presenceGraceMs)
    this.#lookLater()
    await this.#broker.sweepNowAndThen()
  }

  #lookLater(): void {
    if (this.#sockets.size > 0) this.#timers.wakeAt(Date.now() + LOOK_MS)
  }
}
