/**
 * The lines to Redis: one for commands, one for what is published, so that a flood of the one never delays the other.
 * They come back by themselves; what was on its way then fails, and is tried again where that is known to be harmless.
 */
import { createClient, createCluster, ErrorReply } from '@redis/client'
import { TriwireError } from '@triwire/server'
import type { Script } from './script.ts'

/** How Redis is reached. */
export interface ConnectionOptions {
  /** `redis://` or `rediss://` with user, password and database as usual; several of them are nodes of a cluster. */
  readonly url: string | readonly string[]
  /** What `CLIENT LIST` calls them, before `commands` and `published`. */
  readonly name: string
  /** Milliseconds an operation may take, repetitions included. */
  readonly timeoutMs: number
  /** A line to what is published was cut and is back: what came meanwhile is lost. */
  readonly onInterrupted: () => void
  /** Trouble on a line, for the log. It is being mended already. */
  readonly onTrouble: (error: unknown) => void
}

/** What a node-redis client and a cluster have in common here. */
interface Line {
  connect(): Promise<unknown>
  destroy(): void
  send(key: string, args: string[]): Promise<unknown>
  sSubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  sUnsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  /** Has the server close it, so that it connects anew: behind the address there may be another Redis by now. */
  renew(): void
}

/** Milliseconds of silence after which a line is dead, and between the pings that prevent silence. */
const SILENCE_MS = 6000
const PING_MS = 2000
/** Milliseconds in which the subscriptions of a cluster find their place after its last change. */
const MOVING_MS = 1000
/** Milliseconds until a line is tried again, at first and at most. */
const FIRST_RETRY_MS = 20
const LONGEST_RETRY_MS = 1000

/** What Redis says while it cannot serve but will: it loads, fails over, runs a long script, moves slots, or is full. */
const PASSING = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|OOM|NOREPLICAS|MISCONF)\b/

/** The lines of one broker. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #commands: Line
  readonly #published: Line
  #closed = false

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#commands = this.#open('commands', typeof options.url === 'string' ? () => {} : options.onInterrupted)
    this.#published =
      typeof options.url === 'string' ? this.#open('published', options.onInterrupted) : this.#commands
  }

  /**
   * Runs a script. `args` is told whether it is tried again: then it may have run before, and its answer was lost.
   * @throws TriwireError `unavailable` when Redis does not answer in time, or says that it cannot
   */
  async run(
    script: Script,
    keys: readonly string[],
    args: (again: boolean) => readonly string[],
  ): Promise<unknown> {
    const [key = ''] = keys
    const body = [String(keys.length), ...keys]
    let again = false
    return this.#insist(async () => {
      const rest = [...body, ...args(again)]
      again = true
      try {
        return await this.#commands.send(key, ['EVALSHA', script.sha1, ...rest])
      } catch (error) {
        if (!(error instanceof ErrorReply && error.message.startsWith('NOSCRIPT'))) throw error
        return this.#commands.send(key, ['EVAL', script.source, ...rest])
      }
    })
  }

  /**
   * Sends one command, once.
   * @throws TriwireError `unavailable`
   */
  async send(key: string, args: readonly string[]): Promise<unknown> {
    return this.#insist(() => this.#commands.send(key, [...args]), false)
  }

  /** Has the listener told what is published, from when it resolves on. */
  async subscribe(channel: string, listener: (message: string) => void): Promise<void> {
    await this.#insist(() => this.#published.sSubscribe(channel, listener))
  }

  /** Has the listener told nothing more from now on. Resolves when Redis knows, or does not say so in time. */
  async unsubscribe(channel: string, listener: (message: string) => void): Promise<void> {
    if (this.#closed) return
    // A line that is down has no subscription either, and takes this one up no more.
    await within(this.#options.timeoutMs, this.#published.sUnsubscribe(channel, listener)).catch(() => {})
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#commands.destroy()
    if (this.#published !== this.#commands) this.#published.destroy()
  }

  /** Tries until it succeeds, is refused for good, or the time is over. */
  async #insist<TResult>(attempt: () => Promise<TResult>, repeat = true): Promise<TResult> {
    const endsAt = performance.now() + this.#options.timeoutMs
    for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2)) {
      if (this.#closed) throw new TriwireError('unavailable', 'The broker is closed.')
      const leftMs = endsAt - performance.now()
      try {
        return await within(leftMs, attempt())
      } catch (error) {
        const reply = error instanceof ErrorReply ? error.message : undefined
        if (reply?.startsWith('READONLY')) this.#renew()
        // Whatever else Redis says (no permission, another type under a key of ours) is for people to mend.
        const isLasting = reply !== undefined && !PASSING.test(reply)
        if (isLasting) this.#options.onTrouble(error)
        if (isLasting || !repeat || this.#closed || performance.now() + retryMs >= endsAt) throw unavailable(error)
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
  }

  /** A Redis that was demoted goes on answering; who comes anew is led to the one that is in charge now. */
  #renew(): void {
    this.#commands.renew()
    if (this.#published !== this.#commands) this.#published.renew()
  }

  #open(role: string, onInterrupted: () => void): Line {
    const { url, name } = this.#options
    // A client that was closed still complains of that.
    const onTrouble = (error: unknown): void => {
      if (!this.#closed) this.#options.onTrouble(error)
    }
    const socket = {
      socketTimeout: SILENCE_MS,
      connectTimeout: SILENCE_MS,
      reconnectStrategy: (retries: number): number =>
        Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** retries) * (0.5 + Math.random() / 2),
    }
    const shared = {
      socket,
      name: `${name}${role}`,
      pingInterval: PING_MS,
      disableOfflineQueue: true,
      disableClientInfo: true,
    } as const
    const line = typeof url === 'string' ? openClient(url) : openCluster(url)
    line.connect().catch(onTrouble)
    return line

    function openClient(one: string): Line {
      const client = createClient({ url: one, ...shared })
      client.on('error', onTrouble)
      let wasCut = false
      client.on('reconnecting', () => {
        wasCut = true
      })
      // By then it has subscribed again to all it was subscribed to.
      client.on('ready', () => {
        if (wasCut) onInterrupted()
        wasCut = false
      })
      return {
        connect: () => client.connect(),
        destroy: () => client.destroy(),
        send: (_, args) => client.sendCommand(args),
        sSubscribe: (channel, listener) => client.sSubscribe(channel, listener),
        sUnsubscribe: (channel, listener) => client.sUnsubscribe(channel, listener),
        renew: () => void client.sendCommand(['QUIT']).catch(() => {}),
      }
    }

    function openCluster(many: readonly string[]): Line {
      const cluster = createCluster({ rootNodes: many.map((one) => ({ url: one })), defaults: shared })
      cluster.on('error', onTrouble)
      cluster.on('node-error', onTrouble)
      let later: NodeJS.Timeout | undefined
      // Subscriptions come back, or move to another node, without a word about when they have arrived.
      const handleMoved = (): void => {
        clearTimeout(later)
        later = setTimeout(onInterrupted, MOVING_MS).unref()
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
        destroy: () => cluster.destroy(),
        send: (key, args) => cluster.sendCommand(key, false, args),
        sSubscribe: (channel, listener) => cluster.sSubscribe(channel, listener),
        sUnsubscribe: (channel, listener) => cluster.sUnsubscribe(channel, listener),
        // It follows failovers by itself.
        renew: () => {},
      }
    }
  }
}

function unavailable(cause: unknown): TriwireError {
  return new TriwireError('unavailable', 'The message store does not answer. Try again later.', { cause })
}

/** Rejects where a promise takes too long. Whatever becomes of it later is nobody's concern. */
function within<TResult>(ms: number, promise: Promise<TResult>): Promise<TResult> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No answer within ${Math.round(ms)} ms.`)), ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
