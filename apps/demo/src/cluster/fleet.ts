// The nodes: real processes of the same server, each on a port of its own. One that ends, for whatever reason, is
// started again.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Node } from '../contract.ts'
import { NODE_SETTINGS, type NodeMessage, type NodeOrder, type NodeSettings } from './messages.ts'

/** Milliseconds a node stays away, so that one can see that it is. */
const AWAY_MS = 4000
/** Milliseconds a node has to say goodbye. */
const GOODBYE_MS = 3000
/** Clients whose node is remembered; of more than that, those who attached last. */
const SEATS = 100

interface Member {
  readonly id: number
  state: Node['state']
  port: number
  child: ChildProcess
}

/** What the nodes are made of. */
export interface FleetOptions {
  readonly size: number
  /** The server's file. */
  readonly script: string
}

/** The nodes. */
export class Fleet {
  readonly #options: FleetOptions
  readonly #members: Member[] = []
  readonly #seats = new Map<string, number>()
  #settings: NodeSettings | undefined
  #turn = 0
  #stopping = false

  constructor(options: FleetOptions) {
    this.#options = options
  }

  /** Starts all of them. @throws where one ends before it serves */
  async start(settings: NodeSettings): Promise<void> {
    this.#settings = settings
    await Promise.all(
      Array.from({ length: this.#options.size }, async (_, index) => {
        const member: Member = { id: index + 1, state: 'starting', port: 0, child: this.#spawn() }
        this.#members.push(member)
        this.#watch(member)
        await new Promise<void>((resolve, reject) => {
          member.child.once('message', () => resolve())
          member.child.once('exit', () => reject(new Error(`Node ${member.id} ended before it served.`)))
        })
      }),
    )
  }

  /** The port of the next node that is up, in turns; undefined where none is. */
  next(): number | undefined {
    const up = this.#members.filter(({ state }) => state === 'up')
    return up[this.#turn++ % up.length]?.port
  }

  get nodes(): Node[] {
    return this.#members.map(({ id, state, child }) => ({
      id,
      state,
      pid: state === 'down' ? undefined : child.pid,
    }))
  }

  /** By which node each client is served, as far as is known. */
  get seats(): Record<string, number> {
    return Object.fromEntries(this.#seats)
  }

  /** Ends a node without a word. False where it is not there to be ended. */
  kill(id: number): boolean {
    const member = this.#members.find((candidate) => candidate.id === id)
    if (member === undefined || member.state === 'down') return false
    // Nobody is sent there from this moment, rather than from when its end is noticed.
    member.state = 'down'
    return member.child.kill('SIGKILL')
  }

  /** Lets a node go after its clients went elsewhere. False where it is not serving. */
  drain(id: number): boolean {
    const member = this.#members.find((candidate) => candidate.id === id)
    if (member?.state !== 'up') return false
    member.state = 'draining'
    const order: NodeOrder = { type: 'drain' }
    return member.child.send(order)
  }

  /** Ends all of them, and waits until they are gone. */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(
      this.#members.map(async ({ child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const gone = once(child, 'exit')
        child.kill('SIGTERM')
        const timer = setTimeout(() => child.kill('SIGKILL'), GOODBYE_MS)
        await gone
        clearTimeout(timer)
      }),
    )
  }

  #spawn(): ChildProcess {
    const env = { ...process.env, PORT: '0', HOST: '127.0.0.1', [NODE_SETTINGS]: JSON.stringify(this.#settings) }
    // Apart from the terminal: Ctrl+C is for the parent, which says goodbye to them in its own order.
    return fork(this.#options.script, { env, detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  }

  #watch(member: Member): void {
    const { child, id } = member
    child.on('message', (message: NodeMessage) => {
      // What it said in its last moment may be read after its end.
      if (member.child !== child || member.state === 'down') return
      if (message.type === 'seat') this.#sit(message.seat, id)
      else if (member.state === 'starting') Object.assign(member, { state: 'up', port: message.port })
    })
    // It is gone by then, and `exit` says so.
    child.on('error', () => {})
    child.once('exit', () => {
      member.state = 'down'
      for (const [seat, node] of this.#seats) if (node === id) this.#seats.delete(seat)
      if (!this.#stopping) setTimeout(() => this.#restart(member), AWAY_MS)
    })
  }

  #restart(member: Member): void {
    if (this.#stopping) return
    Object.assign(member, { state: 'starting', child: this.#spawn() })
    this.#watch(member)
  }

  #sit(seat: string, node: number): void {
    this.#seats.delete(seat) // so that it comes back as the newest
    this.#seats.set(seat, node)
    const [oldest] = this.#seats.keys()
    if (this.#seats.size > SEATS && oldest !== undefined) this.#seats.delete(oldest)
  }
}
