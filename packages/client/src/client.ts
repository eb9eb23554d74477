/**
 * `createClient`: the driver around the session. It feeds the session and the link, does what they ask, and sets one
 * timer. What decides lives in those two; what waits or connects lives here and in the wires.
 */
import {
  type BackoffOptions,
  type Contract,
  type Delivery,
  formatAddress,
  HEARTBEAT_MS,
  type Params,
  Session,
  TriwireError,
  type WireName,
} from '@triwire/protocol'
import { createHandle } from './channel-handle.ts'
import { ChannelStore } from './channel-store.ts'
import type { ChannelHandle, ConnectionState, Observer, ReferencesOf } from './channel-types.ts'
import { Connection } from './connection.ts'
import { Link } from './link.ts'
import { openPolling } from './polling-wire.ts'
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

const DEFAULT_WIRES: readonly WireName[] = ['websocket', 'sse', 'polling']
const FACTORIES: WireFactories = { websocket: openWebSocket, sse: openSse, polling: openPolling }

/** Milliseconds between pings: often enough for a round-trip time worth showing. */
const PING_MS = 15_000
/** Milliseconds an answered ping may take before a WebSocket counts as dead. */
const PONG_MS = 10_000

/** Makes a client. Nothing is opened before something is asked of it. */
export function createClient<TContract extends Contract>(options: ClientOptions): Client<TContract> {
  const driver = new Driver(options)
  clients.add(driver)
  const references = new Proxy(Object.create(null) as Record<string, (params?: Params) => ChannelHandle>, {
    get(made, key) {
      if (typeof key !== 'string' || key === 'then') return undefined
      made[key] ??= (params) => driver.handleOf(formatAddress(key, params))
      return made[key]
    },
  })
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

interface Attempt {
  readonly number: number
  readonly name: WireName
  wire: Wire | undefined
  /** Lines may be written. */
  ready: boolean
  welcomed: boolean
  lastTextAt: number
  nextPingAt: number
  /** What the server said before it closed. */
  farewell: TriwireError | undefined
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
  readonly #link: Link
  readonly #connection: Connection
  readonly #stores = new Map<string, ChannelStore>()
  readonly #handles = new Map<string, ChannelHandle>()
  readonly #promised = new Map<string, Promised>()
  readonly #unwatch: () => void
  #attempt: Attempt | undefined
  #token: string | undefined
  #heartbeatMs = HEARTBEAT_MS
  #timer: ReturnType<typeof setTimeout> | undefined
  #pumping = false

  constructor(options: ClientOptions) {
    this.#options = options
    this.#link = new Link({ wires: this.#wires(undefined), backoff: options.backoff, random: Math.random })
    this.#connection = new Connection(this.#link)
    this.connection = this.#connection.observer
    this.#unwatch = watchWaking(() => {
      this.#link.handleAwake(Date.now())
      this.pump()
    })
  }

  // ── For handles and stores ──────────────────────────────────────────────────────────────────────────────────

  handleOf(address: string): ChannelHandle {
    let handle = this.#handles.get(address)
    if (handle === undefined) {
      handle = createHandle(address, this)
      this.#handles.set(address, handle)
    }
    return handle
  }

  storeOf(address: string): ChannelStore {
    let store = this.#stores.get(address)
    if (store === undefined) {
      store = new ChannelStore(address, this)
      this.#stores.set(address, store)
    }
    return store
  }

  publish(address: string, event: string, data: unknown): Promise<void> {
    return this.#promise(address, (now) => this.session.publish(address, event, data, now)) as Promise<void>
  }

  command(address: string, name: string, input: unknown): Promise<unknown> {
    return this.#promise(address, (now) => this.session.command(address, name, input, now))
  }

  signal(address: string, signal: string, data: unknown, key: string | undefined): void {
    this.session.signal(address, signal, data, key)
    this.pump()
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
    for (const address of this.#stores.keys()) this.session.clearPresence(address)
    this.#write(Date.now())
    this.#link.close()
    this.#run()
  }

  #wires(wires: readonly WireName[] | undefined): readonly WireName[] {
    const wanted = wires ?? this.#options.wires ?? DEFAULT_WIRES
    return this.#webSocket() === undefined ? wanted.filter((wire) => wire !== 'websocket') : wanted
  }

  #webSocket(): WebSocketConstructor | undefined {
    return this.#options.webSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket
  }

  #promise(address: string, ask: (now: number) => string): Promise<unknown> {
    const store = this.storeOf(address)
    return new Promise((resolve, reject) => {
      const { state } = this.#link
      if (state.name === 'closed') throw closedError(state.error)
      this.#promised.set(ask(Date.now()), { store, resolve, reject })
      store.countPending(1)
      this.pump()
    })
  }

  // ── The loop ────────────────────────────────────────────────────────────────────────────────────────────────

  #run(): void {
    const now = Date.now()
    this.session.handleTimeout(now)
    this.#link.handleTimeout(now)
    this.#checkSilence(now)
    this.#deliver(now)
    if (this.session.active) this.#link.handleWanted(now)
    else this.#link.handleUnwanted()
    this.#align(now)
    this.#write(now)
    this.#connection.handleChange(now)
    const { state } = this.#link
    if (state.name === 'closed') this.#finish(state.error)
    else this.#setTimer(now)
  }

  /** Opens and closes wires until the link has the one it wants. */
  #align(now: number): void {
    const { state, attempt: number } = this.#link
    const wanted = state.name === 'opening' || state.name === 'open' ? state.wire : undefined
    if (this.#attempt !== undefined && (wanted === undefined || this.#attempt.number !== number)) {
      this.#attempt.wire?.close()
      this.#attempt = undefined
      this.session.handleDetached()
      this.#deliver(now)
    }
    if (wanted === undefined || this.#attempt !== undefined) return
    const attempt: Attempt = {
      number,
      name: wanted,
      wire: undefined,
      ready: false,
      welcomed: false,
      lastTextAt: now,
      nextPingAt: Number.POSITIVE_INFINITY,
      farewell: undefined,
    }
    this.#attempt = attempt
    void this.#open(attempt)
  }

  async #open(attempt: Attempt): Promise<void> {
    const listener = this.#listenerOf(attempt)
    try {
      this.#token ??= (await this.#options.auth?.()) ?? undefined
      if (this.#attempt !== attempt) return
      attempt.wire = FACTORIES[attempt.name]({
        url: this.#url(),
        source: this.#source,
        listener,
        fetch: this.#options.fetch ?? ((input, init) => fetch(input, init)),
        webSocket: this.#webSocket(),
      })
    } catch (error) {
      listener.handleClosed('network', error instanceof Error ? error.message : String(error))
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
          if (apart !== true) attempt.lastTextAt = now
          this.session.handleBatch(text, now)
        }),
      handleClosed: (code, message, retryMs) =>
        ifCurrent((now) => {
          const error =
            (code === 'network' ? attempt.farewell : undefined) ?? new TriwireError(code, message, { retryMs })
          if (error.code === 'unauthorized') this.#token = undefined
          this.#link.handleClosed(error, now)
        }),
    }
  }

  readonly #source: WireSource = {
    opening: (waitMs) => {
      const hello = this.session.takeHello({ token: this.#token, waitMs })
      return [hello, ...this.session.takeOpening()].join('\n')
    },
    hello: () => this.session.takeHello({ token: this.#token }),
    changes: () => this.session.takeChanges(),
  }

  #write(now: number): void {
    const attempt = this.#attempt
    if (attempt?.wire === undefined) return
    // What is published together with a join comes after it; on the HTTP wires they travel apart.
    attempt.ready ||= attempt.welcomed && !this.session.joining
    if (!attempt.ready) return
    if (attempt.nextPingAt <= now) {
      attempt.nextPingAt = now + PING_MS
      this.session.ping(now)
    }
    if (this.session.hasChanges) attempt.wire.change()
    const lines = this.session.takeLines(now)
    if (lines.length > 0) attempt.wire.send(lines)
  }

  #checkSilence(now: number): void {
    const attempt = this.#attempt
    const patience = attempt === undefined ? undefined : this.#patienceMs(attempt)
    if (attempt === undefined || patience === undefined || now - attempt.lastTextAt < patience) return
    this.#link.handleClosed(new TriwireError('silence', 'The connection fell silent.', { retryMs: 0 }), now)
  }

  /** Milliseconds of silence that mean a dead wire; polls have a time-out of their own. */
  #patienceMs({ name, welcomed }: Attempt): number | undefined {
    if (!welcomed || name === 'polling') return undefined
    return name === 'websocket' ? PING_MS + PONG_MS : this.#heartbeatMs * 1.5
  }

  #setTimer(now: number): void {
    clearTimeout(this.#timer)
    const attempt = this.#attempt
    const patience = attempt === undefined ? undefined : this.#patienceMs(attempt)
    const next = Math.min(
      this.#link.deadline() ?? Number.POSITIVE_INFINITY,
      this.session.deadline(now),
      attempt?.nextPingAt ?? Number.POSITIVE_INFINITY,
      attempt === undefined || patience === undefined ? Number.POSITIVE_INFINITY : attempt.lastTextAt + patience,
    )
    if (next === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => this.#run(), Math.max(1, next - now))
  }

  #url(): string {
    const base = typeof location === 'undefined' ? undefined : location.href
    if (!URL.canParse(this.#options.url, base)) {
      throw new TriwireError(
        'bad_url',
        `"${this.#options.url}" needs a page to be relative to. Pass an absolute URL.`,
      )
    }
    return new URL(this.#options.url, base).href.replace(/\/+$/, '')
  }

  // ── Deliveries ──────────────────────────────────────────────────────────────────────────────────────────────

  #deliver(now: number): void {
    for (const delivery of this.session.takeDeliveries()) this.#handleDelivery(delivery, now)
  }

  #handleDelivery(delivery: Delivery, now: number): void {
    switch (delivery.type) {
      case 'welcome':
        this.#heartbeatMs = delivery.heartbeatMs
        if (this.#attempt === undefined) return
        if (!this.#attempt.welcomed) this.#attempt.nextPingAt = now
        this.#attempt.welcomed = true
        this.#link.handleWelcome(now)
        return
      case 'pong':
        this.#connection.handleRtt(delivery.rttMs)
        return
      case 'bye':
        if (this.#attempt !== undefined) this.#attempt.farewell = delivery.error
        return
      case 'settled':
        this.#settle(delivery.key)?.resolve(delivery.data)
        return
      case 'failed':
        this.#settle(delivery.key)?.reject(delivery.error)
        return
      case 'refused':
        this.#stores.get(delivery.channel ?? '')?.handleRefused(delivery.of, delivery.error)
        return
      default:
        // A handler may have closed the client in the middle of a batch.
        if (this.#link.state.name !== 'closed') this.#stores.get(delivery.channel)?.handleDelivery(delivery)
    }
  }

  #settle(key: string): Promised | undefined {
    const promised = this.#promised.get(key)
    this.#promised.delete(key)
    promised?.store.countPending(-1)
    return promised
  }

  #finish(error: TriwireError | undefined): void {
    clearTimeout(this.#timer)
    const reason = closedError(error)
    for (const key of [...this.#promised.keys()]) this.#settle(key)?.reject(reason)
    for (const store of this.#stores.values())
      store.handleDelivery({ type: 'ended', channel: store.address, error: reason })
    this.#connection.close()
  }
}

function closedError(error: TriwireError | undefined): TriwireError {
  return error ?? new TriwireError('closed', 'The client is closed. Make a new one.')
}

/** 128 random bits as 22 characters of base64url. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .slice(0, 22)
}
