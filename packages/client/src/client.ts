/**
 * `createClient`: the driver around the session. It feeds the session and the link, does what they ask, and sets one
 * timer. What decides lives in those two; what waits or connects lives here and in the wires.
 */
import {
  type BackoffOptions,
  type Contract,
  type Delivery,
  formatAddress,
  type Params,
  Session,
  TriwireError,
  type WireName,
} from '@triwire/protocol'
import { createHandle } from './channel-handle.ts'
import { ChannelStore } from './channel-store.ts'
import type { ChannelHandle, ConnectionState, Observer, ReferencesOf } from './channel-types.ts'
import { createNamed } from './command-functions.ts'
import { Connection } from './connection.ts'
import { Link } from './link.ts'
import { openPolling } from './polling-wire.ts'
import { toTriwireError } from './requests.ts'
import { openSse } from './sse-wire.ts'
import { watchWaking } from './waking.ts'
import { openWebSocket } from './websocket-wire.ts'
import type { WebSocketConstructor, Wire, WireFactories, WireListener, WireSource } from './wire.ts'

/** What a client is made of. */
export interface ClientOptions {
  /** Where the server is mounted: `/rt`, or an absolute URL outside browsers and for other origins. */
  readonly url: string
  /** The token for `hello`. Asked again when the server no longer accepts it. Cookies travel by themselves. */
  readonly auth?: () => string | null | undefined | Promise<string | null | undefined>
  /** Wires that may be used, best first. Default `['websocket', 'sse', 'polling']`. */
  readonly wires?: readonly WireName[]
  /** Waiting between attempts. Default: full jitter, 0.5 to 20 s. */
  readonly backoff?: BackoffOptions
  /** Default: the host's own. */
  readonly fetch?: typeof fetch
  /** Default: the host's own; without one, as in Node 20, WebSocket is left out. `ws` fits. */
  readonly webSocket?: WebSocketConstructor
}

/** A client: one session with one server. */
export interface Client<TContract extends Contract> {
  /** Channels by the keys of the contract: `client.channels.chat({ roomId })`. */
  readonly channels: ReferencesOf<TContract>
  readonly connection: Observer<ConnectionState>
  /** Changes which wires may be used, from now on; undefined restores those of the options. */
  setWires(wires: readonly WireName[] | undefined): void
  /** Ends the session. What is pending rejects with `closed`; nothing can be asked of this client afterwards. */
  close(): void
}

const FACTORIES: WireFactories = { websocket: openWebSocket, sse: openSse, polling: openPolling }

const NEVER = Number.POSITIVE_INFINITY

/** Milliseconds between pings: often enough for a round-trip time worth showing. */
const PING_MS = 15_000
/** Milliseconds an answered ping may take before a WebSocket counts as dead. */
const PONG_MS = 10_000

/** Makes a client. Nothing is opened before something is asked of it. */
export function createClient<TContract extends Contract>(options: ClientOptions): Client<TContract> {
  const driver = new Driver(options)
  clients.add(driver)
  const references = createNamed((key) => (params?: Params) => driver.handleOf(formatAddress(key, params)))
  return {
    channels: references as unknown as ReferencesOf<TContract>,
    connection: driver.connection,
    setWires: (wires) => driver.setWires(wires),
    close: () => driver.close(),
  }
}

/** The first client that was created and is not closed: the one hooks show where no provider names another. */
export function defaultClient(): { readonly connection: Observer<ConnectionState> } | undefined {
  return clients.values().next().value
}

const clients = new Set<Driver>()

/** A wire, wanted or there. */
interface Attempt {
  readonly number: number
  wire?: Wire
  /** Lines may be written. */
  ready: boolean
  /** Infinity before the welcome. */
  nextPingAt: number
  /** Milliseconds of silence that mean a dead wire; polls have a time-out of their own. */
  patienceMs: number
}

interface Promised {
  readonly store: ChannelStore
  readonly resolve: (value: unknown) => void
  readonly reject: (error: TriwireError) => void
}

class Driver {
  readonly session: Session = new Session({ id: randomId() }, Date.now())
  readonly connection: Observer<ConnectionState>
  readonly #options: ClientOptions
  readonly #webSocket: WebSocketConstructor | undefined
  readonly #link: Link
  readonly #connection: Connection
  readonly #channels = new Map<string, { readonly store: ChannelStore; readonly handle: ChannelHandle }>()
  readonly #promised = new Map<string, Promised>()
  readonly #unwatch: () => void
  #attempt: Attempt | undefined
  #token: string | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #pumping = false

  constructor(options: ClientOptions) {
    this.#options = options
    this.#webSocket = options.webSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket
    this.#link = new Link({ wires: this.#wires(), backoff: options.backoff, random: Math.random })
    this.#connection = new Connection(this.#link)
    this.connection = this.#connection.observer
    this.#unwatch = watchWaking(() => {
      this.#link.handleAwake(Date.now())
      this.pump()
    })
  }

  // ── For handles and stores ──────────────────────────────────────────────────────────────────────────────────

  handleOf(address: string): ChannelHandle {
    let channel = this.#channels.get(address)
    if (channel === undefined) {
      const store = new ChannelStore(address, this)
      channel = { store, handle: createHandle(store, this) }
      this.#channels.set(address, channel)
    }
    return channel.handle
  }

  promise(store: ChannelStore, ask: (now: number) => string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#promised.set(ask(Date.now()), { store, resolve, reject })
      store.countPending(1)
      this.pump()
    })
  }

  /** Something was asked of the session. What is asked in one tick travels together. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    queueMicrotask(() => {
      this.#pumping = false
      this.#run()
    })
  }

  setWires(wires: readonly WireName[] | undefined): void {
    this.#link.setWires(this.#wires(wires), Date.now())
    this.pump()
  }

  close(): void {
    clients.delete(this)
    this.#unwatch()
    if (this.#link.state.name === 'closed') return
    for (const address of this.#channels.keys()) this.session.setPresence(address, undefined)
    this.#write(Date.now())
    this.#link.close()
    this.#run()
  }

  #wires(wires = this.#options.wires ?? (Object.keys(FACTORIES) as WireName[])): readonly WireName[] {
    return wires.filter((wire) => wire !== 'websocket' || this.#webSocket !== undefined)
  }

  // ── The loop ────────────────────────────────────────────────────────────────────────────────────────────────

  #run(): void {
    const now = Date.now()
    this.session.handleTimeout(now)
    this.#link.handleTimeout(now)
    this.#deliver(now)
    if (this.session.active) this.#link.handleWanted(now)
    else this.#link.handleUnwanted()
    this.#align(now)
    this.#write(now)
    const { state } = this.#link
    if (state.name === 'closed') {
      this.session.handleClosed(state.error ?? new TriwireError('closed', 'The client is closed. Make a new one.'))
      this.#deliver(now)
    }
    this.#connection.handleChange(now)
    this.#setTimer(now)
  }

  /** Opens and closes wires until the link has the one it wants. */
  #align(now: number): void {
    const { wire, attempt: number } = this.#link
    if (this.#attempt && !(wire && this.#attempt.number === number)) {
      this.#attempt.wire?.close()
      this.#attempt = undefined
      this.session.handleDetached()
      this.#deliver(now)
    }
    if (!wire || this.#attempt) return
    this.#attempt = { number, ready: false, nextPingAt: NEVER, patienceMs: NEVER }
    void this.#open(wire, this.#attempt)
  }

  async #open(name: WireName, attempt: Attempt): Promise<void> {
    const listener = this.#listenerOf(attempt)
    const { url, auth } = this.#options
    const base = globalThis.location?.href
    try {
      if (!URL.canParse(url, base))
        throw new TriwireError('bad_url', `"${url}" needs a page. Pass an absolute URL.`)
      this.#token ??= (await auth?.()) ?? undefined
      if (this.#attempt !== attempt) return
      attempt.wire = FACTORIES[name]({
        url: new URL(url, base).href.replace(/\/+$/, ''),
        source: this.#source,
        listener,
        fetch: this.#options.fetch ?? ((input, init) => fetch(input, init)),
        webSocket: this.#webSocket,
      })
    } catch (error) {
      listener.handleClosed(toTriwireError(error))
    }
  }

  #listenerOf(attempt: Attempt): WireListener {
    const ifCurrent = (handle: (now: number) => void): void => {
      if (this.#attempt !== attempt) return
      handle(Date.now())
      // At once rather than in a microtask: what is delivered now is answered now.
      this.#run()
    }
    return {
      handleReady: () =>
        ifCurrent(() => {
          attempt.ready = true
        }),
      handleText: (text, apart) =>
        ifCurrent((now) => {
          if (!apart && attempt.nextPingAt < NEVER) this.#link.handleAlive(now, attempt.patienceMs)
          this.session.handleBatch(text, now)
        }),
      handleClosed: (error) => ifCurrent((now) => this.#fail(error, now)),
    }
  }

  #fail(error: TriwireError, now: number): void {
    if (error.code === 'unauthorized') this.#token = undefined
    this.#link.handleClosed(error, now)
  }

  readonly #source: WireSource = {
    opening: (waitMs) => [this.session.takeHello(this.#token, waitMs), ...this.session.takeOpening()].join('\n'),
    hello: () => this.session.takeHello(this.#token),
    changes: () => this.session.takeChanges(),
  }

  #write(now: number): void {
    const attempt = this.#attempt
    if (!attempt?.wire) return
    // What is published together with a join comes after it; on the HTTP wires they travel apart.
    attempt.ready ||= attempt.nextPingAt < NEVER && !this.session.joining
    if (!attempt.ready) return
    if (attempt.nextPingAt <= now) {
      attempt.nextPingAt = now + PING_MS
      this.session.ping(now)
    }
    if (this.session.hasChanges) attempt.wire.change()
    const lines = this.session.takeLines(now)
    if (lines.length > 0) attempt.wire.send(lines)
  }

  #setTimer(now: number): void {
    clearTimeout(this.#timer)
    const pingAt = this.#attempt?.ready ? this.#attempt.nextPingAt : NEVER
    const next = Math.min(this.#link.deadline(), this.session.deadline(now), pingAt)
    if (next < NEVER) this.#timer = setTimeout(() => this.#run(), Math.max(1, next - now))
  }

  // ── Deliveries ──────────────────────────────────────────────────────────────────────────────────────────────

  #deliver(now: number): void {
    for (const delivery of this.session.takeDeliveries()) this.#handleDelivery(delivery, now)
  }

  #handleDelivery(delivery: Delivery, now: number): void {
    const attempt = this.#attempt
    switch (delivery.type) {
      case 'welcome': {
        const { wire } = this.#link
        if (!attempt || !wire) return
        if (attempt.nextPingAt === NEVER) attempt.nextPingAt = now
        attempt.patienceMs = { websocket: PING_MS + PONG_MS, sse: delivery.heartbeatMs * 1.5, polling: NEVER }[wire]
        this.#link.handleAlive(now, attempt.patienceMs)
        return
      }
      case 'pong':
        this.#connection.handleRtt(delivery.rttMs)
        return
      case 'bye':
        this.#fail(delivery.error, now)
        return
      case 'settled':
        this.#settle(delivery.key)?.resolve(delivery.data)
        return
      case 'failed':
        this.#settle(delivery.key)?.reject(delivery.error)
        return
      default:
        this.#channels.get(delivery.channel)?.store.handleDelivery(delivery)
    }
  }

  #settle(key: string): Promised | undefined {
    const promised = this.#promised.get(key)
    this.#promised.delete(key)
    promised?.store.countPending(-1)
    return promised
  }
}

/** 128 random bits as 22 characters of base64url. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .slice(0, 22)
}
