/**
 * One page: a real client in simulated surroundings, doing what the script says and writing down what it sees. A
 * reload makes a new page in the same place.
 */
import type { ChannelHandle, Client, Member } from '@triwire/client'
import type { Contract } from '@triwire/protocol'
import {
  type Clock,
  createFetch,
  createSite,
  createWebSocket,
  type Network,
  type Random,
  type RunningNode,
  type Site,
  type Weather,
  type Wiretap,
} from '@triwire/test/parts'
import {
  type App,
  addressOf,
  type BoardSnapshot,
  type CommandInput,
  markOf,
  type Payload,
  referenceOf,
} from './app.ts'
import type { ClientExports } from './product.ts'
import type { ChannelName, ClientPlan, Deed, Org } from './script.ts'
import type { Call, Observation, Sight } from './sight.ts'

/** What a page is made of. */
export interface PageOptions {
  readonly index: number
  /** Which one in this place: 1, 2, 3 … */
  readonly life: number
  readonly plan: ClientPlan
  readonly exports: ClientExports
  readonly clock: Clock
  readonly network: Network
  readonly random: Random
  readonly weather: Weather
  readonly app: App
  readonly route: () => RunningNode | undefined
  readonly wiretap: Wiretap
  readonly note: (text: string) => void
}

/** What the script asks of a page itself. */
export type PageDeed = Exclude<Deed, { readonly do: 'emit' | 'reload' }>

type Watching = Extract<Deed, { readonly do: 'watch' }>

interface Slot {
  readonly deed: Watching
  readonly sight: Sight
  stop: () => void
  update?: (value: unknown) => void
}

/** Handles without their types: the contract is not known to a page. */
type AnyHandle = ChannelHandle & {
  readonly publish: (event: string, data: unknown) => Promise<void>
  readonly signal: (signal: string, data: unknown, options?: { readonly key: string }) => void
  readonly commands: Readonly<Record<string, (input: CommandInput) => Promise<{ readonly reply: string }>>>
  readonly observe: (options: object) => {
    readonly subscribe: (listener: () => void) => () => void
    readonly getSnapshot: () => {
      readonly status: string
      readonly data: unknown
      readonly error?: { readonly code: string }
    }
  }
  readonly observePresence: (options: object) => {
    readonly subscribe: (listener: () => void) => () => void
    readonly getSnapshot: () => { readonly members: readonly Member<unknown>[]; readonly synced: boolean }
    readonly update: (value: unknown) => void
  }
  readonly events: (options: { readonly after?: string }) => AsyncIterableIterator<{
    readonly data: unknown
    readonly meta: { readonly cursor: string; readonly overlap: boolean }
  }>
}

const BASE = 'http://sim.test/rt'

/** The page. */
export class Page {
  readonly site: Site
  readonly client: Client<Contract>
  readonly session: string
  readonly sights: Sight[] = []
  readonly calls: Call[] = []
  readonly slots = new Map<number, Slot>()
  /** Values shown, by address. */
  readonly shown = new Map<string, number>()
  closed = false
  /** The most sockets and streams that it has asked for within ten seconds. */
  busiest = 0
  #triedAt: number[] = []
  readonly #options: PageOptions
  #named = 0

  constructor(options: PageOptions) {
    this.#options = options
    const { index, life, plan, network, weather, route, wiretap, random, exports, app } = options
    this.session = `c${index}.${life}`
    this.site = createSite(`client${index}`, plan.latencyMs, { host: 'sim.test' })
    const way = {
      network,
      site: this.site,
      weather,
      random,
      route,
      wiretap,
      handleTried: this.#handleTried,
    }
    const before = options.clock.current
    options.clock.current = this.site.actor
    this.client = exports.createClient({
      url: BASE,
      auth: () => app.mintToken(plan.user, plan.org),
      fetch: createFetch(way, BASE, random),
      webSocket: createWebSocket(way),
      ...(plan.wires === undefined ? {} : { wires: plan.wires }),
    })
    options.clock.current = before
  }

  /** Does what the script asks of it. */
  perform(deed: PageDeed): void {
    switch (deed.do) {
      case 'watch':
        this.watch(deed)
        break
      case 'unwatch':
        this.unwatch(deed.slot)
        break
      case 'publish':
        this.publish(deed.channel, deed.count, deed.bytes ?? 0, deed.refused === true)
        break
      case 'command':
        this.#command(deed.count, deed.ms, deed.fails)
        break
      case 'signal':
        this.#signal(deed.channel)
        break
      case 'show':
        this.#show(deed.slot)
        break
      case 'trespass':
        this.#trespass(deed.channel)
        break
      case 'wires':
        this.client.setWires(deed.wires)
        break
      case 'close':
        this.close()
    }
  }

  // ── What the script asks ────────────────────────────────────────────────────────────────────────────────────

  watch(deed: Watching): void {
    this.unwatch(deed.slot)
    const { channel, how } = deed
    const { plan, clock } = this.#options
    const sight: Sight = {
      who: `${this.session}/${deed.slot} ${how} of ${channel}`,
      client: this.#options.index,
      user: plan.user,
      org: plan.org,
      channel,
      address: addressOf(plan.org, channel),
      how,
      startedAt: clock.now,
      after: this.#cursorOf(deed),
      observations: [],
      liveAt: undefined,
      state: [],
      isLive: false,
      turnedAt: clock.now,
      lapses: 0,
      endedWith: undefined,
      stoppedAt: undefined,
      members: undefined,
    }
    this.sights.push(sight)
    const slot: Slot = { deed, sight, stop: () => {} }
    this.slots.set(deed.slot, slot)
    const handle = this.#handle(plan.org, channel)
    const start = {
      fold: this.#fold,
      snapshot: this.#fold,
      handlers: this.#listen,
      iterator: this.#iterate,
      members: this.#watchMembers,
    }
    const stop = start[how].call(this, handle, slot)
    slot.stop = () => {
      sight.stoppedAt = clock.now
      stop()
    }
  }

  unwatch(number: number): void {
    const slot = this.slots.get(number)
    if (slot === undefined) return
    this.slots.delete(number)
    if (slot.update !== undefined) this.shown.delete(slot.sight.address)
    slot.stop()
  }

  publish(
    channel: ChannelName,
    count: number,
    bytes: number,
    isRefused: boolean,
    org: Org = this.#options.plan.org,
  ): void {
    const address = addressOf(org, channel)
    const own = org === this.#options.plan.org
    for (let index = 0; index < count; index++) {
      const id = `${this.session}-${++this.#named}`
      const data: Payload = {
        id,
        mark: markOf(this.#options.plan.org),
        ...(bytes > 0 ? { pad: 'x'.repeat(bytes) } : {}),
        ...(isRefused ? { refused: true } : {}),
      }
      const expects = isRefused || !own ? 'refusal' : 'success'
      const call = this.#call('publish', address, id, 0, expects)
      this.#follow(call, () => this.#handle(org, channel).publish('said', data))
    }
  }

  #command(count: number, ms: number, fails: 'refuses' | 'throws' | undefined): void {
    const { org } = this.#options.plan
    const id = `${this.session}-${++this.#named}`
    const expects = fails === 'refuses' ? 'refusal' : fails === 'throws' ? 'failure' : 'success'
    const call = this.#call('command', addressOf(org, 'board'), id, count, expects)
    const input: CommandInput = { id, count, ms, mark: markOf(org), ...(fails === undefined ? {} : { fails }) }
    this.#follow(call, async () => {
      const add = this.#handle(org, 'board').commands.add as (input: CommandInput) => Promise<{ reply: string }>
      const { reply } = await add(input)
      call.reply = reply
    })
  }

  #signal(channel: ChannelName): void {
    const { org } = this.#options.plan
    this.#handle(org, channel).signal('typing', { mark: markOf(org) }, { key: 'me' })
  }

  /** Changes the value that a slot shows. */
  #show(number: number): void {
    const slot = this.slots.get(number)
    if (slot?.update === undefined) return
    const value = (this.shown.get(slot.sight.address) ?? 0) + 1
    this.shown.set(slot.sight.address, value)
    slot.update(this.#value(value))
  }

  /** Asks for a channel of the other tenant, and publishes to it. */
  #trespass(channel: ChannelName): void {
    const { org } = this.#options.plan
    const other: Org = org === 'red' ? 'blue' : 'red'
    this.#handle(other, channel).on({ said: () => this.#options.note(`${this.session} was let in`) } as never)
    this.publish(channel, 1, 0, false, other)
  }

  close(): void {
    this.closed = true
    for (const { sight } of this.slots.values()) sight.stoppedAt ??= this.#options.clock.now
    this.shown.clear()
    this.client.close()
  }

  /** The page is gone without a word. */
  vanish(): void {
    this.closed = true
    for (const { sight } of this.slots.values()) sight.stoppedAt ??= this.#options.clock.now
    this.shown.clear()
  }

  readonly #handleTried = (): void => {
    const now = this.#now
    this.#triedAt = [...this.#triedAt.filter((at) => at > now - 10_000), now]
    this.busiest = Math.max(this.busiest, this.#triedAt.length)
  }

  // ── What it sees ────────────────────────────────────────────────────────────────────────────────────────────

  #fold(handle: AnyHandle, { deed, sight }: Slot): () => void {
    const isFromSnapshot = deed.how === 'snapshot'
    const begin: readonly string[] = []
    const observer = handle.observe({
      ...(deed.tail === undefined ? {} : { tail: deed.tail }),
      initial: isFromSnapshot
        ? ({ ids, taken }: BoardSnapshot) => {
            this.#see(sight, { what: 'snapshot', at: this.#now, ids, taken })
            return ids
          }
        : begin,
      reduce: {
        said: (state: readonly string[], { id }: Payload, meta: Meta) => {
          const beganBefore =
            sight.endedWith !== undefined || sight.observations.some(({ what }) => what === 'event')
          if (state === begin && beganBefore) this.#see(sight, { what: 'start', at: this.#now })
          this.#see(sight, { what: 'event', at: this.#now, id, cursor: meta.cursor, overlap: meta.overlap })
          return meta.overlap && state.includes(id) ? state : [...state, id]
        },
      },
      on: { $gap: this.#gapOf(sight) },
    })
    return observer.subscribe(() => {
      const { status, data, error } = observer.getSnapshot()
      this.#turn(sight, status === 'live')
      if (sight.isLive) sight.liveAt ??= this.#now
      if (data !== undefined) sight.state = data as readonly string[]
      if (error !== undefined && sight.endedWith === undefined) this.#end(sight, error.code)
    })
  }

  #listen(handle: AnyHandle, { sight }: Slot): () => void {
    const said = ({ id }: Payload, { cursor, overlap }: Meta): void =>
      this.#see(sight, { what: 'event', at: this.#now, id, cursor, overlap })
    return handle.on({ said, $gap: this.#gapOf(sight) } as never)
  }

  #iterate(handle: AnyHandle, { sight }: Slot): () => void {
    const events = handle.events(sight.after === undefined ? {} : { after: sight.after })
    let isOver = false
    const read = async (): Promise<void> => {
      try {
        for await (const { data, meta } of events) {
          const { id } = data as Payload
          if (isOver) return
          this.#see(sight, { what: 'event', at: this.#now, id, cursor: meta.cursor, overlap: meta.overlap })
        }
      } catch (error) {
        const { code = 'thrown', message = '' } = error as { readonly code?: string; readonly message?: string }
        if (code === 'gap') {
          const reason = /\((.*)\)/.exec(message)?.[1] ?? '?'
          this.#see(sight, { what: 'gap', at: this.#now, from: undefined, to: undefined, reason })
        }
        this.#end(sight, code)
      }
    }
    void read()
    return () => {
      isOver = true
      // Ends with the event that comes next, as a loop that is waiting cannot be told before.
      void events.return?.()
    }
  }

  #watchMembers(handle: AnyHandle, slot: Slot): () => void {
    const { deed, sight } = slot
    const isShowing = deed.shows === true && !this.shown.has(sight.address)
    const observer = handle.observePresence(isShowing ? { set: this.#value(1) } : {})
    if (isShowing) {
      this.shown.set(sight.address, 1)
      slot.update = (value) => observer.update(value)
    }
    return observer.subscribe(() => {
      const { members, synced } = observer.getSnapshot()
      this.#turn(sight, synced)
      sight.members = new Map(
        members.map(({ value }) => [(value as { who: string }).who, (value as { v: number }).v]),
      )
    })
  }

  #gapOf(sight: Sight) {
    return ({ from, to, reason }: { from: string; to: string | undefined; reason: string }): void =>
      this.#see(sight, { what: 'gap', at: this.#now, from, to, reason })
  }

  #see(sight: Sight, observation: Observation): void {
    // A follower that was let go runs on for a second, for whoever comes back; nobody looks at it then.
    if (sight.stoppedAt !== undefined) return
    sight.observations.push(observation)
    const { what } = observation
    const more =
      what === 'event'
        ? `${observation.id} ${observation.cursor}`
        : what === 'gap'
          ? `${observation.reason} ${observation.from} ${observation.to}`
          : ''
    this.#options.note(`${sight.who}: ${what} ${more}`)
  }

  #turn(sight: Sight, isLive: boolean): void {
    if (sight.isLive !== isLive) sight.turnedAt = this.#now
    if (sight.isLive && !isLive && sight.stoppedAt === undefined) sight.lapses++
    sight.isLive = isLive
  }

  #end(sight: Sight, code: string): void {
    sight.endedWith = code
    this.#turn(sight, false)
    this.#options.note(`${sight.who}: ended with ${code}`)
  }

  #call(kind: Call['kind'], address: string, id: string, count: number, expects: Call['expects']): Call {
    const { index, clock } = this.#options
    const call: Call = {
      kind,
      session: this.session,
      client: index,
      address,
      id,
      askedAt: clock.now,
      count,
      expects,
      settledAt: undefined,
      outcome: undefined,
      reply: undefined,
    }
    this.calls.push(call)
    return call
  }

  #follow(call: Call, ask: () => Promise<void>): void {
    const settle = (outcome: string): void => {
      call.settledAt = this.#now
      call.outcome = outcome
      this.#options.note(`${call.kind} ${call.id}: ${outcome}`)
    }
    ask().then(
      () => settle('ok'),
      (error: { readonly code?: string }) => settle(error.code ?? String(error)),
    )
  }

  #cursorOf({ after, channel }: Watching): string | undefined {
    if (after === undefined) return undefined
    const sight = this.slots.get(after.slot)?.sight
    if (sight?.address !== addressOf(this.#options.plan.org, channel)) return undefined
    const { observations } = sight
    const events = observations.filter((observation) => observation.what === 'event')
    return events.at(-1 - after.back)?.cursor
  }

  #value(v: number) {
    return { who: this.session, v, mark: markOf(this.#options.plan.org) }
  }

  #handle(org: Org, channel: ChannelName): AnyHandle {
    const channels = this.client.channels as unknown as Readonly<Record<string, (params: object) => AnyHandle>>
    const { key, params } = referenceOf(org, channel)
    return (channels[key] as (params: object) => AnyHandle)(params)
  }

  get #now(): number {
    return this.#options.clock.now
  }
}

interface Meta {
  readonly cursor: string
  readonly overlap: boolean
}
