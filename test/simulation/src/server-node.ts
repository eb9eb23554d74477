/** A place where server processes run, one after another: starting, crashing, pausing, draining. */

import { type Actor, type Clock, createSite, type Engine, type Random, type RunningNode } from '@triwire/test/parts'
import type { App } from './app.ts'
import { BrokerModel, type BrokerTrouble } from './broker-model.ts'
import type { BrokerStore } from './broker-store.ts'
import type { ServerExports } from './product.ts'
import type { WorldPlan } from './script.ts'

/** What the places of a world have in common. */
export interface PlaceOptions {
  readonly index: number
  readonly clock: Clock
  readonly app: App
  readonly store: BrokerStore
  readonly storeActor: Actor
  readonly trouble: BrokerTrouble
  readonly random: Random
  readonly world: WorldPlan
  readonly exports: ServerExports
  readonly note: (text: string) => void
}

/** A server as the simulation uses it, its types erased. */
interface Server {
  readonly engine: Engine
  readonly channels: Readonly<
    Record<
      string,
      (params: object) => { emit(event: string, data: unknown): Promise<void>; reauthorize(): Promise<void> }
    >
  >
  revoke(principal: string): Promise<void>
  drain(options: { readonly spreadMs: number }): Promise<void>
  close(): Promise<void>
}

/** One process. */
export interface Process extends RunningNode {
  readonly server: Server
  readonly broker: BrokerModel
}

/** The place. */
export class Place {
  process: Process | undefined
  /** Processes that were closed in an orderly way: nothing of them may be left. */
  readonly closed: Process[] = []
  readonly #options: PlaceOptions
  #life = 0

  constructor(options: PlaceOptions) {
    this.#options = options
    this.start()
  }

  /** Every process that has not crashed, those on their way out among them. */
  get processes(): readonly Process[] {
    return this.process === undefined ? this.closed : [...this.closed, this.process]
  }

  start(): void {
    if (this.process !== undefined) return
    const { index, clock, app, store, storeActor, trouble, random, world, exports, note } = this.#options
    const site = createSite(`node${index}.${++this.#life}`, 1)
    const before = clock.current
    clock.current = site.actor
    const broker = new BrokerModel({
      store,
      clock,
      node: site.actor,
      far: storeActor,
      random,
      trouble,
      latencyMs: world.brokerLatencyMs,
      unavailable: (message) => new exports.TriwireError('unavailable', message),
    })
    const log = (fields: Readonly<Record<string, unknown>>, message: string): void => {
      const { err } = fields as { readonly err?: { readonly code?: string; readonly message?: string } }
      note(`${site.actor.name} logs: ${message} ${err?.code ?? ''} ${err?.message ?? ''}`)
    }
    const server = exports.createRealtime(app.createContract(exports), {
      auth: ({ token, expireAt }) => app.authenticate(token, expireAt),
      broker,
      logger: { warn: log, error: log },
      limits: world.limits ?? {},
    })
    for (const key of ['room', 'board', 'vault'] as const) server.on(key, app.implementation(key, exports) as never)
    this.process = { site, engine: server.engine, server: server as unknown as Server, broker, listening: true }
    clock.current = before
  }

  /** @param silent whether the machine is gone as well, so that nobody resets its connections */
  crash(silent: boolean): void {
    const { process } = this
    if (process === undefined) return
    this.process = undefined
    this.#options.clock.kill(process.site.actor)
    process.broker.abandon()
    for (const connection of [...process.site.connections]) {
      connection.endNode()
      if (silent) connection.silence()
      else connection.cut(true, false)
      connection.resets = true
    }
  }

  /** Says goodbye to everybody at once. */
  drain(): void {
    this.#retire((server) => void server.close())
  }

  /** Lets everybody go in turn, while another process has taken its place. */
  succeed(spreadMs: number): void {
    this.#retire((server) => void server.drain({ spreadMs }).then(() => server.close()))
    this.start()
  }

  #retire(end: (server: Server) => void): void {
    const { process } = this
    if (process === undefined) return
    this.process = undefined
    process.listening = false
    this.closed.push(process)
    this.#options.clock.after(0, process.site.actor, () => end(process.server))
  }
}
