/**
 * A short run of chaos on one runtime: clients behind the fault proxy, while the process of the server is killed and comes
 * back on its port, or wires are taken away. Judged from histories on disk. Where the broker is memory, each kill is a new
 * life of every channel: readers are told of gaps, and whatever is missing lies behind one.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { WireName } from '@triwire/client'
import { check, readHistories, STORE, type Verdict } from '@triwire-test/chaos/checker'
import { openHistory } from '@triwire-test/chaos/history'
import type { FleetProcess } from '@triwire-test/chaos/processes/fleet'
import { startChild } from '@triwire-test/chaos/processes/parent'
import { type FaultProxy, startFaultProxy } from '@triwire-test/chaos/proxy/fault-proxy'
import type { Host, StartHost } from '@triwire-test/conformance'
import type { ChildOptions } from './apps/app.ts'
import type { ChaosEmit } from './apps/chaos.ts'

/** What is run. */
export interface ChaosOptions {
  /** Two clients of each. `all` is the choice of the client itself. */
  readonly wires: readonly (WireName | 'all')[]
  /** Milliseconds of messages. */
  readonly forMs: number
  /** Milliseconds between two events of the server, and between two publishes of a client. Default 20. */
  readonly everyMs?: number
  readonly disturb: Disturbance
}

/** What happens to the server and the network while messages flow. Messages flow on until `endsAt`, however long it takes. */
export type Disturbance = (run: Disturbed) => Promise<void>

/** What a disturbance has at hand. */
export interface Disturbed {
  readonly proxy: FaultProxy
  /** Of the server itself. */
  readonly origin: string
  /** Of `Date.now()`. */
  readonly endsAt: number
  /** SIGKILL, a moment without it, and another life on the same port. */
  replaceServer(): Promise<void>
  /** Resolves when every client has heard something on every channel: only then is there something to lose. */
  untilHeard(): Promise<void>
  /** Resolves when all clients are on this wire. */
  untilOn(wire: WireName): Promise<void>
}

/** What became of it. */
export interface ChaosReport {
  /** One per channel and reader. */
  readonly verdicts: readonly Verdict[]
  /** Readers that did not catch up in time. */
  readonly late: readonly string[]
  readonly kills: number
  /** Connections that were cut. */
  readonly cuts: number
  /** WebSockets that were opened. */
  readonly upgrades: number
}

const RUN = 'run'
const CHANNELS = ['down', 'up'] as const
/** Milliseconds a process that was killed stays away. */
const AWAY_MS = 150
const SETTLE_MS = 30_000
/** Milliseconds between two looks at the wires of the clients, and what they have to change: the second try of WebSocket included. */
const LOOK_MS = 50
const CHANGE_MS = 40_000

/** Kills whenever it has been up for so long, at least one, and cuts of all connections at a distance of their own. */
export function killsAndCuts(killAfterMs: number, cutEveryMs: number): Disturbance {
  return async ({ proxy, endsAt, replaceServer, untilHeard }) => {
    await untilHeard()
    proxy.setFaults([{ kind: 'cut', everyMs: cutEveryMs }])
    do {
      await sleep(killAfterMs)
      await replaceServer()
    } while (Date.now() + killAfterMs < endsAt)
    await sleep(Math.max(0, endsAt - Date.now()))
    proxy.setFaults([])
  }
}

/** WebSocket is blocked, then streams as well, then nothing any more. */
export const wiresBlockedAndFreed: Disturbance = async ({ proxy, untilOn }) => {
  await untilOn('websocket')
  proxy.setFaults([{ kind: 'refuse', of: 'websocket', status: 403 }])
  proxy.cut()
  await untilOn('sse')
  proxy.setFaults([
    { kind: 'refuse', of: 'websocket', status: 403 },
    { kind: 'refuse', of: 'stream', status: 403 },
  ])
  proxy.cut()
  await untilOn('polling')
  proxy.setFaults([])
  await untilOn('websocket')
}

/** Takes the object out of memory at a distance; `onEvicted` is told of each time that it was there. */
export function evictions(everyMs: number, onEvicted: () => void): Disturbance {
  return async ({ origin, endsAt }) => {
    while (Date.now() < endsAt) {
      const { status } = await fetch(`${origin}/inside/evict`, { method: 'POST' })
      if (status === 204) onEvicted()
      await sleep(everyMs)
    }
  }
}

/** Runs it. @param startHost starts a child, given `ChildOptions` */
export async function runChaos(startHost: StartHost, options: ChaosOptions): Promise<ChaosReport> {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-hosts-'))
  const histories = join(folder, 'histories')
  mkdirSync(histories)
  const server = new Server(startHost, join(folder, 'stored'))
  const port = await server.start()
  const proxy = await startFaultProxy({ targets: [port] })
  const fleet = await startChild<FleetProcess>('fleet')
  try {
    const ids = options.wires.flatMap((wire) => [`${wire}-1`, `${wire}-2`])
    for (const wire of options.wires) {
      const own = [`${wire}-1`, `${wire}-2`]
      await fleet.call('open', { ids: own, port: proxy.port, wire: wire === 'all' ? undefined : wire })
    }
    const both = CHANNELS.map((of) => ({ of, run: RUN }))
    const follows = Object.fromEntries(ids.map((id) => [id, both]))
    const plan = { folder: histories, name: 'fleet', follows, present: RUN, boundMs: SETTLE_MS }
    const late = await fleet.call('begin', plan)

    const { forMs, everyMs = 20 } = options
    const count = Math.floor(forMs / everyMs)
    const published = fleet.call(
      'publish',
      ids.map((id) => ({ id, run: RUN, count, everyMs })),
    )
    const write = openHistory(histories, 'server')
    const endsAt = Date.now() + forMs
    const emitted = server.emitUntil(endsAt, everyMs, (k, n) => write({ k, c: `down?run=${RUN}`, s: 'server', n }))
    const untilOn = async (wire: WireName): Promise<void> => {
      const giveUpAt = Date.now() + CHANGE_MS
      for (;;) {
        const wires = await fleet.call('wires', undefined)
        if (Object.values(wires).every((one) => one === wire)) return
        if (Date.now() > giveUpAt) throw new Error(`Not all clients came to ${wire}: ${JSON.stringify(wires)}`)
        await sleep(LOOK_MS)
      }
    }
    const untilHeard = async (): Promise<void> => {
      const deaf = await fleet.call('heard', SETTLE_MS)
      if (deaf.length > 0) throw new Error(`Nothing was heard by ${deaf.join(', ')}.`)
    }
    const { origin } = server
    await options.disturb({ proxy, origin, endsAt, replaceServer: () => server.replace(), untilHeard, untilOn })
    await emitted
    await published

    const settleBy = Date.now() + SETTLE_MS
    let missing: readonly string[] = ids
    while (missing.length > 0 && Date.now() < settleBy) {
      for (const of of CHANNELS) await server.emit({ of, run: RUN, data: { s: 'end', n: 1 } })
      missing = await fleet.call('marked', 2000)
    }
    for (const of of CHANNELS) await server.readLog(of, openHistory(histories, `${STORE}-${of}`))
    const verdicts = check(readHistories(histories)).filter(({ reader }) => reader !== STORE)
    const upgrades = proxy.seen.filter(({ kind }) => kind === 'websocket').length
    return { verdicts, late: [...late, ...missing], kills: server.kills, cuts: proxy.struck(), upgrades }
  } finally {
    await fleet.kill()
    await proxy.close()
    await server.close()
    if (process.env.KEEP) console.log(`histories in ${histories}`)
    else rmSync(folder, { recursive: true, force: true })
  }
}

/** The server over its lives. */
class Server {
  kills = 0
  readonly #startHost: StartHost
  readonly #folder: string
  #host: Promise<Host> | undefined
  #port = 0

  /** @param folder where it keeps what it stores, if it stores anything */
  constructor(startHost: StartHost, folder: string) {
    this.#startHost = startHost
    this.#folder = folder
  }

  async start(): Promise<number> {
    const where = { port: this.#port, folder: this.#folder }
    const options: ChildOptions = { app: 'chaos', ...where, limits: {}, isBlind: false }
    this.#host = this.#startHost(options)
    this.#port = Number(new URL((await this.#host).base).port)
    return this.#port
  }

  /** SIGKILL, a moment without it, and another life on the same port. */
  async replace(): Promise<void> {
    await this.close()
    this.kills++
    await sleep(AWAY_MS)
    await this.start()
  }

  async close(): Promise<void> {
    await (await this.#host)?.close()
  }

  async emit(what: ChaosEmit): Promise<void> {
    const response = await fetch(`${this.origin}/inside/emit`, { method: 'POST', body: JSON.stringify(what) })
    if (response.status !== 204) throw new Error(`Emitting came to ${response.status} ${await response.text()}`)
  }

  /** Emits one event after the other, in whichever life. One without an answer may be in the log or not. */
  async emitUntil(
    endsAt: number,
    everyMs: number,
    write: (kind: 'sent' | 'acked', n: number) => void,
  ): Promise<void> {
    for (let n = 1; Date.now() < endsAt; n++) {
      write('sent', n)
      await this.emit({ of: 'down', run: RUN, data: { s: 'server', n } }).then(
        () => write('acked', n),
        () => undefined,
      )
      await sleep(everyMs)
    }
  }

  /** Writes down what the log holds in the end, page by page, as a reader of its own. */
  async readLog(of: (typeof CHANNELS)[number], write: ReturnType<typeof openHistory>): Promise<void> {
    const c = `${of}?run=${RUN}`
    let query = 'tail=1000000'
    for (;;) {
      const text = await (await fetch(`${this.origin}/rt/log/${of}/${RUN}?${query}`)).text()
      const lines = text.split('\n').filter((line) => line !== '')
      const events = lines
        .map((line) => JSON.parse(line) as { t: string; at: string; d: { s: string; n: number } })
        .filter(({ t }) => t === 'ev')
      for (const { at, d } of events) if (d.s !== 'end') write({ k: 'got', c, r: STORE, s: d.s, n: d.n, at })
      const last = events.at(-1)
      if (last === undefined) return
      query = `after=${encodeURIComponent(last.at)}`
    }
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`
  }
}
