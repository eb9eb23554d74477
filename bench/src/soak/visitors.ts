// As many visitors as there should be: whoever goes is followed by another at once, over the same wire.

import type { Tally } from '../load/tally.ts'
import type { Wire } from '../peers/peer.ts'
import { type Visitor, visit } from './visitor.ts'

/** What they have come to. */
export interface VisitorCounts {
  readonly here: number
  /** Who has ever come. */
  readonly came: number
  readonly acts: number
  readonly delivered: Readonly<Record<Wire, number>>
}

/** Common channels. Odd, so that visitors over all wires meet in each. */
export const COMMON = 21
/** Numbers of channels that visitors have to themselves begin here. */
const OWN = 1000

/**
 * Users that visitors are, each visit with a session of its own. Fewer than the tokens a server remembers, which would
 * otherwise go on growing for half an hour before they reach their bound.
 */
const USERS = 1000

/** Milliseconds of a stay: from a glance to two minutes. */
const STAY_MS = { least: 5000, most: 120_000 }
/** Milliseconds from one act to the next. */
const REST_MS = { least: 2000, most: 6000 }

/** Half of them over WebSocket. */
const WIRES: readonly Wire[] = ['websocket', 'sse', 'websocket', 'polling']

/** All who are here. */
export class Visitors {
  readonly #port: number
  readonly #tally: Tally
  readonly #fail: (error: Error) => void
  readonly #here = new Map<Visitor, { goes: NodeJS.Timeout; acts?: NodeJS.Timeout }>()
  readonly #delivered: Record<Wire, number> = { websocket: 0, sse: 0, polling: 0 }
  #came = 0
  #acts = 0

  /** @param fail told of whatever a server must not do */
  constructor(port: number, tally: Tally, fail: (error: Error) => void) {
    this.#port = port
    this.#tally = tally
    this.#fail = fail
  }

  get counts(): VisitorCounts {
    const delivered = { ...this.#delivered }
    for (const { wire, client } of this.#here.keys()) delivered[wire] += client.delivered
    return { here: this.#here.size, came: this.#came, acts: this.#acts, delivered }
  }

  /** Lets so many in. */
  open(count: number): void {
    for (let index = 0; index < count; index++) this.#come(WIRES[index % WIRES.length] as Wire)
  }

  close(): void {
    for (const visitor of this.#here.keys()) this.#go(visitor)
  }

  #come(wire: Wire): void {
    const number = this.#came++
    const visitor = visit(
      wire,
      {
        port: this.#port,
        index: number % USERS,
        channels: [number % COMMON, OWN + number],
        sampled: false,
        onReady: () => this.#rest(visitor),
        onBroken: this.#fail,
      },
      this.#tally,
    )
    const goes = setTimeout(() => {
      this.#go(visitor)
      this.#come(wire)
    }, between(STAY_MS))
    this.#here.set(visitor, { goes })
  }

  #rest(visitor: Visitor): void {
    const stay = this.#here.get(visitor)
    if (stay === undefined) return
    stay.acts = setTimeout(() => {
      this.#acts++
      visitor.act().catch((error: unknown) => {
        // What the server does to somebody who has gone is no matter.
        if (this.#here.has(visitor)) this.#fail(error as Error)
      })
      this.#rest(visitor)
    }, between(REST_MS))
  }

  #go(visitor: Visitor): void {
    const stay = this.#here.get(visitor)
    clearTimeout(stay?.goes)
    clearTimeout(stay?.acts)
    this.#here.delete(visitor)
    this.#delivered[visitor.wire] += visitor.client.delivered
    visitor.client.close()
  }
}

function between({ least, most }: { readonly least: number; readonly most: number }): number {
  return least + Math.random() * (most - least)
}
