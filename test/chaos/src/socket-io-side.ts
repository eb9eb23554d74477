// Socket.IO in a run: one server, so that it needs no sticky sessions, with connection state recovery; and two clients
// per row, one as it comes and one with `retries`, which is its documented way to send at least once.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Row } from './fault-cases.ts'
import { type Child, startChild } from './processes/parent.ts'
import type { SocketIoClientProcess } from './processes/socket-io-client.ts'
import type { SocketIoServerProcess } from './processes/socket-io-server.ts'
import type { FaultProxy } from './proxy/fault-proxy.ts'
import {
  MARK_EVERY_MS,
  OPEN_BOUND_MS,
  type RunPlan,
  SETTLE_BOUND_MS,
  type Side,
  startProxies,
  within,
} from './side.ts'

/** `all` is its default: polling, then an upgrade. */
const TRANSPORTS = { websocket: ['websocket'], polling: ['polling'], all: undefined } as const
const RUN = 'sio'
/** Milliseconds queues of retries have for their end. */
const FLUSH_BOUND_MS = 20_000

/** Socket.IO. */
export class SocketIoSide implements Side {
  readonly #plan: RunPlan
  readonly #rows: readonly Exclude<Row, 'sse'>[]
  #server!: Child<SocketIoServerProcess>
  #clients!: Child<SocketIoClientProcess>
  #life = 0
  #port: number | undefined
  #proxies = new Map<string, FaultProxy>()

  constructor(plan: RunPlan) {
    this.#plan = plan
    this.#rows = plan.rows.filter((row) => row !== 'sse')
  }

  async start(): Promise<void> {
    await this.#startServer()
    this.#proxies = await startProxies(this.#plan, [this.#port as number])
    this.#clients = await startChild<SocketIoClientProcess>('socket-io-client')
    await this.#clients.call('start', { folder: this.#plan.folder, name: 'sio-clients' })
  }

  async open(): Promise<void> {
    const opened = this.#rows.flatMap((row) => {
      const transports = TRANSPORTS[row]
      const setup = {
        port: (this.#proxies.get(row) as FaultProxy).port,
        ...(transports === undefined ? {} : { transports }),
        run: RUN,
        hasty: true,
        boundMs: OPEN_BOUND_MS,
      }
      return [
        this.#clients.call('open', { id: plainOf(row), ...setup }),
        this.#clients.call('open', { id: retryingOf(row), ...setup, retries: 20 }),
      ]
    })
    await Promise.all(opened)
  }

  async send(): Promise<void> {
    const { messages, everyMs } = this.#plan
    const over = new AbortController()
    const disturbed = this.#disturb(over.signal)
    const emitted = this.#emit()
    const published = this.#rows
      .flatMap((row) => [plainOf(row), retryingOf(row)])
      .map((id) => this.#clients.call('publish', { id, run: id, count: messages, everyMs }))
    await Promise.all([emitted, ...published])
    over.abort()
    await disturbed
  }

  async settle(): Promise<string[]> {
    for (const proxy of this.#proxies.values()) proxy.setFaults([])
    const ids = this.#rows.map(plainOf)
    // What was sent with retries may have a long queue: one message at a time. What is left of it counts as open.
    const flushed = Promise.all(
      [...ids, ...this.#rows.map(retryingOf)].map((id) =>
        this.#clients.call('flushed', { id, boundMs: FLUSH_BOUND_MS }),
      ),
    )
    const endsAt = Date.now() + SETTLE_BOUND_MS
    let missing: string[]
    let n = 0
    do {
      await this.#server.call('mark', { run: RUN, n: ++n })
      missing = await this.#clients.call('marked', { ids, n: 1, boundMs: MARK_EVERY_MS })
    } while (missing.length > 0 && Date.now() < endsAt)
    await within(FLUSH_BOUND_MS, flushed)
    return missing
  }

  async close(): Promise<void> {
    for (const proxy of this.#proxies.values()) await proxy.close()
    await this.#clients.kill()
    await this.#server.kill()
  }

  async #startServer(): Promise<void> {
    const child = await startChild<SocketIoServerProcess>('socket-io-server')
    const port = this.#port === undefined ? {} : { port: this.#port }
    const started = await child.call('start', {
      folder: this.#plan.folder,
      name: `sio-server-${this.#life++}`,
      ...port,
    })
    this.#port = started.port
    this.#server = child
  }

  async #emit(): Promise<void> {
    const { messages, everyMs } = this.#plan
    const endsAt = Date.now() + messages * everyMs
    for (let left = messages; left >= 1; left = Math.floor((endsAt - Date.now()) / everyMs)) {
      const server = this.#server
      const done = await server.call('emit', { run: RUN, count: left, everyMs }).then(
        () => true,
        () => false,
      )
      if (done) return
      while (this.#server === server) await sleep(10)
    }
  }

  /** What happens to processes happens to its only one; it has no broker and no wires to change at run time. */
  async #disturb(over: AbortSignal): Promise<void> {
    const { disturbance } = this.#plan.case
    const pause = (ms: number): Promise<unknown> => sleep(ms, undefined, { signal: over }).catch(() => undefined)
    switch (disturbance?.kind) {
      case 'kill-node':
      case 'drain-node':
        for (;;) {
          await pause(disturbance.everyMs)
          if (over.aborted) return
          await this.#server.kill()
          await this.#startServer()
        }
      case 'kill-broker':
      case 'kill-only-process':
        await pause((this.#plan.messages * this.#plan.everyMs) / 2)
        await this.#server.kill()
        await this.#startServer()
        return
      case 'half-open':
        for (let strike = 0; strike < 2; strike++) {
          await pause((this.#plan.messages * this.#plan.everyMs) / 3)
          for (const proxy of this.#proxies.values()) proxy.silence()
        }
        return
      case 'blackout':
        await pause((this.#plan.messages * this.#plan.everyMs) / 2)
        for (const proxy of this.#proxies.values()) {
          proxy.setFaults([{ kind: 'unreachable' }])
          proxy.cut()
        }
        await pause(disturbance.forMs)
        for (const proxy of this.#proxies.values()) proxy.setFaults([])
    }
  }
}

/** The client of a row as it comes. */
export function plainOf(row: Row): string {
  return `sio-${row}`
}

/** The client of a row with retries. */
export function retryingOf(row: Row): string {
  return `sio-${row}-retries`
}
