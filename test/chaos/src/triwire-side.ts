// Triwire in a run: a broker's process, two nodes behind proxies that take them in turn, and a process of clients.

import { setTimeout as sleep } from 'node:timers/promises'
import type { WireName } from '@triwire/client'
import type { FaultCase, Row } from './fault-cases.ts'
import type { BrokerProcess } from './processes/broker.ts'
import type { NodeProcess } from './processes/node.ts'
import { type Child, startChild } from './processes/parent.ts'
import type { TriwireClientProcess } from './processes/triwire-client.ts'
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

const WIRES = { websocket: ['websocket'], sse: ['sse'], polling: ['polling'], all: undefined } as const
/** The channel everybody reads. */
const RUN = 'run'

interface Node {
  readonly name: string
  life: number
  port: number | undefined
  child: Child<NodeProcess>
}

/** Triwire. */
export class TriwireSide implements Side {
  readonly #plan: RunPlan
  readonly #nodes: Node[] = []
  #broker: Child<BrokerProcess> | undefined
  #brokerPort: number | undefined
  #brokerLife = 0
  #clients!: Child<TriwireClientProcess>
  #proxies = new Map<string, FaultProxy>()
  #strikes = 0

  constructor(plan: RunPlan) {
    this.#plan = plan
  }

  get #ids(): readonly string[] {
    return this.#plan.rows.flatMap((row) => clientsOf(this.#plan.case, row))
  }

  /** Connections struck by the proxies, and what was done to processes and clients: without any, nothing was tried. */
  get strikes(): number {
    return [...this.#proxies.values()].reduce((sum, proxy) => sum + proxy.struck(), this.#strikes)
  }

  /** The wire each client ended on. */
  async wires(): Promise<Readonly<Record<string, WireName | undefined>>> {
    const reports = this.#ids.map(async (id) => [id, (await this.#clients.call('report', id)).wire] as const)
    return Object.fromEntries(await Promise.all(reports))
  }

  async start(): Promise<void> {
    const alone = this.#plan.case.disturbance?.kind === 'kill-only-process'
    if (!alone) await this.#startBroker()
    for (const name of alone ? ['node-a'] : ['node-a', 'node-b']) {
      const node: Node = { name, life: 0, port: undefined, child: await startChild<NodeProcess>('node') }
      this.#nodes.push(node)
      await this.#startNode(node)
    }
    this.#proxies = await startProxies(
      this.#plan,
      this.#nodes.map(({ port }) => port as number),
    )
    this.#clients = await startChild<TriwireClientProcess>('triwire-client')
    await this.#clients.call('start', { folder: this.#plan.folder, name: 'clients' })
  }

  async open(): Promise<void> {
    const opened = this.#plan.rows.flatMap((row) =>
      clientsOf(this.#plan.case, row).map((id) => {
        const wires = WIRES[row]
        return this.#clients.call('open', {
          id,
          port: (this.#proxies.get(row) as FaultProxy).port,
          ...(wires === undefined ? {} : { wires }),
          down: RUN,
          hasty: true,
          boundMs: OPEN_BOUND_MS,
        })
      }),
    )
    await Promise.all(opened)
  }

  async send(): Promise<void> {
    const { messages, everyMs } = this.#plan
    const over = new AbortController()
    const disturbed = this.#disturb(over.signal)
    const emitted = this.#nodes.map((node) => this.#emit(node, messages / this.#nodes.length))
    const published = this.#ids.map((id) =>
      this.#clients.call('publish', { id, run: id, count: messages, everyMs }),
    )
    await Promise.all(emitted)
    await within(messages * everyMs + SETTLE_BOUND_MS, Promise.all(published))
    over.abort()
    await disturbed
  }

  async settle(): Promise<string[]> {
    for (const proxy of this.#proxies.values()) proxy.setFaults([])
    const endsAt = Date.now() + SETTLE_BOUND_MS
    for (let n = 1; ; n++) {
      const node = this.#nodes[n % this.#nodes.length] as Node
      await node.child.call('mark', { run: RUN, n }).catch(() => undefined)
      // Any mark will do: behind a gap, the first one may be among what is gone.
      const missing = await this.#clients.call('marked', { ids: this.#ids, n: 1, boundMs: MARK_EVERY_MS })
      if (missing.length === 0 || Date.now() > endsAt) return missing
    }
  }

  async close(): Promise<void> {
    for (const proxy of this.#proxies.values()) await proxy.close()
    for (const child of [this.#clients, ...this.#nodes.map((node) => node.child), this.#broker]) await child?.kill()
  }

  async #startBroker(): Promise<void> {
    this.#broker = await startChild<BrokerProcess>('broker')
    const port = this.#brokerPort === undefined ? {} : { port: this.#brokerPort }
    const started = await this.#broker.call('start', {
      folder: this.#plan.folder,
      life: this.#brokerLife++,
      ...port,
    })
    this.#brokerPort = started.port
  }

  async #startNode(node: Node, child = node.child): Promise<void> {
    const life = node.life++
    const { port } = await child.call('start', {
      folder: this.#plan.folder,
      name: `${node.name}-${life}`,
      life,
      ...(node.port === undefined ? {} : { port: node.port }),
      ...(this.#brokerPort === undefined ? {} : { broker: { kind: 'remote', port: this.#brokerPort } }),
    })
    node.port = port
  }

  /** Emits the share of a node; a life that is killed is followed by one that emits the rest. */
  async #emit(node: Node, count: number): Promise<void> {
    const everyMs = this.#plan.everyMs * this.#nodes.length
    const endsAt = Date.now() + count * everyMs
    for (let left = count; left >= 1; left = Math.floor((endsAt - Date.now()) / everyMs)) {
      const { child } = node
      const done = await child.call('emit', { run: RUN, count: Math.ceil(left), everyMs }).then(
        () => true,
        () => false,
      )
      if (done) return
      // The next life begins when its predecessor's end has been noticed.
      while (node.child === child) await sleep(10)
    }
  }

  async #disturb(over: AbortSignal): Promise<void> {
    const { disturbance } = this.#plan.case
    if (disturbance === undefined) return
    const pause = (ms: number): Promise<unknown> => sleep(ms, undefined, { signal: over }).catch(() => undefined)
    const half = (this.#plan.messages * this.#plan.everyMs) / 2
    switch (disturbance.kind) {
      case 'kill-node':
      case 'drain-node':
        for (let turn = 0; ; turn++) {
          await pause(disturbance.everyMs)
          if (over.aborted) return
          await this.#replace(this.#nodes[turn % this.#nodes.length] as Node, disturbance.kind === 'drain-node')
        }
      case 'kill-broker':
        await pause(half)
        this.#strikes++
        await this.#broker?.kill()
        await this.#startBroker()
        return
      case 'kill-only-process':
        await pause(half)
        await this.#replace(this.#nodes[0] as Node, false)
        return
      case 'change-wires':
      case 'half-open-return':
        for (let turn = 1; ; turn++) {
          await pause(disturbance.everyMs)
          if (over.aborted) return
          if (disturbance.kind === 'half-open-return') this.#strike((proxy) => proxy.silence())
          const { through } = disturbance
          const wire = through[turn % through.length] as WireName
          await this.#clients.call('setWires', { ids: this.#ids, wires: [wire] })
          this.#strikes++
        }
      case 'half-open':
        for (let strike = 0; strike < 2; strike++) {
          await pause((this.#plan.messages * this.#plan.everyMs) / 3)
          this.#strike((proxy) => proxy.silence())
        }
        return
      case 'blackout':
        await pause(half)
        for (const proxy of this.#proxies.values()) proxy.setFaults([{ kind: 'unreachable' }])
        this.#strike((proxy) => proxy.cut())
        await pause(disturbance.forMs)
        for (const proxy of this.#proxies.values()) proxy.setFaults([])
    }
  }

  #strike(how: (proxy: FaultProxy) => number): void {
    for (const proxy of this.#proxies.values()) how(proxy)
  }

  async #replace(node: Node, gently: boolean): Promise<void> {
    this.#strikes++
    if (gently) await node.child.call('drain', undefined)
    await node.child.kill()
    const child = await startChild<NodeProcess>('node')
    await this.#startNode(node, child)
    node.child = child
  }
}

/** The clients of a row: one that is called like it, or several. */
export function clientsOf({ copies = 1 }: FaultCase, row: Row): readonly string[] {
  return copies === 1 ? [row] : Array.from({ length: copies }, (_, index) => `${row}-${index + 1}`)
}
