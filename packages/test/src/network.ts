/**
 * The network between clients and nodes. A connection is two pipes that keep their order, and nothing else is promised:
 * either pipe may stall or fall silent, and an end may learn late or never that the other is gone.
 */
import { type Actor, createActor } from './clock.ts'
import type { Schedule } from './schedule.ts'

/** What an end of a connection is told. */
export interface End {
  /** The connection is gone. */
  broken: () => void
  /** What was stalled has been taken. */
  taken?: () => void
}

interface Waiting {
  readonly bytes: number
  readonly arrive: () => void
}

/** One direction. */
export class Pipe {
  /** Swallows everything, and tells nobody. */
  silent = false
  stalled = false
  /** Bytes that the sender has written and the network has not taken. */
  bufferedBytes = 0
  #arrivedAt = 0
  #waiting: Waiting[] = []
  readonly #clock: Schedule
  readonly #to: Actor
  readonly #latency: () => number

  constructor(clock: Schedule, to: Actor, latency: () => number) {
    this.#clock = clock
    this.#to = to
    this.#latency = latency
  }

  send(bytes: number, arrive: () => void): void {
    if (this.silent) {
      // Nothing is acknowledged, so the sender's buffers fill.
      this.bufferedBytes += bytes
    } else if (this.stalled) {
      this.bufferedBytes += bytes
      this.#waiting.push({ bytes, arrive })
    } else {
      this.#arrivedAt = Math.max(this.#arrivedAt, this.#clock.now + this.#latency())
      this.#clock.at(this.#arrivedAt, this.#to, () => {
        if (!this.silent) arrive()
      })
    }
  }

  /** Lets what waits go, up to so many bytes. */
  release(bytes: number = Number.POSITIVE_INFINITY): void {
    const before = this.stalled
    this.stalled = false
    let left = bytes
    while (left > 0 && this.#waiting.length > 0) {
      const next = this.#waiting.shift() as Waiting
      left -= next.bytes
      this.bufferedBytes -= next.bytes
      this.send(next.bytes, next.arrive)
    }
    this.stalled = before && bytes !== Number.POSITIVE_INFINITY
  }
}

/** A connection between one client and one node. */
export class Connection {
  readonly kind: string
  readonly client: Site
  readonly node: Site
  readonly up: Pipe
  readonly down: Pipe
  readonly number: number
  clientEnd: End | undefined
  nodeEnd: End | undefined
  /** When its opening reached the node. */
  openedAt: number = Number.POSITIVE_INFINITY
  /** When the node first greeted the client: from then on it knows whose connection this is. */
  welcomedAt: number = Number.POSITIVE_INFINITY
  /** Whether a write into the silence is answered with a reset. */
  resets = false
  readonly #clock: Schedule

  constructor(network: Network, kind: string, client: Site, node: Site) {
    this.kind = kind
    this.client = client
    this.node = node
    this.number = network.nextNumber()
    this.#clock = network.clock
    this.up = new Pipe(network.clock, node.actor, () => network.latency(client))
    this.down = new Pipe(network.clock, client.actor, () => network.latency(client))
    client.connections.add(this)
  }

  get silent(): boolean {
    return this.up.silent && this.down.silent
  }

  /** Half-open: both ends believe that it lives. */
  silence(): void {
    this.up.silent = true
    this.down.silent = true
  }

  sendUp(bytes: number, arrive: () => void): void {
    this.up.send(bytes, arrive)
    if (this.silent && this.resets) this.breakClient()
  }

  sendDown(bytes: number, arrive: () => void): void {
    this.down.send(bytes, arrive)
    if (this.silent && this.resets) this.breakNode()
  }

  /** A reset; each end learns of it a moment later, or not at all. */
  cut(client: boolean = true, node: boolean = true): void {
    this.silence()
    if (client) this.breakClient()
    if (node) this.breakNode()
  }

  breakClient(): void {
    const end = this.clientEnd
    if (end === undefined) return
    this.endClient()
    this.#clock.after(1, this.client.actor, end.broken)
  }

  breakNode(): void {
    const end = this.nodeEnd
    if (end === undefined) return
    this.endNode()
    this.#clock.after(1, this.node.actor, end.broken)
  }

  /** The opening has reached the node. */
  accept(end: End): void {
    this.openedAt = this.#clock.now
    this.nodeEnd = end
    this.node.connections.add(this)
  }

  /** The client's end is closed; nothing is told to it any more. */
  endClient(): void {
    this.clientEnd = undefined
    this.client.connections.delete(this)
  }

  endNode(): void {
    this.nodeEnd = undefined
    this.node.connections.delete(this)
  }
}

/** A machine on the network. */
export interface Site {
  readonly actor: Actor
  readonly connections: Set<Connection>
  /** Milliseconds of one way, at most. */
  latencyMs: number
  /** Header fields that its requests carry. */
  readonly headers: Readonly<Record<string, string>>
}

/** Makes a machine. */
export function createSite(name: string, latencyMs: number, headers: Site['headers'] = {}): Site {
  return { actor: createActor(name), connections: new Set(), latencyMs, headers }
}

/** The network. */
export class Network {
  readonly clock: Schedule
  readonly #draw: () => number
  #connections = 0

  /** @param draw numbers from 0 to 1: how much of its latency a message takes */
  constructor(clock: Schedule, draw: () => number) {
    this.clock = clock
    this.#draw = draw
  }

  nextNumber(): number {
    return ++this.#connections
  }

  latency(site: Site): number {
    return site.latencyMs * (0.3 + 0.7 * this.#draw())
  }
}
