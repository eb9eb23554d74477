// A node's side of the broker's process: the port of `@triwire/server` over a loopback socket, with reconnect. While
// the line is down every operation rejects with `unavailable`, and what was under way may or may not have happened,
// which is what the port allows. When the line is back, subscriptions are made again and told that they may have
// missed something.

import { connect, type Socket } from 'node:net'
import {
  type Broker,
  type BrokerListener,
  type BrokerSubscription,
  type LogEntry,
  TriwireError,
} from '@triwire/server'
import { type BrokerNotice, type BrokerRequest, readLines } from './broker-lines.ts'

/** Milliseconds before a broken line is tried again. */
const RETRY_MS = 20

/** A broker elsewhere. */
export interface RemoteBroker extends Broker {
  /** Resolves when the line is up. */
  ready(): Promise<void>
}

/** Connects to a host on loopback. */
export async function connectBroker(port: number): Promise<RemoteBroker> {
  const broker = new LineBroker(port)
  await broker.ready()
  return broker
}

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: TriwireError) => void
}

type Cursor = LogEntry['cursor']

class LineBroker implements RemoteBroker {
  readonly acknowledges = 'memory'
  readonly #port: number
  readonly #waiting = new Map<number, Waiting>()
  readonly #listeners = new Map<number, { readonly channel: string; readonly listener: BrokerListener }>()
  #socket: Socket | undefined
  #up = false
  #closed = false
  #retry: ReturnType<typeof setTimeout> | undefined
  #next = 1
  #whenUp: (() => void)[] = []

  constructor(port: number) {
    this.#port = port
    this.#connect()
  }

  ready(): Promise<void> {
    return this.#up ? Promise.resolve() : new Promise((resolve) => this.#whenUp.push(resolve))
  }

  readonly append: Broker['append'] = (...args) => this.#ask({ op: 'append', args })
  readonly refuse: Broker['refuse'] = (...args) => this.#ask({ op: 'refuse', args })
  readonly read: Broker['read'] = (...args) => this.#ask({ op: 'read', args })
  readonly signal: Broker['signal'] = (...args) => this.#ask({ op: 'signal', args })
  readonly hold: Broker['hold'] = (...args) => this.#ask({ op: 'hold', args })
  readonly release: Broker['release'] = (...args) => this.#ask({ op: 'release', args })
  readonly depart: Broker['depart'] = (...args) => this.#ask({ op: 'depart', args })
  readonly members: Broker['members'] = (...args) => this.#ask({ op: 'members', args })
  readonly claim: Broker['claim'] = (...args) => this.#ask({ op: 'claim', args })
  readonly renew: Broker['renew'] = (...args) => this.#ask({ op: 'renew', args })
  readonly settle: Broker['settle'] = (...args) => this.#ask({ op: 'settle', args })
  readonly settled: Broker['settled'] = (...args) => this.#ask({ op: 'settled', args })

  async subscribe(channel: string, listener: BrokerListener): Promise<BrokerSubscription> {
    const name = this.#next++
    this.#listeners.set(name, { channel, listener })
    try {
      const head: Cursor = await this.#ask({ op: 'subscribe', args: [name, channel] })
      return {
        head,
        close: async () => {
          // A line that is down has no subscriptions, and will not get this one again.
          if (this.#listeners.delete(name) && this.#up)
            await this.#ask({ op: 'unsubscribe', args: [name] }).catch(() => undefined)
        },
      }
    } catch (error) {
      this.#listeners.delete(name)
      throw error
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#listeners.clear()
    clearTimeout(this.#retry)
    this.#down()
    this.#socket?.destroy()
  }

  #connect(): void {
    const socket = connect(this.#port, '127.0.0.1')
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('connect', () => {
      this.#up = true
      for (const wake of this.#whenUp.splice(0)) wake()
      for (const [name, { channel, listener }] of this.#listeners) {
        this.#ask({ op: 'subscribe', args: [name, channel] }).then(
          () => listener.onInterrupted(),
          // The line broke again: so much the more will be asked when it is back.
          () => undefined,
        )
      }
    })
    socket.on('close', () => {
      this.#down()
      if (!this.#closed) this.#retry = setTimeout(() => this.#connect(), RETRY_MS)
    })
    readLines(socket, (line) => this.#handle(line as BrokerNotice))
  }

  #down(): void {
    this.#up = false
    const error = new TriwireError('unavailable', 'The broker does not answer.')
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }

  #ask<TResult>(request: Pick<BrokerRequest, 'op' | 'args'>): Promise<TResult> {
    if (!this.#up) return Promise.reject(new TriwireError('unavailable', 'The broker does not answer.'))
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#socket?.write(`${JSON.stringify({ id, ...request })}\n`)
    })
  }

  #handle(notice: BrokerNotice): void {
    if (this.#closed) return
    if ('id' in notice) {
      const waiting = this.#waiting.get(notice.id)
      this.#waiting.delete(notice.id)
      if ('error' in notice) waiting?.reject(new TriwireError(notice.error.code, notice.error.message))
      else waiting?.resolve(notice.value as never)
      return
    }
    const listener = this.#listeners.get(notice.sub)?.listener
    if (listener === undefined) return
    try {
      if ('entry' in notice) listener.onEntry(notice.entry)
      else if ('signal' in notice) listener.onSignal(notice.signal)
      else listener.onPresence(notice.presence)
    } catch {
      // Listeners must not throw; one that does costs the others nothing.
    }
  }
}
