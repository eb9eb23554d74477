// Floods over connections that stay: each writes as much as its socket takes, in the largest messages there are.

import { connect, type Socket } from 'node:net'
import { ATTACKER_ADDRESS, CONNECTIONS, type Flood } from './flood.ts'
import { message, opening } from './words.ts'

/** What is said on each connection. */
export interface LineFloodOptions {
  readonly port: number
  /** Lines that come with `hello`. */
  readonly first?: readonly string[]
  /** The next lines of a connection; undefined where it has nothing more to say. */
  readonly next?: () => readonly string[]
  /** Whether what the server says is read. */
  readonly reads: boolean
}

/** The flood. */
export class LineFlood implements Flood {
  done = 0
  letGo = 0
  readonly #options: LineFloodOptions
  readonly #sockets = new Set<Socket>()
  #stopped = false

  constructor(options: LineFloodOptions) {
    this.#options = options
    for (let index = 0; index < CONNECTIONS; index++) this.#open()
  }

  stop(): void {
    this.#stopped = true
    for (const socket of this.#sockets) socket.destroy()
  }

  #open(): void {
    if (this.#stopped) return
    const { port, first = [], reads } = this.#options
    const socket = connect({ port, host: '127.0.0.1', localAddress: ATTACKER_ADDRESS, noDelay: true })
    this.#sockets.add(socket)
    if (reads) socket.resume()
    else socket.pause()
    socket.write(opening(first))
    this.done += first.length
    socket.on('connect', () => this.#pump(socket))
    socket.on('drain', () => this.#pump(socket))
    // A reset is as much an end as any.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#sockets.delete(socket)
      if (!this.#stopped) this.letGo++
      setImmediate(() => this.#open())
    })
  }

  #pump(socket: Socket): void {
    const { next } = this.#options
    if (next === undefined || this.#stopped) return
    const lines = next()
    this.done += lines.length
    // One message per turn: the other connections are to have theirs.
    if (socket.write(message(lines))) setImmediate(() => this.#pump(socket))
  }
}
