/**
 * The line to NATS. It comes back by itself, and says so: what was published meanwhile is lost to those who listen. What was
 * on its way when it was cut fails at once, for whoever sent it to send it again.
 */
import { setMaxListeners } from 'node:events'
import { connect, type Msg, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'

/** How NATS is reached. */
export interface LineOptions {
  readonly servers: string | readonly string[]
  readonly connection: Omit<NodeConnectionOptions, 'servers'>
  /** What the server calls it. */
  readonly name: string
  /** The line was cut and is back: what came meanwhile is lost. */
  readonly onInterrupted: () => void
  /** Trouble on the line, for the log. It is being mended already. */
  readonly onTrouble: (error: unknown) => void
}

/** A line that is there. */
export interface OpenLine {
  readonly nats: NatsConnection
  /** Aborts when it is cut. */
  readonly cut: AbortSignal
}

interface Listening {
  readonly subject: string
  readonly handle: (message: Msg) => void
  unsubscribe: () => void
}

/** Milliseconds between pings; two without an answer are a dead line. */
const PING_MS = 2000
/** Milliseconds an attempt to connect may take. */
const CONNECT_MS = 2000
/** Milliseconds until the next attempt, at first and at most. */
const FIRST_RETRY_MS = 20
const LONGEST_RETRY_MS = 1000

/** The line of one broker. */
export class Line {
  readonly #options: LineOptions
  readonly #listening = new Set<Listening>()
  #nats: NatsConnection | undefined
  #open: OpenLine | undefined
  #cut = new AbortController()
  /** Wakes those who wait for the line. */
  #waiting = new Set<() => void>()
  #retries = 0
  #closed = false

  constructor(options: LineOptions) {
    this.#options = options
    void this.#connect(false)
  }

  /**
   * The line, as soon as it is there.
   * @throws Error where it is not before `until`, on the clock of `performance`
   */
  async whenOpen(until: number): Promise<OpenLine> {
    while (this.#open === undefined) {
      const leftMs = until - performance.now()
      if (this.#closed || leftMs <= 0) throw new Error('There is no connection to NATS.')
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer)
          this.#waiting.delete(wake)
          resolve()
        }
        const timer = setTimeout(wake, leftMs)
        this.#waiting.add(wake)
      })
    }
    return this.#open
  }

  /** Has `handle` told what comes, also after the line was cut. Returns how to end it. */
  listen(subject: string, handle: (message: Msg) => void): () => void {
    const listening: Listening = { subject, handle, unsubscribe: () => {} }
    this.#listening.add(listening)
    if (this.#nats) this.#subscribe(this.#nats, listening)
    return () => {
      if (!this.#listening.delete(listening)) return
      listening.unsubscribe()
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#listening.clear()
    this.#down()
    this.#wake()
    void this.#nats?.close().catch(() => {})
  }

  async #connect(wasOpen: boolean): Promise<void> {
    const { servers, connection, name } = this.#options
    while (!this.#closed) {
      try {
        const nats = await connect({
          name,
          pingInterval: PING_MS,
          maxPingOut: 2,
          timeout: CONNECT_MS,
          noAsyncTraces: true,
          ...connection,
          // The rest is what this class relies on.
          servers: typeof servers === 'string' ? servers : [...servers],
          reconnect: true,
          maxReconnectAttempts: -1,
          reconnectDelayHandler: () => this.#retryMs(),
          ignoreAuthErrorAbort: true,
        })
        if (this.#closed) await nats.close()
        else this.#handleConnected(nats, wasOpen)
        return
      } catch (error) {
        if (this.#closed) return
        this.#options.onTrouble(error)
        await new Promise((resolve) => setTimeout(resolve, this.#retryMs()).unref())
      }
    }
  }

  #handleConnected(nats: NatsConnection, wasOpen: boolean): void {
    this.#nats = nats
    void this.#follow(nats)
    void nats.closed().then((error) => {
      // It gives up for nothing but what nobody foresaw.
      if (this.#closed) return
      this.#options.onTrouble(error ?? new Error('The connection to NATS was closed.'))
      this.#nats = undefined
      this.#down()
      void this.#connect(true)
    })
    for (const listening of this.#listening) this.#subscribe(nats, listening)
    this.#up(nats)
    if (wasOpen) this.#options.onInterrupted()
  }

  async #follow(nats: NatsConnection): Promise<void> {
    for await (const status of nats.status()) {
      if (this.#closed) return
      if (status.type === 'disconnect') this.#down()
      else if (status.type === 'reconnect') {
        // Its subscriptions are sent before anything else is.
        this.#up(nats)
        this.#options.onInterrupted()
      } else if (status.type === 'error') this.#options.onTrouble(status.error)
    }
  }

  #subscribe(nats: NatsConnection, listening: Listening): void {
    // With a callback a message is handled when it comes: nothing is queued, and a node that is too slow is cut off.
    const subscription = nats.subscribe(listening.subject, {
      callback: (error, message) => {
        if (error) this.#options.onTrouble(error)
        else if (this.#listening.has(listening)) listening.handle(message)
      },
    })
    listening.unsubscribe = () => {
      if (!nats.isClosed()) subscription.unsubscribe()
    }
  }

  #up(nats: NatsConnection): void {
    this.#retries = 0
    this.#cut = new AbortController()
    // Everything that is on its way listens to it.
    setMaxListeners(0, this.#cut.signal)
    this.#open = { nats, cut: this.#cut.signal }
    this.#wake()
  }

  #down(): void {
    this.#open = undefined
    this.#cut.abort(new Error('The connection to NATS was cut.'))
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake()
  }

  #retryMs(): number {
    const ms = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#retries++, 10))
    return ms * (0.5 + Math.random() / 2)
  }
}
