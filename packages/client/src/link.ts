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

/** The state of a link. `until` is when something has to happen by itself. */
export type LinkState =
  | { readonly name: 'idle' }
  | { readonly name: 'opening'; readonly wire: WireName; readonly until: number }
  | { readonly name: 'open'; readonly wire: WireName; readonly until: number; readonly since: number }
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

  /** The wire that should be open or on its way. */
  get wire(): WireName | undefined {
    return 'wire' in this.#state ? this.#state.wire : undefined
  }

  /** When `handleTimeout` has something to do; Infinity when never by itself. */
  deadline(): number {
    return 'until' in this.#state ? this.#state.until : Number.POSITIVE_INFINITY
  }

  /** Something needs a connection. */
  handleWanted(now: number): void {
    if (this.#state.name === 'idle') this.#open(now)
  }

  /** Nothing needs a connection any more. */
  handleUnwanted(): void {
    if (this.#state.name !== 'closed') this.#state = { name: 'idle' }
  }

  /**
   * The attempt has been answered, or the connection shows a sign of life.
   * @param patienceMs of silence that mean a dead wire
   */
  handleAlive(now: number, patienceMs: number): void {
    const state = this.#state
    if (!('wire' in state)) return
    const since = state.name === 'open' ? state.since : now
    this.#state = { name: 'open', wire: state.wire, until: now + patienceMs, since }
    this.#error = undefined
    this.#reauthenticated = false
  }

  /** The attempt has failed, or the connection broke. */
  handleClosed(error: TriwireError, now: number): void {
    const state = this.#state
    if (!('wire' in state)) return
    const { advice, code, retryMs } = error
    const refused = advice === 'reauthenticate'
    this.#error = error
    if (refused ? this.#reauthenticated : advice === 'stop' && code !== 'network') {
      this.#state = { name: 'closed', error }
    } else if (refused) {
      // A fresh token gets one chance; if that is refused as well, asking again is for the app.
      this.#reauthenticated = true
      this.#open(now)
    } else {
      const wasOpen = state.name === 'open'
      if (wasOpen && now - state.since >= STABLE_MS) this.#failures = 0
      this.#index = wasOpen ? 0 : (this.#index + 1) % this.#wires.length
      // The next wire at once; and whoever was asked to come back has not failed, and has no reason to wait.
      if (wasOpen ? code === 'rotate' : this.#index > 0) this.#open(now)
      else this.#wait(retryMs, now)
    }
  }

  /** The deadline has passed. */
  handleTimeout(now: number): void {
    if (now < this.deadline()) return
    const { wire } = this
    if (wire === undefined) this.#open(now)
    else this.handleClosed(new TriwireError('network', `No answer over ${wire} in time.`), now)
  }

  /** The network or the page is back: no reason to wait any longer. */
  handleAwake(now: number): void {
    if (this.#state.name === 'waiting') this.#open(now)
  }

  /** Changes the wires; a connection over one that is not the best of them is given up. */
  setWires(wires: readonly WireName[], now: number): void {
    this.#wires = wires
    this.#index = 0
    if ('until' in this.#state && this.wire !== wires[0]) this.#open(now)
  }

  /** Ends it for good. */
  close(): void {
    this.#state = { name: 'closed', error: undefined }
  }

  #open(now: number): void {
    const wire = this.#wires[this.#index]
    const { attemptMs = 3000 } = this.#options
    this.#attempt++
    this.#state = wire
      ? { name: 'opening', wire, until: now + attemptMs * 2 ** Math.min(2, this.#failures) }
      : {
          name: 'closed',
          error: new TriwireError('no_wire', 'No wire left. Allow "sse" or "polling", or pass a WebSocket.'),
        }
  }

  #wait(retryMs = 0, now: number): void {
    this.#failures++
    const delay = backoffMs(this.#failures, this.#options.random(), this.#options.backoff)
    this.#state = { name: 'waiting', until: now + Math.max(delay, this.#failures > 1 ? retryMs : 0) }
  }
}
