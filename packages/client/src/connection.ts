/** The connection as an app shows it, made from the link's states with a grace period: a blip must not flicker. */
import type { WireName } from '@triwire/protocol'
import { Cell } from './cell.ts'
import type { ConnectionState, Observer } from './channel-types.ts'
import { idleConnection } from './idle.ts'
import type { Link } from './link.ts'

/** Milliseconds a lost connection may take to come back before it shows. */
const GRACE_MS = 1000

/** What is shown of a wire that another tab keeps. */
export type SharedWire = Partial<Pick<ConnectionState, 'wire' | 'rtt'>>

/** The connection. */
export class Connection {
  readonly observer: Observer<ConnectionState>
  readonly #link: Link
  readonly #cell: Cell<ConnectionState>
  #wire: WireName | undefined
  #rtt: number | undefined
  #shared: SharedWire | undefined
  /** Until when it counts as up: Infinity while it is; undefined where it has not been since somebody has needed it. */
  #upUntil: number | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(link: Link) {
    this.#link = link
    this.#cell = new Cell(idleConnection.getSnapshot(), () => this.#compute(Date.now()))
    this.observer = this.#cell
  }

  handleRtt(rttMs: number): void {
    this.#rtt = Math.round(rttMs)
    this.#cell.invalidate()
  }

  /** This client lives on the wire of another tab from now on, or no longer. */
  handleShared(shared: SharedWire | undefined): void {
    this.#shared = shared
    this.#cell.invalidate()
  }

  /** The link has moved. */
  handleChange(now: number): void {
    const { state } = this.#link
    if (state.name === 'open') {
      const { wire } = state.main
      if (this.#wire !== wire) this.#rtt = undefined
      this.#wire = wire
      this.#upUntil = Number.POSITIVE_INFINITY
    } else if (state.name === 'idle' || state.name === 'closed') {
      this.#upUntil = undefined
      clearTimeout(this.#timer)
    } else if (this.#upUntil === Number.POSITIVE_INFINITY) {
      this.#upUntil = now + GRACE_MS
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => this.#cell.invalidate(), GRACE_MS)
    }
    this.#cell.invalidate()
  }

  #compute(now: number): ConnectionState {
    const { state, failures, error } = this.#link
    const name = this.#nameOf(now)
    const online = name === 'online'
    const { wire = this.#wire, rtt = this.#rtt } = this.#shared ?? {}
    return {
      state: name,
      wire,
      rtt,
      attempt: online ? 0 : failures,
      retryAt: state.name === 'waiting' ? state.until : undefined,
      error: online ? undefined : state.name === 'closed' ? state.error : error,
    }
  }

  #nameOf(now: number): ConnectionState['state'] {
    const { state, failures } = this.#link
    if (state.name === 'closed' || state.name === 'idle') return state.name
    if (this.#upUntil !== undefined && now < this.#upUntil) return 'online'
    if (failures > 1 || (globalThis.navigator as { onLine?: boolean } | undefined)?.onLine === false)
      return 'offline'
    return this.#upUntil === undefined ? 'connecting' : 'reconnecting'
  }
}
