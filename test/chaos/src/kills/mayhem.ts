// What goes wrong in a long run, again and again while messages flow: chosen by a seed, one thing at a time.

import { setTimeout as sleep } from 'node:timers/promises'
import { LEASE_MS, type Station, type StationNode } from './station.ts'

/** How often each thing happened, by name. */
export type Tally = Map<string, number>

/** The mayhem of a run. */
export class Mayhem {
  readonly tally: Tally = new Map()
  /** Processes killed with SIGKILL. */
  kills = 0
  readonly #station: Station
  readonly #random: () => number

  constructor(station: Station, random: () => number) {
    this.#station = station
    this.#random = random
  }

  /** Does one thing after another until it is told to stop, and leaves everything running and connected. */
  async run(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await this.#strike()
      await sleep(200 + this.#random() * 800, undefined, { signal: over }).catch(() => undefined)
    }
  }

  async #strike(): Promise<void> {
    const { engine, nodes } = this.#station
    const node = nodes[Math.floor(this.#random() * nodes.length)] as StationNode
    const choice = this.#random()
    const blow = engine.blows[Math.floor(this.#random() * engine.blows.length)]
    if (choice < 0.45 || (choice < 0.75 && blow === undefined)) {
      await this.#count('node killed', 1, () => this.#station.replace(node, this.#random() * 800))
    } else if (choice < 0.75 && blow !== undefined) {
      await this.#count(blow.name, blow.kills, async () => {
        await blow.strike()
        this.#station.follow()
        for (const { relay } of nodes) relay.cut()
      })
    } else if (choice < 0.8) {
      await this.#count('node stopped beyond its lease', 0, async () => {
        node.child.freeze()
        await sleep(LEASE_MS * 1.5)
        node.child.thaw()
      })
    } else if (choice < 0.85) {
      await this.#count('node drained', 0, async () => {
        await node.child.call('drain', undefined)
        await this.#station.replace(node, 0)
      })
    } else if (choice < 0.93) {
      await this.#count('line to the store cut', 0, async () => {
        node.relay.isDown = true
        node.relay.cut()
        await sleep(this.#random() * 2000)
        node.relay.isDown = false
      })
    } else {
      await this.#count('line to the store silent', 0, async () => {
        node.relay.silence()
        await sleep(1000)
      })
    }
  }

  async #count(name: string, kills: number, what: () => Promise<void>): Promise<void> {
    await what()
    this.kills += kills
    this.tally.set(name, (this.tally.get(name) ?? 0) + 1)
  }
}
