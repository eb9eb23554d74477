/** Everything of one schedule: the store, the servers, the pages, the network between them, and what it does to each. */

import {
  type Actor,
  Clock,
  type Connection,
  createActor,
  fairWeather,
  hash,
  Network,
  Random,
  type RunningNode,
  type Weather,
} from '@triwire/test/parts'
import { App, addressOf, markOf, referenceOf } from './app.ts'
import type { BrokerTrouble } from './broker-model.ts'
import { BrokerStore } from './broker-store.ts'
import { History } from './history.ts'
import { settleMicrotasks } from './microtasks.ts'
import { Page } from './page.ts'
import type { Product } from './product.ts'
import { type ChannelName, isFault, type Org, type Script } from './script.ts'
import { Place } from './server-node.ts'

/** Something that must not be. */
export interface Violation {
  /** The name of the invariant: see `invariants.ts`. */
  readonly invariant: string
  readonly message: string
  /** Virtual milliseconds since the beginning. */
  readonly at: number
}

/** Lines of a response or socket that carry what a channel says. */
const TELLING = /"t":"(?:ev|snap|sig|pres)"/

/** The events in it, with their channels and cursors. */
const EVENTS = /"t":"ev","ch":"([^"]+)","at":"([^"]+)"/g

/** Faults of nodes and the store: how long a node may act on old permissions then is not known to an outsider. */
const DEAFENING = new Set([
  'crash',
  'pause',
  'deafen',
  'failover',
  'flush',
  'broker-down',
  'broker-slow',
  'lost-answers',
])
/** Milliseconds after which every node has acted on a notice. */
const ACTED_MS = 5000

/** What nodes were told: that a user is let go, or may not see a channel any more. */
interface Told {
  readonly user: string
  readonly address: string | undefined
  readonly askedAt: number
  /** When the store had it, as far as the app knows: whoever was thrown out may be back by then. */
  readonly at: number
}

/** Bytes of answers a sink may hold beyond its limit and one page: the inbound rate bounds them. */
const ANSWERS_BYTES = 8 * 1024

/** The world. */
export class World {
  readonly script: Script
  readonly clock: Clock
  readonly history: History = new History()
  readonly app: App
  readonly store: BrokerStore
  readonly storeActor: Actor = createActor('store')
  readonly stageActor: Actor = createActor('script')
  readonly trouble: BrokerTrouble = { downUntil: 0, slowMs: 0, loseAnswers: 0 }
  readonly network: Network
  readonly places: Place[] = []
  /** The page in each place, and all there have been. */
  readonly pages: Page[] = []
  readonly allPages: Page[] = []
  readonly weathers: Weather[] = []
  readonly violations: Violation[] = []
  /** One number for everything that was observed: equal runs have equal ones. */
  trace = 0
  peakBufferedBytes = 0
  readonly #product: Product
  readonly #random: Random
  readonly #tell: ((text: string) => void) | undefined
  readonly #lives: number[] = []
  readonly #told: Told[] = []
  readonly #actsInTime: boolean
  #emitted = 0

  /** @param tell is told everything that happens, as text */
  constructor(script: Script, product: Product, tell?: (text: string) => void) {
    this.script = script
    this.#product = product
    this.#tell = tell
    const { seed, world } = script
    this.#actsInTime = !script.steps.some((step) => isFault(step) && DEAFENING.has(step.fault))
    this.clock = new Clock(settleMicrotasks, (error, actor) => this.violate('no crash', describe(error, actor)))
    this.clock.current = this.stageActor
    product.stage.clock = this.clock
    product.stage.random = new Random(seed, 'product')
    this.#random = new Random(seed, 'world')
    this.app = new App(this.clock, this.history, new Random(seed, 'app'), world)
    const draws = new Random(seed, 'network')
    this.network = new Network(this.clock, () => draws.next())
    const { clock, history, storeActor } = this
    this.store = new BrokerStore({ clock, history, actor: storeActor, random: new Random(seed, 'store') })
    for (let index = 0; index < world.nodes; index++) {
      const { app, store, trouble, note } = this
      const random = new Random(seed, `node ${index}`)
      this.places.push(
        new Place({ index, clock, app, store, storeActor, trouble, random, world, exports: product.server, note }),
      )
    }
    for (let index = 0; index < world.clients.length; index++) {
      this.weathers.push(fairWeather())
      this.open(index)
    }
  }

  /** Opens a page in a place; one that was killed has left its modules in the middle of something. */
  open(index: number, wasKilled: boolean = false): Page {
    const life = (this.#lives[index] ?? 0) + 1
    this.#lives[index] = life
    if (wasKilled) this.#product.renewClient(index)
    const { clock, network, app, note, wiretap } = this
    const page = new Page({
      index,
      life,
      plan: this.script.world.clients[index] as Script['world']['clients'][number],
      exports: this.#product.client(index),
      clock,
      network,
      app,
      note,
      wiretap,
      weather: this.weathers[index] as Weather,
      random: new Random(this.script.seed, `page ${index}.${life}`),
      route: () => this.route(),
    })
    this.pages[index] = page
    this.allPages.push(page)
    return page
  }

  /** Any node that listens; now and then one that does not, as a load balancer may be late to notice. */
  route(): RunningNode | undefined {
    const listening = this.places.flatMap(({ process }) => (process?.listening ? [process] : []))
    if (listening.length < this.places.length && this.#random.chance(0.2)) return undefined
    return listening.length === 0 ? undefined : this.#random.pick(listening)
  }

  /** Does something as a page: when its machine is awake. */
  as(index: number, act: (page: Page) => void): void {
    const page = this.pages[index]
    if (page === undefined) return
    this.clock.after(0, page.site.actor, () => {
      if (!page.closed) act(page)
    })
  }

  /** Server code emits events. @param insist until it succeeds */
  emit(org: Org, channel: ChannelName, count: number, bytes: number, insist: boolean = false): void {
    const running = this.places.flatMap(({ process }) => (process === undefined ? [] : [process]))
    if (running.length === 0) return
    const process = this.#random.pick(running)
    const { key, params } = referenceOf(org, channel)
    this.clock.after(0, process.site.actor, () => {
      const target = process.server.channels[key]?.(params)
      for (let index = 0; index < count; index++) {
        const id = `server-${++this.#emitted}`
        const pad = bytes > 0 ? { pad: 'x'.repeat(bytes) } : {}
        target?.emit('said', { id, mark: markOf(org), ...pad }).catch(() => {
          if (insist) this.clock.after(500, this.stageActor, () => this.emit(org, channel, 1, bytes, true))
        })
      }
    })
  }

  /** Server code lets a user go, or asks anew who may be in a channel that one user may not see any more. */
  tellNodes(subject: { readonly user: string; readonly org?: Org; readonly channel?: ChannelName }): void {
    const { user, org, channel } = subject
    const running = this.places.flatMap(({ process }) => (process === undefined ? [] : [process]))
    if (running.length === 0) return
    const { site, server } = this.#random.pick(running)
    const askedAt = this.clock.now
    this.clock.after(0, site.actor, () => {
      let told: Promise<void> | undefined
      if (org === undefined || channel === undefined) told = server.revoke(user)
      else {
        const { key, params } = referenceOf(org, channel)
        told = server.channels[key]?.(params).reauthorize()
      }
      const address = org && channel && addressOf(org, channel)
      told?.then(
        () => {
          this.note(`the store knows that ${user} is shut out of ${address ?? 'everything'}`)
          this.#told.push({ user, address, askedAt, at: this.clock.now })
        },
        () => {},
      )
    })
  }

  violate(invariant: string, message: string): void {
    this.note(`VIOLATED ${invariant}: ${message}`)
    if (this.violations.length < 20)
      this.violations.push({ invariant, message, at: Math.round(this.clock.elapsed) })
  }

  readonly note = (text: string): void => {
    const line = `${this.clock.elapsed.toFixed(3)} ${text}`
    this.trace = hash(line, this.trace)
    this.#tell?.(line)
  }

  /** Looks at every byte that is written to a client. */
  readonly wiretap = (connection: Connection, text: string, bufferedBytes: number): void => {
    const index = Number(connection.client.actor.name.slice('client'.length))
    const { user, org } = this.script.world.clients[index] as Script['world']['clients'][number]
    this.note(
      `${connection.number} ${connection.kind} to client ${index}: ${text.length > 2000 ? text.length : text}`,
    )
    const other = org === 'red' ? 'blue' : 'red'
    if (text.includes(markOf(other))) this.violate('tenants', `a byte of ${other} was written to ${user}: ${text}`)
    for (const [address, since] of this.app.deniedTo(user)) {
      if (since >= connection.openedAt || !text.includes(`"ch":"${address}"`)) continue
      const told = text.split('\n').find((line) => line.includes(`"ch":"${address}"`) && TELLING.test(line))
      if (told !== undefined)
        this.violate('authorised', `${user} may not see ${address} since ${since - 1.8e12}, and was told: ${told}`)
    }
    if (connection.welcomedAt > this.clock.now && text.includes('"t":"welcome"'))
      connection.welcomedAt = this.clock.now
    this.#checkNotices(connection, user, text)
    this.#checkToken(user, text)
    const { outboundBytes = 65_536, replayBytes = 1_048_576 } = this.script.world.limits ?? {}
    this.peakBufferedBytes = Math.max(this.peakBufferedBytes, bufferedBytes)
    if (bufferedBytes > outboundBytes + 1.5 * replayBytes + ANSWERS_BYTES)
      this.violate('bounded memory', `${bufferedBytes} bytes wait for client ${index} over ${connection.kind}`)
  }

  /** What nodes were told, they have acted upon: nothing comes any more over a connection that was there before. */
  #checkNotices(connection: Connection, user: string, text: string): void {
    if (!this.#actsInTime) return
    for (const told of this.#told) {
      if (told.user !== user || connection.welcomedAt > told.askedAt || this.clock.now < told.at + ACTED_MS)
        continue
      const { address } = told
      // Somebody who was let in again in the meantime may see it.
      if (address !== undefined && !((this.app.deniedSince(user, address) ?? told.at + 1) <= told.at)) continue
      const line = text
        .split('\n')
        .find((one) => TELLING.test(one) && (address === undefined || one.includes(`"ch":"${address}"`)))
      if (line !== undefined)
        this.violate('authorised', `${user} was shut out at ${told.at - 1.8e12}, and was told: ${line}`)
    }
  }

  /** What was logged after the end of a user's newest token is not for them. */
  #checkToken(user: string, text: string): void {
    if (this.script.world.tokenMs === undefined) return
    const endsAt = this.app.newestTokenEnds(user)
    if (this.clock.now <= endsAt) return
    for (const [line, address = '', cursor = ''] of text.matchAll(EVENTS)) {
      const fact = this.history.find(address, cursor)
      if (fact !== undefined && fact.at > endsAt)
        this.violate('authorised', `the token of ${user} ended at ${endsAt - 1.8e12}, and it was told: ${line}`)
    }
  }

  /** Every channel that somebody of an organisation could name. */
  get addresses(): { readonly org: Org; readonly channel: ChannelName; readonly address: string }[] {
    const orgs = new Set(this.script.world.clients.map(({ org }) => org))
    return [...orgs].flatMap((org) =>
      CHANNELS.map((channel) => ({ org, channel, address: addressOf(org, channel) })),
    )
  }
}

const CHANNELS: readonly ChannelName[] = ['room1', 'room2', 'board', 'vault']

function describe(error: unknown, actor: Actor): string {
  return `${actor.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`.slice(0, 1000)
}
