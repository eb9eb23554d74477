/**
 * The face of a server that hosts see. A host brings requests and sockets; it may also say where the server lives, because
 * some know better than the app: how long a request may run, which timers let a process sleep, where channels are kept.
 */
import { TriwireError } from '@triwire/protocol'
import type { Broker } from './broker.ts'
import { type FrozenSocket, freezeHead } from './frozen.ts'
import { handleExchange, upgradeStatus } from './http.ts'
import { Hub, type HubOptions } from './hub.ts'
import { type Limits, resolveLimits } from './limits.ts'
import type { Logger } from './logger.ts'
import { memory } from './memory-broker.ts'
import type { Exchange, RequestHead, Sink } from './sink.ts'
import { Socket } from './socket.ts'
import type { SetTimer } from './timer-wheel.ts'

/** What a host has to say. What it leaves out is as the app said. */
export interface HostOptions {
  /** Where channels live. */
  readonly broker?: Broker | undefined
  /** Limits in place of the app's. */
  readonly limits?: Partial<Limits> | undefined
  /** How the engine is called back later. Default `setTimeout`. */
  readonly setTimer?: SetTimer | undefined
}

/** What a host adapter needs of a server. Apps have no use for it. */
export interface Engine {
  readonly limits: Limits
  readonly logger: Logger
  /** Answers a request that is no upgrade. Never rejects. */
  handle(exchange: Exchange): Promise<void>
  /** The status to answer a WebSocket upgrade with: 101 where it may be made, otherwise what refuses it. */
  upgradeStatus(head: RequestHead): number
  /** Takes an upgraded connection. */
  acceptSocket(sink: Sink, head: RequestHead): Socket
  /** Goes on with a connection that stayed open while this process slept; resolves when it does. */
  reviveSocket(sink: Sink, frozen: FrozenSocket): Promise<Socket>
  /** Begins a further life of a host that forgets and keeps its store: hooks run for what earlier lives have left behind. */
  resume(): Promise<void>
  /** As `drain` of the server. */
  drain(spreadMs: number): Promise<void>
  /** As `close` of the server. */
  close(): Promise<void>
}

/** The engine of a server itself. */
export interface HomeEngine extends Engine {
  /** Whether the app has said where channels live. */
  readonly hasBroker: boolean
  /**
   * Says where the server lives.
   * @throws TriwireError `too_late` once anything was asked of it
   */
  configure(host: HostOptions): void
  /**
   * Has the server live somewhere else for a while, with nothing of what it was before: for tests, which want a server of
   * their own for each of them, and an app that has only one. Returns how to close that life and go back.
   */
  lend(host: HostOptions & { readonly broker: Broker }): () => Promise<void>
  /** The same app once more, with the same handlers and limits, for a host that keeps several apart in one process. */
  another(host: HostOptions & { readonly broker: Broker }): Engine
}

/** A server whose channels are all implemented; what `createRealtime` returns once every `.on()` is there. */
export interface Servable {
  readonly engine: HomeEngine
  readonly missing: readonly never[]
}

/** What an app said of itself. */
export type AppDefinition = Omit<HubOptions, 'broker' | 'setTimer'>

/** The server itself, which comes into being with the first thing that is asked of it. */
export class Home {
  readonly engine: HomeEngine
  readonly #definition: AppDefinition
  #host: HostOptions
  #hub: Hub | undefined

  /** @param broker where the app has said where channels live */
  constructor(definition: AppDefinition, broker: Broker | undefined) {
    this.#definition = definition
    this.#host = { broker }
    const getHub = (): Hub => this.hub
    const getLimits = (): Limits => withLimits(definition.limits, this.#host.limits)
    this.engine = {
      ...createEngine(getHub, getLimits, definition.logger),
      // A spread would ask for them now.
      get limits() {
        return getLimits()
      },
      hasBroker: broker !== undefined,
      configure: (host) => this.#configure(host),
      lend: (host) => this.#lend(host),
      another: (host) => {
        const hub = createHub(definition, host)
        return createEngine(
          () => hub,
          () => hub.limits,
          definition.logger,
        )
      },
    }
  }

  get hub(): Hub {
    this.#hub ??= createHub(this.#definition, this.#host)
    return this.#hub
  }

  #configure(host: HostOptions): void {
    if (this.#hub !== undefined) {
      const message = 'This server is in use already. Give it to its host adapter before anything else.'
      throw new TriwireError('too_late', message)
    }
    withLimits(this.#definition.limits, host.limits)
    this.#host = { ...this.#host, ...host }
  }

  #lend(host: HostOptions): () => Promise<void> {
    const before = this.#host
    const hub = this.#hub
    this.#host = { ...before, ...host }
    this.#hub = undefined
    return async () => {
      const lent = this.#hub
      this.#host = before
      this.#hub = hub
      await lent?.close()
    }
  }
}

function createHub(definition: AppDefinition, { broker = memory(), limits, setTimer }: HostOptions): Hub {
  return new Hub({ ...definition, limits: withLimits(definition.limits, limits), broker, setTimer })
}

function createEngine(getHub: () => Hub, getLimits: () => Limits, logger: Logger): Engine {
  return {
    get limits() {
      return getLimits()
    },
    logger,
    handle: (exchange) => handleExchange(getHub(), exchange),
    upgradeStatus: (head) => upgradeStatus(getHub(), head),
    acceptSocket: (sink, head) => new Socket(getHub(), sink, freezeHead(head)),
    reviveSocket: (sink, frozen) => Socket.revive(getHub(), sink, frozen),
    resume: () => getHub().resume(),
    drain: (spreadMs) => getHub().drain(spreadMs),
    close: () => getHub().close(),
  }
}

function withLimits(limits: Limits, others: Partial<Limits> | undefined): Limits {
  return others === undefined ? limits : resolveLimits({ ...limits, ...others })
}
