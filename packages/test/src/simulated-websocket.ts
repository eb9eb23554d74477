/** `WebSocket` as a page in memory finds it: the part of the HTML standard's that clients use. */
import type { WebSocketConstructor, WebSocketLike } from '@triwire/client'
import { Connection, type Network, type Site } from './network.ts'
import { acceptSocket, type RunningNode, type Wiretap } from './node.ts'
import type { Random } from './random.ts'
import { type Weather, withoutSome } from './weather.ts'

/** What a page's way to the servers is made of. */
export interface Way {
  readonly network: Network
  readonly site: Site
  readonly weather: Weather
  readonly random: Random
  /** Picks a node for a new connection: none is sticky. */
  readonly route: () => RunningNode | undefined
  readonly wiretap?: Wiretap
  /** Told of every socket and stream that the page asks for, whatever becomes of it. */
  readonly handleTried?: () => void
}

/** Milliseconds between the open and the killing of a WebSocket that is killed. */
const KILLED_AFTER_MS = 200

/** Makes the constructor for one page. */
export function createWebSocket(way: Way): WebSocketConstructor {
  return class extends SimulatedWebSocket {
    constructor() {
      super(way)
    }
  }
}

class SimulatedWebSocket implements WebSocketLike {
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  onerror: ((event: never) => void) | null = null
  #state: 'connecting' | 'open' | 'closing' | 'closed' = 'connecting'
  #connection: Connection | undefined
  #accepted: Exclude<ReturnType<typeof acceptSocket>, number> | undefined
  readonly #way: Way

  constructor(way: Way) {
    this.#way = way
    const { network, site, weather } = way
    const { clock } = network
    way.handleTried?.()
    const fail = (): unknown => clock.after(network.latency(site), site.actor, () => this.#handleClose(1006))
    if (weather.down === 'refuses' || weather.socket === 'refused') fail()
    else if (weather.down === undefined && weather.socket !== 'swallowed') {
      const node = way.route()
      if (node === undefined) fail()
      else this.#connect(node)
    }
  }

  send(data: string): void {
    if (this.#state !== 'open') return
    this.#connection?.sendUp(data.length, () => this.#accepted?.handleFrame(data))
  }

  close(): void {
    if (this.#state === 'closed' || this.#state === 'closing') return
    this.#state = 'closing'
    const connection = this.#connection
    connection?.sendUp(2, () => this.#accepted?.handleClose())
    connection?.endClient()
    const { network, site } = this.#way
    network.clock.after(network.latency(site), site.actor, () => this.#handleClose(1000))
  }

  #connect(node: RunningNode): void {
    const { network, site, weather, wiretap } = this.#way
    const { clock } = network
    const connection = new Connection(network, 'socket', site, node.site)
    this.#connection = connection
    connection.clientEnd = { broken: () => this.#handleClose(1006) }
    const { socket: fate } = weather
    connection.up.send(100, () => {
      if (connection.clientEnd === undefined) return
      const accepted = acceptSocket(
        network,
        node,
        connection,
        {
          handleOpen: () => {
            if (this.#state !== 'connecting') return
            this.#state = 'open'
            if (fate === 'silent') connection.silence()
            if (fate === 'killed') clock.after(KILLED_AFTER_MS, site.actor, () => connection.cut())
            this.onopen?.({} as never)
          },
          handleMessage: (data) => {
            if (this.#state === 'open') this.onmessage?.({ data: withoutSome(data, weather, this.#way.random) })
          },
          handleClose: (code) => {
            connection.endClient()
            this.#handleClose(code)
          },
        },
        wiretap,
      )
      if (typeof accepted === 'number') {
        connection.breakClient()
      } else this.#accepted = accepted
    })
  }

  #handleClose(code: number): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    if (code === 1006) this.onerror?.({} as never)
    this.onclose?.({ code, reason: '' })
  }
}
