/** The network of one client, as a test sees it: what may be done to it, in words. */
import type { Client } from '@triwire/client'
import { type Contract, TriwireError, type WireName } from '@triwire/protocol'
import type { Network, Site } from './network.ts'
import type { Weather } from './weather.ts'

/**
 * What can be done to a network. Each is a change that lasts until it is undone; what follows from it takes time, so move
 * it with `advance` or `settle` afterwards.
 */
export interface NetworkControls {
  /**
   * Cuts everything, and lets nothing through until `online`.
   * @param options.silent as a phone in a tunnel: nothing is cut, nothing is refused, nothing arrives. The client finds out
   * by its own pings and time-outs (within half a minute on a WebSocket that is quiet)
   */
  offline(options?: { readonly silent?: boolean }): void
  /**
   * Ends `offline`. Clients that wait for their next attempt make it at once, as in a browser that comes online; a poll that
   * was lost less than a second ago is asked again within one.
   */
  online(): void
  /** Cuts all connections that are open. Clients come back by themselves: within 500 ms the first time, then 1 s, 2 s … */
  drop(): void
  /**
   * How long everything takes from now on, each way. Default 0.
   * @throws TriwireError `bad_time` where that is no number of milliseconds
   */
  latency(ms: number): void
  /**
   * Lets a wire through no longer, and cuts those of this kind that are open.
   * @param how `refuse`, the default: it fails at once. `swallow`: nothing ever answers, as behind some middleboxes
   * @throws TriwireError `bad_wire`
   */
  block(wire: WireName, how?: 'refuse' | 'swallow'): void
  /** Ends `block`, of all wires where none is named. Clients find out by probing, after ten seconds and then less often. */
  unblock(wire?: WireName): void
}

/** Where a wire is recognised: the weather it has, and what its connections are called. */
const WIRES = {
  websocket: { weather: 'socket', kind: 'socket' },
  sse: { weather: 'streams', kind: '/stream' },
  polling: { weather: 'polls', kind: '/poll' },
} as const satisfies Readonly<Record<WireName, { readonly weather: keyof Weather; readonly kind: string }>>

/** The network of one client. */
export class ClientNetwork implements NetworkControls {
  readonly site: Site
  readonly weather: Weather
  readonly #network: Network
  #wake: () => void = () => {}

  constructor(network: Network, site: Site, weather: Weather) {
    this.#network = network
    this.site = site
    this.weather = weather
  }

  /** @param wake has the client make its next attempt now */
  handleClient(wake: () => void): void {
    this.#wake = wake
  }

  offline({ silent = false }: { readonly silent?: boolean } = {}): void {
    this.weather.down = silent ? 'hangs' : 'refuses'
    for (const connection of [...this.site.connections]) {
      if (silent) connection.silence()
      else connection.cut()
    }
  }

  online(): void {
    if (this.weather.down === undefined) return
    this.weather.down = undefined
    // In a moment, when whoever was cut off has noticed.
    this.#network.clock.after(2, this.site.actor, this.#wake)
  }

  drop(): void {
    for (const connection of [...this.site.connections]) connection.cut()
  }

  latency(ms: number): void {
    this.site.latencyMs = checkMs('latency', ms)
  }

  block(wire: WireName, how: 'refuse' | 'swallow' = 'refuse'): void {
    const { weather, kind } = wireOf(wire)
    this.weather[weather] = how === 'swallow' ? 'swallowed' : 'refused'
    for (const connection of [...this.site.connections]) if (connection.kind === kind) connection.cut()
  }

  unblock(wire?: WireName): void {
    for (const { weather } of wire === undefined ? Object.values(WIRES) : [wireOf(wire)])
      this.weather[weather] = undefined
  }
}

/** A client that can be woken: told once more which wires it may use, it makes its next attempt at once. */
export function waker<TContract extends Contract>(client: Client<TContract>): Client<TContract> & { wake(): void } {
  let wires: readonly WireName[] | undefined
  return {
    ...client,
    setWires(next) {
      wires = next
      client.setWires(next)
    },
    wake: () => client.setWires(wires),
  }
}

/** @throws TriwireError `bad_time` */
export function checkMs(verb: string, ms: number): number {
  if (ms >= 0 && ms < Number.POSITIVE_INFINITY) return ms
  throw new TriwireError('bad_time', `${verb}() takes a number of milliseconds from 0, not ${String(ms)}.`)
}

function wireOf(wire: WireName): (typeof WIRES)[WireName] {
  if (Object.hasOwn(WIRES, wire)) return WIRES[wire]
  throw new TriwireError('bad_wire', `There is no wire "${String(wire)}". Name "websocket", "sse" or "polling".`)
}
