/**
 * The lines to Redis: one for commands, one for what is published, so that a flood of the one never delays the other.
 * They come back by themselves; what was on its way then fails, and is tried again where that is known to be harmless.
 */
import { ErrorReply } from '@redis/client'
import { TriwireError } from '@triwire/server'
import { Line } from './line.ts'
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

/** Milliseconds until an operation is tried again, at first and at most. */
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
    const { url, name, onInterrupted, onTrouble } = options
    // A cluster has lines of its own for what is published.
    const isOne = typeof url === 'string'
    const whenCut = isOne ? () => {} : onInterrupted
    this.#commands = new Line({ url, name: `${name}commands`, onInterrupted: whenCut, onTrouble })
    this.#published = isOne ? new Line({ url, name: `${name}published`, onInterrupted, onTrouble }) : this.#commands
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
    return this.#insist(() => this.#commands.send(key, args), false)
  }

  /** Has the listener told what is published, from when it resolves on. */
  async subscribe(channel: string, listener: (message: string) => void): Promise<void> {
    await this.#insist(() => this.#published.subscribe(channel, listener))
  }

  /** Has the listener told nothing more from now on. Resolves when Redis knows, or does not say so in time. */
  async unsubscribe(channel: string, listener: (message: string) => void): Promise<void> {
    if (this.#closed) return
    await within(this.#options.timeoutMs, this.#published.unsubscribe(channel, listener)).catch(() => {})
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#commands.close()
    if (this.#published !== this.#commands) this.#published.close()
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
        if (reply?.startsWith('READONLY')) for (const line of [this.#commands, this.#published]) line.renewDemoted()
        // Whatever else Redis says (no permission, another type under a key of ours) is for people to mend.
        const isLasting = reply !== undefined && !PASSING.test(reply)
        if (isLasting) this.#options.onTrouble(error)
        if (isLasting || !repeat || this.#closed || performance.now() + retryMs >= endsAt) throw unavailable(error)
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs))
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
