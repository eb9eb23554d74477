/**
 * `testNetwork`: the app's own server, clients of it, and the network between them, in memory. Everything that decides is
 * the real thing; the bytes travel through `network.ts`, and time is moved by the test.
 */
import { type Client, type ClientOptions, createClient } from '@triwire/client'
import { type ChannelMap, type Contract, TriwireError, type WireName } from '@triwire/protocol'
import { type Engine, type HomeEngine, memory, type Realtime } from '@triwire/server'
import { ClientNetwork, checkMs, type NetworkControls, waker } from './client-network.ts'
import { Flights } from './flights.ts'
import { isComputing, orderComputations } from './host-crypto.ts'
import { createSite, Network } from './network.ts'
import type { RunningNode } from './node.ts'
import { Random } from './random.ts'
import { createFetch } from './simulated-fetch.ts'
import { createWebSocket } from './simulated-websocket.ts'
import { FakedTime, fakeClock, RealTime, type Time } from './time.ts'
import { FRAME_MS, VirtualTime } from './virtual-time.ts'
import { fairWeather } from './weather.ts'
import { Work } from './work.ts'

/** How a test network runs. */
export interface TestNetworkOptions {
  /**
   * - left out: on the fake timers of Vitest, Jest or Sinon where they are in place; otherwise on virtual time of its own,
   *   in the place of the global timers, `Date` and `Math.random` until `close`
   * - `real`: nothing is replaced, and whoever wants time to pass has to wait
   */
  readonly time?: 'real'
  /** Where virtual time of its own begins. Default: now. */
  readonly now?: Date | number
  /** Of what `Math.random` draws on virtual time of its own. Default 1: every run of a test is the same. */
  readonly seed?: number
  /** Wraps each step that may change what components show: `act` of React Testing Library. */
  readonly act?: (step: () => Promise<void>) => Promise<unknown>
}

/** What a client in a test is made of: as for `createClient`, without what the network brings. */
export interface TestClientOptions extends Omit<ClientOptions, 'url' | 'fetch' | 'webSocket'> {
  /** Header fields that all its requests carry, for an `auth` that looks at them: `{ cookie: 'session=…' }`. */
  readonly headers?: Readonly<Record<string, string>>
}

/** An ordinary client, and its own part of the network. */
export interface TestClient<TContract extends Contract> extends Client<TContract> {
  readonly network: NetworkControls
}

/** A server with its clients. What is done to the network is done to all of them, and to those that come later. */
export interface TestNetwork<TContract extends Contract> extends NetworkControls {
  /**
   * Makes a client, on a device of its own.
   * @throws TriwireError `closed` after `close`
   */
  client(options?: TestClientOptions): TestClient<TContract>
  /**
   * Lets time pass: every timer within it goes off when it is due, and after each of them everything that follows settles.
   * @throws TriwireError `bad_time`, `timers_replaced`, `closed`; `never_settles` where something goes on without time passing
   */
  advance(ms: number): Promise<void>
  /**
   * Lets everything that is on its way come to its end: messages arrive, are answered, and are shown. Takes as much time as
   * they do, and a frame (16 ms) or two. What waits for a later time (the next attempt, a probe, a rate limit, a handler
   * that sleeps) is left to `advance`.
   * @throws TriwireError `never_settles` where that goes on and on; `timers_replaced`, `closed`
   */
  settle(): Promise<void>
  /**
   * Lets time pass, timer by timer, until something holds: until `check` neither throws nor returns false.
   * @param check is asked again after everything that happens; what it returns is handed back
   * @param ms how long to go on at most. Default a minute
   * @throws what `check` has thrown last, or TriwireError `deadline` where it returned false; `bad_time`, `timers_replaced`,
   * `closed`
   */
  until<TResult>(check: () => TResult, ms?: number): Promise<Exclude<TResult, false>>
  /**
   * Ends the server and begins another one, which knows nothing of before, as a deploy does where `memory()` is the broker:
   * clients come back within a second or two, to a gap (`new_epoch`) or a fresh snapshot.
   * @throws TriwireError `closed`
   */
  restart(): Promise<void>
  /** Ends it: clients are closed, the server is as it was before, no timer is left, global timers are restored. */
  close(): Promise<void>
}

/** Turns of the event loop without news that mean silence: an answer takes one to be written, and one to arrive. */
const QUIET_TURNS = 4
/** Turns with news, and arrivals one after another, behind which something feeds itself. */
const MOST_NEWS = 20_000
const MOST_ARRIVALS = 2000
/** Milliseconds for which clients show on after the last one has looked. */
const LINGER_MS = 1100

/** Servers that are in a network now. */
const taken = new WeakSet<HomeEngine>()
let devices = 0

/**
 * Puts a server into a network of its own, with no client yet. It begins with nothing in its channels, in memory, whatever
 * broker the app has; `realtime.channels` speaks to the clients of this network until `close`.
 *
 * @param realtime what `createRealtime` has returned; one server can be in one network at a time
 * @throws TriwireError `bad_realtime`, `bad_time`, `in_use`; `bad_host` where a server cannot run here
 */
export function testNetwork<TChannels extends ChannelMap, TUser>(
  realtime: Realtime<TChannels, TUser, never>,
  options: TestNetworkOptions = {},
): TestNetwork<Contract<TChannels>> {
  const engine = (realtime as Partial<typeof realtime> | undefined)?.engine
  if (typeof engine?.lend !== 'function')
    throw new TriwireError('bad_realtime', 'testNetwork takes what createRealtime has returned.')
  if (taken.has(engine)) {
    const message = 'This server is in a test network already. Await net.close() of that one first, in afterEach.'
    throw new TriwireError('in_use', message)
  }
  // Browsers have it on pages of their own machine; what imitates one may not.
  if (globalThis.crypto?.subtle === undefined) {
    const message =
      "The server needs crypto.subtle, which this test environment hides. Set globalThis.crypto to Node's webcrypto."
    throw new TriwireError('bad_host', message)
  }
  return new MemoryNetwork<Contract<TChannels>>(engine, options)
}

class MemoryNetwork<TContract extends Contract> implements TestNetwork<TContract> {
  readonly #engine: HomeEngine
  readonly #time: Time
  readonly #act: TestNetworkOptions['act']
  readonly #work: Work
  readonly #flights: Flights
  readonly #network: Network
  readonly #random: Random
  readonly #node: RunningNode
  readonly #unorder: () => void
  #giveBack: () => Promise<void>
  readonly #clients: {
    readonly client: Client<TContract>
    readonly network: ClientNetwork
    readonly url: string
  }[] = []
  /** What was done to everybody, for those who come later. */
  readonly #done = new Map<string, (network: NetworkControls) => void>()
  #closing: Promise<void> | undefined

  constructor(engine: HomeEngine, options: TestNetworkOptions) {
    const { seed = 1, act } = options
    this.#engine = engine
    this.#act = act
    this.#time = timeFor(options)
    this.#work = new Work()
    this.#flights = new Flights(this.#time)
    this.#random = new Random(seed, 'network')
    // All of its latency, so that a test knows how long something takes.
    this.#network = new Network(this.#flights, () => 1)
    this.#unorder = orderComputations()
    this.#giveBack = engine.lend({ broker: memory() })
    taken.add(engine)
    this.#node = { site: createSite('server', 0), engine: this.#watched(engine), listening: true }
  }

  client(options: TestClientOptions = {}): TestClient<TContract> {
    this.#checkOpen()
    const { headers = {}, auth, ...rest } = options
    const host = `device-${++devices}.test`
    // A name of its own, so that no verdict about wires reaches another client, or another test.
    const url = `http://${host}/rt`
    const site = createSite(`client${devices}`, 0, { host, ...headers })
    const weather = fairWeather()
    const network = new ClientNetwork(this.#network, site, weather)
    for (const repeat of this.#done.values()) repeat(network)
    const way = { network: this.#network, site, weather, random: this.#random, route: () => this.#node }
    const inner = createClient<TContract>({
      ...rest,
      ...(auth === undefined ? {} : { auth: () => this.#work.during(auth()) }),
      url,
      fetch: createFetch(way, url, this.#random),
      webSocket: createWebSocket(way),
    })
    const { wake, ...client } = waker(inner)
    network.handleClient(wake)
    this.#clients.push({ client, network, url })
    return { ...client, network }
  }

  // ── What is done to everybody ───────────────────────────────────────────────────────────────────────────────

  offline(options?: { readonly silent?: boolean }): void {
    this.#doToAll('offline', (network) => network.offline(options))
  }

  online(): void {
    this.#doToAll('offline', (network) => network.online())
  }

  drop(): void {
    for (const { network } of this.#clients) network.drop()
  }

  latency(ms: number): void {
    this.#doToAll('latency', (network) => network.latency(ms))
  }

  block(wire: WireName, how?: 'refuse' | 'swallow'): void {
    this.#doToAll(`block ${wire}`, (network) => network.block(wire, how))
  }

  unblock(wire?: WireName): void {
    for (const name of this.#done.keys())
      if (wire === undefined ? name.startsWith('block ') : name === `block ${wire}`) this.#done.delete(name)
    for (const { network } of this.#clients) network.unblock(wire)
  }

  #doToAll(name: string, change: (network: NetworkControls) => void): void {
    this.#checkOpen()
    // Tried on nobody first, so that what is wrong with it shows where there is no client yet.
    change(new ClientNetwork(this.#network, createSite('nobody', 0), fairWeather()))
    this.#done.set(name, change)
    for (const { network } of this.#clients) change(network)
  }

  // ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────

  async advance(ms: number): Promise<void> {
    this.#checkOpen()
    this.#time.check()
    await this.#advance(checkMs('advance', ms))
  }

  async settle(): Promise<void> {
    this.#checkOpen()
    this.#time.check()
    await this.#settle()
  }

  async until<TResult>(check: () => TResult, ms: number = 60_000): Promise<Exclude<TResult, false>> {
    this.#checkOpen()
    const time = this.#time
    time.check()
    const end = time.now + checkMs('until', ms)
    await this.#step(() => {})
    for (;;) {
      try {
        const result = check()
        if (result !== false) return result as Exclude<TResult, false>
        if (time.now >= end) throw new TriwireError('deadline', `What was waited for did not come within ${ms} ms.`)
      } catch (error) {
        if (time.now >= end) throw error
      }
      const next = time.passes ? time.now + FRAME_MS : (time.nextAt ?? end)
      await this.#step(() => time.runTo(Math.max(time.now, Math.min(next, end))))
    }
  }

  async restart(): Promise<void> {
    this.#checkOpen()
    const giveBack = this.#giveBack
    const closed = giveBack()
    this.#giveBack = this.#engine.lend({ broker: memory() })
    await closed
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #advance(ms: number): Promise<void> {
    const time = this.#time
    const end = time.now + ms
    await this.#step(() => {})
    for (let next = time.nextAt; next !== undefined && next <= end; next = time.nextAt)
      await this.#step(() => time.runTo(Math.max(time.now, next as number)))
    await this.#step(() => time.runTo(end))
  }

  async #settle(): Promise<void> {
    let news = -1
    for (let arrivals = 0; arrivals < MOST_ARRIVALS; arrivals++) {
      await this.#step(() => {})
      const { nextAt } = this.#flights
      if (nextAt !== undefined) await this.#advance(Math.max(0, nextAt - this.#time.now))
      else if (news === this.#news) return
      else {
        news = this.#news
        await this.#advance(FRAME_MS)
      }
    }
    throw neverSettles()
  }

  /** Something happens, and everything that follows from it at once. */
  async #step(something: () => void | Promise<void>): Promise<void> {
    const act = this.#act
    const step = async (): Promise<void> => {
      await something()
      await this.#hush()
    }
    if (act === undefined) return await step()
    await act(step)
    // Components have rendered when it ended, and may have asked for more.
    await act(() => this.#hush())
  }

  /** Waits until nothing happens any more without time passing. */
  async #hush(): Promise<void> {
    for (let quiet = 0, busy = 0; quiet < QUIET_TURNS; ) {
      const news = this.#news
      await this.#time.turn()
      const isNews = this.#time.due || news !== this.#news
      if (isNews && ++busy > MOST_NEWS) throw neverSettles()
      quiet = this.#work.wait() || isComputing() || isNews ? 0 : quiet + 1
    }
  }

  get #news(): number {
    return this.#flights.landed + this.#work.done
  }

  // ── Its parts ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The engine, with an eye on what it is doing: `settle` waits for it. */
  #watched(engine: Engine): RunningNode['engine'] {
    const work = this.#work
    return {
      handle: (exchange) => work.during(engine.handle(exchange)),
      upgradeStatus: (head) => engine.upgradeStatus(head),
      acceptSocket: (sink, head) => {
        const socket = engine.acceptSocket(sink, head)
        return {
          handleText: (text) => void work.during(socket.handleText(text)),
          handleDrain: () => socket.handleDrain(),
          handleAlive: () => socket.handleAlive(),
          handleClosed: () => socket.handleClosed(),
        }
      },
    }
  }

  async #close(): Promise<void> {
    const time = this.#time
    for (const { client, url } of this.#clients) {
      client.close()
      forget(url)
    }
    try {
      // Goodbyes, and whoever still shows something. Whoever has replaced the timers meanwhile keeps them; this is ours.
      await this.#advance(time.passes ? 2 * FRAME_MS : LINGER_MS)
    } catch {
      // Something of the app goes on and on: it ends here.
    }
    this.#flights.ground()
    taken.delete(this.#engine)
    try {
      await this.#giveBack()
    } finally {
      this.#unorder()
      time.stop()
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined)
      throw new TriwireError('closed', 'This test network is closed. Make a new one for each test, in beforeEach.')
  }
}

function timeFor({ time, now = Date.now(), seed = 1 }: TestNetworkOptions): Time {
  if (time === 'real') return new RealTime()
  if (time !== undefined)
    throw new TriwireError('bad_time', `\`time\` is "real" or left out, not "${String(time)}".`)
  const clock = fakeClock()
  if (clock !== undefined) return new FakedTime(clock)
  if (!Number.isFinite(Number(now)))
    throw new TriwireError('bad_time', '`now` is a Date, or milliseconds since 1970.')
  return new VirtualTime(Number(now), seed)
}

function neverSettles(): TriwireError {
  return new TriwireError(
    'never_settles',
    'Something is sent or asked for again at once, without end. Give it a pause, or the network a latency and advance(ms).',
  )
}

/** Removes what a client has written down about its wires. */
function forget(url: string): void {
  try {
    globalThis.localStorage.removeItem(`triwire ${url}`)
  } catch {
    // There is no such place here.
  }
}
