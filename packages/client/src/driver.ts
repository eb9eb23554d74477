/**
 * The driver around a session: it feeds the session and the link, does what they ask, and sets one timer. What decides
 * lives in those two; what waits or connects lives here and in the wires.
 */
import { type Delivery, Session, TriwireError, type WireName } from '@triwire/protocol'
import type { ChannelSnapshot } from './channel-types.ts'
import type { ClientOptions } from './client-options.ts'
import { Connection } from './connection.ts'
import { Link } from './link.ts'
import type { Attempt } from './link-state.ts'
import { openPolling } from './polling-wire.ts'
import { toTriwireError } from './requests.ts'
import { fetchSnapshot } from './snapshot.ts'
import { openSse } from './sse-wire.ts'
import { browserStore } from './verdict-store.ts'
import { Verdicts } from './verdicts.ts'
import { watchWaking } from './waking.ts'
import { openWebSocket } from './websocket-wire.ts'
import type { WebSocketConstructor, Wire, WireFactories, WireFactory, WireListener } from './wire.ts'

const FACTORIES: WireFactories = { websocket: openWebSocket, sse: openSse, polling: openPolling }

const NEVER = Number.POSITIVE_INFINITY

/** Milliseconds between pings: often enough for a round-trip time worth showing. */
const PING_MS = 15_000
/** Milliseconds until the first ping over HTTP: the connection that is open already is for the next poll. */
const FIRST_PING_MS = 1000
/** Milliseconds an answered ping may take before a WebSocket counts as dead. */
const PONG_MS = 10_000

/** What tabs that share a wire change of a driver. */
export interface DriverParts {
  /** Opens every wire, whatever its name. */
  readonly open?: WireFactory
  /**
   * Is told of each batch, after the session has handled it and its deliveries are out.
   * @param replaced whether it came over a wire that is on its way out
   */
  readonly handleText?: (text: string, replaced: boolean) => void
}

/** An attempt of the link with its wire. */
interface Pipe {
  readonly attempt: Attempt
  wire?: Wire
  /** Lines may be written. */
  ready: boolean
  /** How many joins and presence values the session had said when it was opened. */
  joins: number
  nextPingAt: number
  /** Milliseconds of silence that mean a dead wire; polls have a time-out of their own. */
  patienceMs: number
}

/** The driver. */
export class Driver {
  readonly session: Session = new Session({ id: randomId() }, Date.now())
  readonly connection: Connection
  readonly #options: ClientOptions
  readonly #parts: DriverParts
  readonly #handleDelivery: (delivery: Delivery) => void
  readonly #webSocket: WebSocketConstructor | undefined
  readonly #link: Link
  readonly #pipes = new Map<Attempt, Pipe>()
  readonly #unwatch: () => void
  /** The one that lines were written to last. */
  #writer: Pipe | undefined
  /** The one that all channels are joined on, or are being joined. */
  #carrier: Pipe | undefined
  #token: string | undefined
  #asking: Promise<string | null | undefined> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #pumping = false

  /** @param handleDelivery is told what the connection itself has no use for */
  constructor(options: ClientOptions, handleDelivery: (delivery: Delivery) => void, parts: DriverParts = {}) {
    this.#options = options
    this.#parts = parts
    this.#handleDelivery = handleDelivery
    this.#webSocket = options.webSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket
    this.#link = new Link({
      wires: this.#wires(),
      // What becomes of wires that are no real ones says nothing about those.
      verdicts: new Verdicts(browserStore(parts.open ? '' : options.url)),
      backoff: options.backoff,
      random: Math.random,
    })
    this.connection = new Connection(this.#link)
    this.#unwatch = watchWaking(() => this.#wake(Date.now()))
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

  /** A channel's snapshot, by a request of its own: no wire is opened. */
  async snapshot(address: string): Promise<ChannelSnapshot<unknown>> {
    if (this.#token === undefined) await this.#fetchToken()
    try {
      return await fetchSnapshot({
        url: this.#url(),
        fetch: this.#fetch,
        // Another session than that of the wires: a session has one poll.
        session: randomId(),
        token: this.#token,
        address,
      })
    } catch (error) {
      if ((error as TriwireError).code === 'unauthorized') this.#token = undefined
      throw error
    }
  }

  /** Ends it; what the session still has to say is said. */
  close(): void {
    this.#unwatch()
    if (this.#link.state.name === 'closed') return
    this.#part(Date.now())
    this.#link.close()
    this.#run()
  }

  #wires(wires = this.#options.wires ?? (Object.keys(FACTORIES) as WireName[])): readonly WireName[] {
    return wires.filter((wire) => wire !== 'websocket' || this.#webSocket !== undefined)
  }

  // ── The loop ────────────────────────────────────────────────────────────────────────────────────────────────

  #run(): void {
    const { session } = this
    const link = this.#link
    const now = Date.now()
    session.handleTimeout(now)
    link.handleTimeout(now)
    this.#deliver(now)
    if (session.active) link.handleWanted(now)
    else {
      this.#part(now)
      link.handleUnwanted()
    }
    if (this.#carrier?.attempt === link.carrier && !session.joining && !session.hasChanges) link.handleJoined(now)
    this.#align(now)
    this.#join()
    this.#write(now)
    const { state } = link
    if (state.name === 'closed') {
      session.handleClosed(state.error ?? new TriwireError('closed', 'The client is closed. Make a new one.'))
      this.#deliver(now)
    }
    this.connection.handleChange(now)
    this.#setTimer(now)
  }

  /** Ends the wire in use with what is left to say. */
  #part(now: number): void {
    const { main } = this.#link
    const pipe = main && this.#pipes.get(main)
    if (!pipe?.ready) return
    this.#pipes.delete(pipe.attempt)
    pipe.wire?.close(this.session.takeLines(now))
  }

  /** Opens and closes wires until there are those that the link wants. */
  #align(now: number): void {
    const { attempts } = this.#link
    const writer = this.#writer
    for (const [attempt, { wire }] of this.#pipes) {
      if (attempts.includes(attempt)) continue
      wire?.close()
      this.#pipes.delete(attempt)
    }
    if (this.#carrier && !this.#pipes.has(this.#carrier.attempt)) this.#carrier = undefined
    if (writer && !this.#pipes.has(writer.attempt)) {
      this.#writer = undefined
      if (this.#carrier || writer.attempt.since === undefined) this.session.handleMoved()
      else {
        this.session.handleDetached()
        this.#deliver(now)
      }
    }
    for (const attempt of attempts) {
      if (this.#pipes.has(attempt)) continue
      const pipe: Pipe = { attempt, ready: false, joins: 0, nextPingAt: now, patienceMs: NEVER }
      this.#pipes.set(attempt, pipe)
      void this.#open(pipe)
    }
  }

  /** Has the channels where they belong: a wire that takes over joins them all. */
  #join(): void {
    const { carrier } = this.#link
    const pipe = carrier && this.#pipes.get(carrier)
    if (pipe?.wire === undefined) return
    if (this.#carrier !== pipe) {
      this.#carrier = pipe
      this.session.handleRejoin()
    }
    if (this.session.hasChanges) pipe.wire.change()
  }

  #write(now: number): void {
    const { main } = this.#link
    const pipe = main && this.#pipes.get(main)
    if (pipe?.wire === undefined) return
    const welcomed = pipe.attempt.since !== undefined
    // What is published together with a join comes after it; on the HTTP wires they travel apart.
    pipe.ready ||= welcomed && !this.session.joining
    if (!pipe.ready) return
    this.#writer = pipe
    if (welcomed && pipe.nextPingAt <= now) {
      pipe.nextPingAt = now + PING_MS
      this.session.ping(now)
    }
    const lines = this.session.takeLines(now)
    if (lines.length === 0) return
    // A dead WebSocket takes whatever is written to it; a request would fail by itself.
    const hangs = pipe.attempt.wire === 'websocket' && this.session.pending > 0
    if (hangs && this.#link.handleDoubt(now)) {
      this.session.ping(now)
      lines.push(...this.session.takeLines(now))
    }
    pipe.wire.send(lines)
  }

  #setTimer(now: number): void {
    clearTimeout(this.#timer)
    const { main } = this.#link
    const pipe = main && this.#pipes.get(main)
    const pingAt = pipe?.ready && main?.since !== undefined ? pipe.nextPingAt : NEVER
    const next = Math.min(this.#link.deadline(), this.session.deadline(now, pipe?.ready === true), pingAt)
    if (next < NEVER) this.#timer = setTimeout(() => this.#run(), Math.max(1, next - now))
  }

  /** The device or the page is back, perhaps after hours: whatever is overdue is due now. */
  #wake(now: number): void {
    const { main } = this.#link
    const pipe = main && this.#pipes.get(main)
    if (this.#link.handleAwake(now) && pipe) this.#ask(pipe, now)
    this.#run()
  }

  /** Asks for a sign of life. */
  #ask(pipe: Pipe, now: number): void {
    if (pipe.attempt.wire === 'websocket') pipe.nextPingAt = now
    else pipe.wire?.change()
  }

  // ── Wires ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #open(pipe: Pipe): Promise<void> {
    const listener = this.#listenerOf(pipe)
    try {
      const url = this.#url()
      if (this.#token === undefined) await this.#fetchToken()
      if (!this.#pipes.has(pipe.attempt)) return
      this.#link.handleStarted(pipe.attempt, Date.now())
      const open = this.#parts.open ?? FACTORIES[pipe.attempt.wire]
      pipe.wire = open({
        url,
        source: {
          opening: (waitMs) => this.#openingOf(pipe, waitMs),
          hello: () => this.session.takeHello(this.#token),
          changes: () => this.session.takeChanges(),
        },
        listener,
        fetch: this.#fetch,
        webSocket: this.#webSocket,
      })
    } catch (error) {
      listener.handleClosed(toTriwireError(error))
    }
    this.#setTimer(Date.now())
  }

  /** The address of the server, without a slash at its end. */
  #url(): string {
    const { url } = this.#options
    const base = globalThis.location?.href
    if (!URL.canParse(url, base)) throw new TriwireError('bad_url', `"${url}" needs a page. Pass an absolute URL.`)
    return new URL(url, base).href.replace(/\/+$/, '')
  }

  get #fetch(): typeof fetch {
    return this.#options.fetch ?? ((input, init) => fetch(input, init))
  }

  /** Several that need a token share one question. The token before is used until there is another one. */
  async #fetchToken(): Promise<void> {
    this.#asking ??= Promise.resolve(this.#options.auth?.())
    const asking = this.#asking
    try {
      this.#token = (await asking) ?? undefined
    } finally {
      if (this.#asking === asking) this.#asking = undefined
    }
  }

  #openingOf(pipe: Pipe, waitMs: number | undefined): string {
    const hello = this.session.takeHello(this.#token, waitMs)
    const { attempt } = pipe
    // Another wire has the channels, or is about to: to join them here too would take them back. So would a wire that was
    // let go and does not know yet.
    if (!this.#pipes.has(attempt) || (this.#carrier ? this.#carrier !== pipe : attempt.bare)) return hello
    const joins = this.session.takeOpening(attempt.since === undefined)
    pipe.joins = this.session.joins
    return [hello, ...joins].join('\n')
  }

  #listenerOf(pipe: Pipe): WireListener {
    const ifOpen = (handle: (now: number) => void): void => {
      if (!this.#pipes.has(pipe.attempt)) return
      handle(Date.now())
      // At once rather than in a microtask: what is delivered now is answered now.
      this.#run()
    }
    return {
      handleReady: () =>
        ifOpen(() => {
          pipe.ready = true
        }),
      handleText: (text, apart) =>
        ifOpen((now) => {
          const { attempt } = pipe
          if (!apart && attempt.since !== undefined) this.#link.handleAlive(attempt, now, pipe.patienceMs)
          const replaced = this.#carrier !== undefined && this.#carrier !== pipe
          this.session.handleBatch(text, now, replaced)
          this.#deliver(now, pipe, apart)
          this.#parts.handleText?.(text, replaced)
        }),
      handleClosed: (error) => ifOpen((now) => this.#fail(pipe, error, now)),
    }
  }

  #fail(pipe: Pipe, error: TriwireError, now: number): void {
    if (error.code === 'unauthorized') this.#token = undefined
    this.#asking = undefined
    this.#link.handleClosed(pipe.attempt, error, now)
  }

  // ── Deliveries ──────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * @param pipe that the batch came from
   * @param apart as the answer to a request of its own, which says nothing about the stream beside it
   */
  #deliver(now: number, pipe?: Pipe, apart = false): void {
    for (const delivery of this.session.takeDeliveries()) {
      switch (delivery.type) {
        case 'welcome':
          if (pipe && !apart) this.#handleWelcome(pipe, delivery.heartbeatMs, now)
          break
        case 'pong':
          this.#link.handleRtt(delivery.rttMs)
          this.connection.handleRtt(delivery.rttMs)
          break
        case 'expires':
          if (pipe) void this.#renew(pipe)
          break
        case 'bye':
          if (!pipe) break
          if (delivery.leavingMs === undefined) this.#fail(pipe, delivery.error, now)
          else this.#link.handleLeaving(pipe.attempt, delivery.error, now)
          break
        default:
          this.#handleDelivery(delivery)
      }
    }
  }

  #handleWelcome(pipe: Pipe, heartbeatMs: number, now: number): void {
    const { attempt } = pipe
    if (attempt.wire !== 'websocket' && attempt.since === undefined) pipe.nextPingAt = now + FIRST_PING_MS
    pipe.patienceMs = { websocket: PING_MS + PONG_MS, sse: heartbeatMs * 1.5, polling: NEVER }[attempt.wire]
    // Of several racers that were opened with the same joins, any may bring the answers.
    if (!attempt.bare && attempt.since === undefined && pipe.joins === this.session.joins) this.#carrier = pipe
    this.#link.handleWelcome(attempt, now, pipe.patienceMs)
  }

  /** Takes a new token before the old one runs out, without a new connection where the wire can carry it. */
  async #renew(pipe: Pipe): Promise<void> {
    const { attempt, wire } = pipe
    if (!this.#options.auth) {
      // It travels in a cookie, which a socket has read when it was opened: the next one brings the new one.
      this.#link.handleLeaving(attempt, new TriwireError('rotate', 'The token runs out.'), Date.now())
      this.#run()
      return
    }
    try {
      await this.#fetchToken()
    } catch {
      // The server ends the wire when its time has come, and the next attempt asks again.
      return
    }
    if (this.#carrier !== pipe || !this.#pipes.has(attempt)) return
    if (attempt.wire === 'websocket') wire?.send([{ text: this.session.takeHello(this.#token), lane: 'ordered' }])
    else wire?.change()
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
