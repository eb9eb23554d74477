/**
 * Which wire, and when: the connection as explicit states with time passed in. Sans I/O: it says which attempt should
 * be open, its driver opens and closes accordingly.
 *
 * - `idle`: nothing needs a connection
 * - `opening`: attempt under way; judged by a `welcome`, never by an open socket
 * - `open`: welcomed
 * - `waiting`: every wire has failed, or a connection broke: next attempt at `until`
 * - `closed`: for good, by the app or because the server said so
 *
 * Wires are tried one after another, best first. (Racing them, and verdicts that are remembered, fit in here: they
 * change which attempts are open, and nothing outside this file.)
 */
import { type BackoffOptions, backoffMs, TriwireError, type WireName } from '@triwire/protocol'

/** The state of a link. */
export type LinkState =
  | { readonly name: 'idle' }
  | { readonly name: 'opening'; readonly wire: WireName; readonly deadline: number }
  | { readonly name: 'open'; readonly wire: WireName; readonly since: number }
  | { readonly name: 'waiting'; readonly until: number }
  | { readonly name: 'closed'; readonly error: TriwireError | undefined }

/** What a link is made of. */
export interface LinkOptions {
  /** Wires in order of preference. */
  readonly wires: readonly WireName[]
  readonly backoff?: BackoffOptions | undefined
  /** Milliseconds an attempt has for its `welcome`. Default 3,000; doubled up to 12,000 while nothing works. */
  readonly attemptMs?: number | undefined
  /** Numbers from 0 to 1, for jitter. */
  readonly random: () => number
}

/** Milliseconds a connection must last before earlier failures are forgotten. */
const STABLE_MS = 30_000

/** The link. */
export class Link {
  #state: LinkState = { name: 'idle' }
  #wires: readonly WireName[]
  #index = 0
  #attempt = 0
  #failures = 0
  #reauthenticated = false
  #error: TriwireError | undefined
  readonly #options: LinkOptions

  constructor(options: LinkOptions) {
    this.#options = options
    this.#wires = options.wires
  }

  get state(): LinkState {
    return this.#state
  }

  /** A number that changes with every attempt: the driver holds one wire per number. */
  get attempt(): number {
    return this.#attempt
  }

  /** Failed attempts since the connection was last stable. */
  get failures(): number {
    return this.#failures
  }

  /** Why the last attempt failed. */
  get error(): TriwireError | undefined {
    return this.#error
  }

  /** When `handleTimeout` has something to do. */
  deadline(): number | undefined {
    if (this.#state.name === 'opening') return this.#state.deadline
    return this.#state.name === 'waiting' ? this.#state.until : undefined
  }

  /** Something needs a connection. */
  handleWanted(now: number): void {
    if (this.#state.name === 'idle') this.#open(now)
  }

  /** Nothing needs a connection any more. */
  handleUnwanted(): void {
    if (this.#state.name !== 'closed') this.#state = { name: 'idle' }
  }

  /** The attempt has been answered. */
  handleWelcome(now: number): void {
    if (this.#state.name !== 'opening') return
    this.#state = { name: 'open', wire: this.#state.wire, since: now }
    this.#error = undefined
    this.#reauthenticated = false
  }

  /** The attempt has failed, or the connection broke. */
  handleClosed(error: TriwireError, now: number): void {
    const state = this.#state
    if (state.name !== 'opening' && state.name !== 'open') return
    this.#error = error
    const { advice, code, retryMs } = error
    if (advice === 'stop' && code !== 'network') {
      this.#state = { name: 'closed', error }
    } else if (advice === 'reauthenticate') {
      // A fresh token gets one chance; if that is refused as well, asking again is for the app.
      if (this.#reauthenticated) this.#state = { name: 'closed', error }
      else {
        this.#reauthenticated = true
        this.#open(now)
      }
    } else if (state.name === 'open') {
      if (now - state.since >= STABLE_MS) this.#failures = 0
      this.#index = 0
      // Asked to come back: not a failure, and no reason to wait.
      if (code === 'rotate') this.#open(now)
      else this.#wait(retryMs, now)
    } else if (this.#index + 1 < this.#wires.length) {
      this.#index++
      this.#open(now)
    } else {
      this.#index = 0
      this.#wait(retryMs, now)
    }
  }

  /** The deadline has passed. */
  handleTimeout(now: number): void {
    const state = this.#state
    if (state.name === 'opening' && state.deadline <= now) {
      this.handleClosed(new TriwireError('network', `No answer over ${state.wire} in time.`), now)
    } else if (state.name === 'waiting' && state.until <= now) this.#open(now)
  }

  /** The network or the page is back: no reason to wait any longer. */
  handleAwake(now: number): void {
    if (this.#state.name === 'waiting') this.#open(now)
  }

  /** Changes the wires; a connection over one that is not among them is given up. */
  setWires(wires: readonly WireName[], now: number): void {
    this.#wires = wires
    this.#index = 0
    const { name } = this.#state
    if (name === 'closed' || name === 'idle') return
    const current = this.#state.name === 'open' || this.#state.name === 'opening' ? this.#state.wire : undefined
    if (current !== wires[0]) this.#open(now)
  }

  /** Ends it for good. */
  close(): void {
    this.#state = { name: 'closed', error: undefined }
  }

  #open(now: number): void {
    const wire = this.#wires[this.#index]
    if (wire === undefined) {
      const message =
        'None of the allowed wires exists on this host. Allow "sse" or "polling", or pass a WebSocket.'
      this.#state = { name: 'closed', error: new TriwireError('no_wire', message) }
      return
    }
    const { attemptMs = 3000 } = this.#options
    this.#attempt++
    this.#state = { name: 'opening', wire, deadline: now + attemptMs * 2 ** Math.min(2, this.#failures) }
  }

  #wait(retryMs: number | undefined, now: number): void {
    this.#failures++
    const delay = Math.max(
      backoffMs(this.#failures, this.#options.random(), this.#options.backoff),
      this.#failures > 1 ? (retryMs ?? 0) : 0,
    )
    this.#state = { name: 'waiting', until: now + delay }
  }
}
