// Floods of connections that come and go: each asks for something and drops as soon as the server has had the work of it.

import { connect } from 'node:net'
import { ATTACKER_ADDRESS, CONNECTIONS, type Flood } from './flood.ts'

/** What is asked for on each connection. */
export interface VisitFloodOptions {
  readonly port: number
  /** Everything a visitor says. */
  readonly say: () => Buffer
  /** What it waits for before it goes; nothing, where the request alone does the harm. */
  readonly until?: RegExp
  /** Told what the server had said by then. */
  readonly onHeard?: (text: string) => void
}

/** The flood. */
export class VisitFlood implements Flood {
  done = 0
  letGo = 0
  readonly #options: VisitFloodOptions
  #stopped = false

  constructor(options: VisitFloodOptions) {
    this.#options = options
    for (let index = 0; index < CONNECTIONS; index++) this.#visit()
  }

  stop(): void {
    this.#stopped = true
  }

  #visit(): void {
    if (this.#stopped) return
    const { port, say, until, onHeard } = this.#options
    const socket = connect({ port, host: '127.0.0.1', localAddress: ATTACKER_ADDRESS, noDelay: true })
    let leaves = false
    let heard = ''
    const leave = (): void => {
      leaves = true
      this.done++
      // A reset would also drop what the server has not read yet.
      if (until === undefined) socket.destroy()
      else socket.resetAndDestroy()
    }
    socket.write(say(), () => {
      if (until === undefined) leave()
    })
    socket.on('data', (bytes) => {
      if (until === undefined || leaves) return
      heard += bytes.toString('latin1')
      if (!until.test(heard)) return
      onHeard?.(heard)
      leave()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (!leaves) this.letGo++
      setImmediate(() => this.#visit())
    })
  }
}
