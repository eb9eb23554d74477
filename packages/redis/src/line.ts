/**
 * A line to Redis. It comes back by itself where it was cut, and is given up for a new one where nothing comes any more:
 * node-redis would notice that only where nothing is written either, so a line that fell silent under load would stay for
 * as long as TCP repeats itself, which is a quarter of an hour. Whatever is subscribed is taken up again.
 */
import { createClient, createCluster } from '@redis/client'

/** What a line is made of. */
export interface LineOptions {
  /** One Redis, or some nodes of a cluster. */
  readonly url: string | readonly string[]
  /** What `CLIENT LIST` calls it. */
  readonly name: string
  /** It was cut and is back, and what was published meanwhile is lost. */
  readonly onInterrupted: () => void
  /** Trouble, for the log. It is being mended already. */
  readonly onTrouble: (error: unknown) => void
}

type Listener = (message: string) => void

/** What a node-redis client and a cluster have in common here. */
interface Wire {
  connect(): Promise<unknown>
  destroy(): void
  send(key: string, args: string[]): Promise<unknown>
  sSubscribe(channel: string, listener: Listener): Promise<unknown>
  sUnsubscribe(channel: string, listener: Listener): Promise<unknown>
  /** Asks every server behind it for a sign of life. */
  ping(): Promise<unknown>
  /** Whether it is connected. A cluster always says so: it follows its changes by itself. */
  readonly isReady: boolean
}

/** Milliseconds between signs of life, and without one after which a line is dead. */
const PING_MS = 2000
const SILENCE_MS = 6000
/** Milliseconds in which the subscriptions of a cluster find their place after its last change. */
const MOVING_MS = 1000
/** Milliseconds until it is tried again, at first and at most. */
const FIRST_RETRY_MS = 20
const LONGEST_RETRY_MS = 1000

/** The line. */
export class Line {
  readonly #options: LineOptions
  /** What is subscribed, for the line that comes after this one. */
  readonly #subscribed = new Map<string, Set<Listener>>()
  readonly #pings: NodeJS.Timeout
  #wire: Wire
  #pinging = false
  #closed = false

  constructor(options: LineOptions) {
    this.#options = options
    this.#wire = this.#open()
    this.#wire.connect().catch(this.#onTrouble)
    this.#pings = setInterval(() => void this.#ping(), PING_MS)
    this.#pings.unref()
  }

  send(key: string, args: readonly string[]): Promise<unknown> {
    return this.#wire.send(key, [...args])
  }

  /** Has the listener told what is published, from when it resolves on, over all interruptions. */
  async subscribe(channel: string, listener: Listener): Promise<void> {
    await this.#wire.sSubscribe(channel, listener)
    const listeners = this.#subscribed.get(channel) ?? new Set()
    this.#subscribed.set(channel, listeners.add(listener))
  }

  async unsubscribe(channel: string, listener: Listener): Promise<void> {
    const listeners = this.#subscribed.get(channel)
    listeners?.delete(listener)
    if (listeners?.size === 0) this.#subscribed.delete(channel)
    // A line that is down has no subscription either, and takes this one up no more.
    await this.#wire.sUnsubscribe(channel, listener).catch(() => {})
  }

  /** A server that was demoted goes on answering; who comes anew is led to the one that is in charge now. */
  renewDemoted(): void {
    if (typeof this.#options.url === 'string' && this.#wire.isReady) this.#renew()
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#pings)
    this.#wire.destroy()
  }

  // A client that was closed still complains of that.
  readonly #onTrouble = (error: unknown): void => {
    if (!this.#closed) this.#options.onTrouble(error)
  }

  async #ping(): Promise<void> {
    const wire = this.#wire
    if (this.#pinging || !wire.isReady) return
    this.#pinging = true
    let timer: NodeJS.Timeout | undefined
    const silence = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), SILENCE_MS)
      timer.unref()
    })
    // One that is refused was heard of.
    const isSilent = await Promise.race([
      wire.ping().then(
        () => false,
        () => false,
      ),
      silence,
    ])
    clearTimeout(timer)
    this.#pinging = false
    if (!isSilent || this.#closed || this.#wire !== wire) return
    this.#onTrouble(new Error(`Redis said nothing for ${SILENCE_MS} ms. The line is given up for a new one.`))
    this.#renew()
  }

  /** Gives the line up for a new one. Whatever is under way fails, and is tried again where that is harmless. */
  #renew(): void {
    this.#wire.destroy()
    const wire = this.#open()
    this.#wire = wire
    void (async () => {
      try {
        await wire.connect()
        while (this.#wire === wire && !this.#closed && !(await this.#takeUp(wire))) await pause(FIRST_RETRY_MS)
        if (this.#wire === wire && !this.#closed) this.#options.onInterrupted()
      } catch (error) {
        this.#onTrouble(error)
      }
    })()
  }

  /** Subscribes to everything again; false where it was cut meanwhile. */
  async #takeUp(wire: Wire): Promise<boolean> {
    const all = [...this.#subscribed].flatMap(([channel, listeners]) =>
      [...listeners].map((listener) => ({ channel, listener })),
    )
    const taken = await Promise.allSettled(
      all.map(async ({ channel, listener }) => {
        await wire.sSubscribe(channel, listener)
        if (!this.#subscribed.get(channel)?.has(listener)) await wire.sUnsubscribe(channel, listener)
      }),
    )
    return taken.every(({ status }) => status === 'fulfilled')
  }

  #open(): Wire {
    const { url, name } = this.#options
    const shared = {
      name,
      socket: {
        connectTimeout: SILENCE_MS,
        socketTimeout: SILENCE_MS,
        reconnectStrategy: (retries: number): number =>
          Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** retries) * (0.5 + Math.random() / 2),
      },
      disableOfflineQueue: true,
      disableClientInfo: true,
    } as const
    return typeof url === 'string' ? this.#openClient(url, shared) : this.#openCluster(url, shared)
  }

  #openClient(url: string, shared: object): Wire {
    const client = createClient({ url, ...shared })
    client.on('error', this.#onTrouble)
    let wasCut = false
    client.on('reconnecting', () => {
      wasCut = true
    })
    // By then it has subscribed again to all it was subscribed to.
    client.on('ready', () => {
      if (wasCut) this.#options.onInterrupted()
      wasCut = false
    })
    return {
      connect: () => client.connect(),
      destroy: () => client.destroy(),
      send: (_, args) => client.sendCommand(args),
      sSubscribe: (channel, listener) => client.sSubscribe(channel, listener),
      sUnsubscribe: (channel, listener) => client.sUnsubscribe(channel, listener),
      ping: () => client.sendCommand(['PING']),
      get isReady() {
        return client.isReady
      },
    }
  }

  #openCluster(urls: readonly string[], shared: object): Wire {
    const cluster = createCluster({ rootNodes: urls.map((url) => ({ url })), defaults: shared })
    cluster.on('error', this.#onTrouble)
    cluster.on('node-error', this.#onTrouble)
    let later: NodeJS.Timeout | undefined
    // Subscriptions come back, or move to another node, without a word about when they have arrived.
    const handleMoved = (): void => {
      clearTimeout(later)
      later = setTimeout(this.#options.onInterrupted, MOVING_MS).unref()
    }
    const cut = new Set<string>()
    cluster.on('node-reconnecting', ({ host, port }) => cut.add(`${host}:${port}`))
    cluster.on('node-ready', ({ host, port }) => {
      if (cut.delete(`${host}:${port}`)) handleMoved()
    })
    cluster.on('node-disconnect', handleMoved)
    cluster.on('sharded-channel-moved-error', handleMoved)
    return {
      connect: () => cluster.connect(),
      destroy: () => {
        clearTimeout(later)
        cluster.destroy()
      },
      send: (key, args) => cluster.sendCommand(key, false, args),
      sSubscribe: (channel, listener) => cluster.sSubscribe(channel, listener),
      sUnsubscribe: (channel, listener) => cluster.sUnsubscribe(channel, listener),
      ping: () =>
        Promise.allSettled(
          cluster.masters
            .flatMap(({ client, pubSub }) => [client, pubSub?.client])
            .map((client) => (client?.isReady ? client.sendCommand(['PING']) : undefined)),
        ),
      isReady: true,
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
