/** The connection as an app shows it, made from the link's states with a grace period: a blip must not flicker. */
import type { WireName } from '@triwire/protocol'
import { Cell } from './cell.ts'
import type { ConnectionState, Observer } from './channel-types.ts'
import type { Link } from './link.ts'

/** Milliseconds a lost connection may take to come back before it shows. */
const GRACE_MS = 1000

/** The connection. */
export class Connection {
  readonly #link: Link
  readonly #cell: Cell<ConnectionState>
  #wire: WireName | undefined
  #rtt: number | undefined
  /** Whether it has been up since somebody has needed it. */
  #wasUp = false
  #lostAt: number | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(link: Link) {
    this.#link = link
    const idle: ConnectionState = {
      state: 'idle',
      wire: undefined,
      rtt: undefined,
      attempt: 0,
      retryAt: undefined,
      error: undefined,
    }
    this.#cell = new Cell(idle, () => this.#compute())
  }

  get observer(): Observer<ConnectionState> {
    return { subscribe: this.#cell.subscribe, getSnapshot: this.#cell.getSnapshot }
  }

  handleRtt(rttMs: number): void {
    this.#rtt = Math.round(rttMs)
    this.#cell.invalidate()
  }

  /** The link has moved. */
  handleChange(now: number): void {
    const { state } = this.#link
    if (state.name === 'open') {
      if (this.#wire !== state.wire) this.#rtt = undefined
      this.#wire = state.wire
      this.#wasUp = true
      this.#lostAt = undefined
    } else if (state.name === 'idle') {
      this.#wasUp = false
      this.#lostAt = undefined
    } else if (this.#wasUp) this.#lostAt ??= now
    if (this.#lostAt !== undefined && this.#timer === undefined && now - this.#lostAt < GRACE_MS) {
      this.#timer = setTimeout(
        () => {
          this.#timer = undefined
          this.handleChange(Date.now())
        },
        this.#lostAt + GRACE_MS - now,
      )
    }
    this.#cell.invalidate()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#cell.invalidate()
  }

  #compute(): ConnectionState {
    const { state, failures, error } = this.#link
    const name = this.#nameOf(Date.now())
    const next: ConnectionState = {
      state: name,
      wire: this.#wire,
      rtt: this.#rtt,
      attempt: name === 'online' ? 0 : failures,
      retryAt: state.name === 'waiting' ? state.until : undefined,
      error: name === 'online' ? undefined : state.name === 'closed' ? state.error : error,
    }
    const before = this.#cell.getSnapshot()
    const keys = Object.keys(next) as (keyof ConnectionState)[]
    return keys.every((key) => Object.is(before[key], next[key])) ? before : next
  }

  #nameOf(now: number): ConnectionState['state'] {
    const { state, failures } = this.#link
    if (state.name === 'closed') return 'closed'
    if (state.name === 'open') return 'online'
    if (state.name === 'idle') return 'idle'
    if (this.#lostAt !== undefined && now - this.#lostAt < GRACE_MS) return 'online'
    if (failures > 1 || (globalThis.navigator as { onLine?: boolean } | undefined)?.onLine === false)
      return 'offline'
    return this.#wasUp ? 'reconnecting' : 'connecting'
  }
}
