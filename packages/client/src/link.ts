/**
 * Which wires, and when: the connection as explicit states with time passed in. Sans I/O: it says which attempts should
 * be open, its driver opens and closes accordingly and reports what became of them.
 *
 * - `idle`: nothing needs a connection
 * - `racing`: the first wire has a head start, then the next one is tried beside it; the first `welcome` wins. An open
 *   socket or a status prove nothing, there are middleboxes that answer and then swallow.
 * - `open`: one wire is in use. Another one may be about to succeed it: because it is better (`probe`), or because the
 *   one in use is going to end. It is opened beside it, and takes over once it has the channels: make before break.
 * - `waiting`: every wire has failed, or the connection broke: the next race at `until`
 * - `closed`: for good, by the app or because the server said so
 */
import { type BackoffOptions, backoffMs, TriwireError, type WireName } from '@triwire/protocol'
import type { Attempt, LinkState } from './link-state.ts'
import type { Verdicts } from './verdicts.ts'

/** What a link is made of. */
export interface LinkOptions {
  /** Wires in order of preference. */
  readonly wires: readonly WireName[]
  readonly verdicts: Verdicts
  readonly backoff?: BackoffOptions | undefined
  /** Numbers from 0 to 1, for jitter. */
  readonly random: () => number
}

/** Milliseconds an attempt has for its `welcome`: long enough for TLS over a slow mobile network. */
const ATTEMPT_MS = 10_000
/** Milliseconds until the next wire joins a race, and the round trips that may take longer. */
const HEAD_START_MS = 1000
const HEAD_START_ROUND_TRIPS = 3
/** Round trips until the `welcome` of a successor, if they take longer than a proof of life: TCP, TLS, upgrade, hello. */
const SUCCESSOR_ROUND_TRIPS = 8
/** Milliseconds a probed wire must live before it takes over: some are cut right after they have opened. */
const TRIAL_MS = 2000
/** Milliseconds until all channels must be joined on a successor. */
const JOIN_MS = 10_000
/** Milliseconds between probes for a better wire: the first interval, doubled after each failure, and the longest. */
const PROBE_MS = 10_000
const LONGEST_PROBE_MS = 600_000
/** Milliseconds a connection must last before earlier failures are forgotten. */
const STABLE_MS = 30_000
/** Tokens refused in a row that are followed by a new one: a fresh one may have run out, or been revoked, on its way. */
const REFUSALS = 2
/** Milliseconds without a sign of life after which one is asked for, and those it may take. */
const FRESH_MS = 5000
const PROOF_MS = 3000

const NEVER = Number.POSITIVE_INFINITY

/** The link. */
export class Link {
  #state: LinkState = { name: 'idle' }
  #wires: readonly WireName[]
  #attempts = 0
  #failures = 0
  #probeMs = PROBE_MS
  /** Successors that have failed in a row while the wire in use is leaving. */
  #failedSuccessors = 0
  #rttMs = 0
  #heardAt = 0
  /** Tokens refused in a row. */
  #refusals = 0
  #error: TriwireError | undefined
  readonly #options: LinkOptions

  constructor(options: LinkOptions) {
    this.#options = options
    this.#wires = options.wires
  }

  get state(): LinkState {
    return this.#state
  }

  /** What should be open. */
  get attempts(): readonly Attempt[] {
    const state = this.#state
    if (state.name === 'racing') return state.racers
    if (state.name !== 'open') return []
    return 'attempt' in state.succession ? [state.main, state.succession.attempt] : [state.main]
  }

  /** What lines are written to: the wire in use, or the only one that is being tried. */
  get main(): Attempt | undefined {
    const state = this.#state
    if (state.name === 'open') return state.main
    return state.name === 'racing' && state.racers.length === 1 ? state.racers[0] : undefined
  }

  /** What the channels are to be joined on; a racer brings its joins with its opening. */
  get carrier(): Attempt | undefined {
    const state = this.#state
    if (state.name !== 'open') return undefined
    return state.succession.name === 'joining' ? state.succession.attempt : state.main
  }

  /** Rounds in which everything failed, and connections that broke, since one was stable. */
  get failures(): number {
    return this.#failures
  }

  /** Why the last attempt failed. */
  get error(): TriwireError | undefined {
    return this.#error
  }

  /** When `handleTimeout` has something to do; Infinity when never by itself. */
  deadline(): number {
    const state = this.#state
    if (state.name === 'waiting') return state.until
    const planned = state.name === 'racing' ? (state.untried.length > 0 ? state.nextAt : NEVER) : NEVER
    const succession = state.name === 'open' ? state.succession : undefined
    const next = succession ? ('at' in succession ? succession.at : succession.until) : planned
    return Math.min(next, ...this.attempts.map(({ until }) => until))
  }

  /** Something needs a connection. */
  handleWanted(now: number): void {
    if (this.#state.name === 'idle') this.#race(now)
  }

  /** Nothing needs a connection any more. */
  handleUnwanted(): void {
    if (this.#state.name !== 'closed') this.#state = { name: 'idle' }
  }

  /** An attempt is under way: it is from now on that it has to be answered, and that it is ahead of the next one. */
  handleStarted(attempt: Attempt, now: number): void {
    const state = this.#state
    // Beside a wire in use it is known how far the server is, and there is no reason to be that patient.
    attempt.until = now + (attempt.bare ? Math.max(PROOF_MS, this.#rttMs * SUCCESSOR_ROUND_TRIPS) : ATTEMPT_MS)
    if (state.name !== 'racing' || state.racers.at(-1) !== attempt) return
    const nextAt = now + Math.max(HEAD_START_MS, this.#rttMs * HEAD_START_ROUND_TRIPS)
    this.#state = { ...state, nextAt }
  }

  /**
   * An attempt has been answered.
   * @param patienceMs of silence that mean a dead wire
   */
  handleWelcome(attempt: Attempt, now: number, patienceMs: number): void {
    const state = this.#state
    attempt.since ??= now
    this.handleAlive(attempt, now, patienceMs)
    if (state.name === 'racing') {
      this.#error = undefined
      this.#refusals = 0
      this.#options.verdicts.handleWelcome(attempt.wire, this.#wires, now)
      this.#use(attempt, now)
    } else if (state.name === 'open' && state.succession.name === 'opening') {
      const { succession, main, leaving } = state
      if (succession.attempt !== attempt) return
      // On trial only where there is a choice: nothing is gained by waiting where the wire in use must go.
      const probe = !leaving && this.#wires.includes(main.wire)
      const phase = probe ? ({ name: 'trial', until: now + TRIAL_MS } as const) : joining(now)
      this.#state = { ...state, succession: { ...succession, ...phase } }
    }
  }

  /** An attempt shows a sign of life. */
  handleAlive(attempt: Attempt, now: number, patienceMs: number): void {
    attempt.until = now + patienceMs
    this.#heardAt = now
  }

  /** The round-trip time was measured. */
  handleRtt(rttMs: number): void {
    this.#rttMs = rttMs
  }

  /** All channels are joined on the successor: it takes over. */
  handleJoined(now: number): void {
    const state = this.#state
    if (state.name !== 'open' || state.succession.name !== 'joining') return
    const { wire } = state.succession.attempt
    const { verdicts } = this.#options
    if (wire !== state.main.wire) {
      verdicts.handlePromotion(wire)
      verdicts.handleWelcome(wire, this.#wires, now)
    }
    this.#use(state.succession.attempt, now)
  }

  /** The server is going to end this wire in a while: attach elsewhere first, after what `error.retryMs` says. */
  handleLeaving(attempt: Attempt, error: TriwireError, now: number): void {
    const state = this.#state
    if (state.name !== 'open') return
    const { main, succession } = state
    if (main !== attempt) this.handleClosed(attempt, error, now)
    else if (succession.name === 'joining') this.#state = { ...state, leaving: true }
    else if (succession.name === 'trial')
      this.#state = { ...state, leaving: true, succession: { ...succession, ...joining(now) } }
    else this.#plan(main, true, { at: now + (error.retryMs ?? 0), wires: [main.wire] })
  }

  /** An attempt has failed, or the connection broke. */
  handleClosed(attempt: Attempt, error: TriwireError, now: number): void {
    const state = this.#state
    if (!this.attempts.includes(attempt)) return
    if (state.name === 'open' && state.main !== attempt) {
      this.#handleSuccessorFailed(now)
      return
    }
    this.#error = error
    const { advice, code } = error
    if (advice === 'reauthenticate' && ++this.#refusals <= REFUSALS) {
      this.#race(now)
    } else if (advice === 'reauthenticate' || (advice === 'stop' && code !== 'network')) {
      this.#state = { name: 'closed', error }
    } else if (state.name === 'open') {
      this.#handleMainClosed(state, error, now)
    } else if (state.name === 'racing') {
      const racers = state.racers.filter((racer) => racer !== attempt)
      if (state.untried.length > 0) this.#startNext({ ...state, racers }, now)
      else if (racers.length > 0) this.#state = { ...state, racers }
      else {
        this.#options.verdicts.handleOffline()
        this.#wait(error, now)
      }
    }
  }

  /** The deadline has passed. */
  handleTimeout(now: number): void {
    if (now < this.deadline()) return
    const silent = this.attempts.find(({ until }) => until <= now)
    const state = this.#state
    if (silent) {
      this.handleClosed(silent, new TriwireError('network', `No answer over ${silent.wire} in time.`), now)
    } else if (state.name === 'waiting') {
      this.#race(now)
    } else if (state.name === 'racing') {
      this.#startNext(state, now)
    } else if (state.name === 'open') {
      const { succession, leaving } = state
      if (succession.name === 'planned') {
        if (!leaving) this.#probeMs = Math.min(LONGEST_PROBE_MS, this.#probeMs * 2)
        this.#startSuccessor(state, succession.wires, now)
      } else if (succession.name === 'trial')
        this.#state = { ...state, succession: { ...succession, ...joining(now) } }
      else this.#handleSuccessorFailed(now)
    }
  }

  /**
   * The network or the page is back: no reason to wait any longer, nor to trust a wire that was quiet.
   * Returns whether the wire in use is to be asked for a sign of life.
   */
  handleAwake(now: number): boolean {
    const state = this.#state
    this.#probeMs = PROBE_MS
    if (state.name === 'waiting' || (state.name === 'open' && state.main.until <= now)) {
      this.#race(now)
      return false
    }
    return this.handleDoubt(now)
  }

  /**
   * Something hangs on the wire in use. If it was quiet for a while it has to prove that it lives.
   * Returns whether it is to be asked for a sign of life.
   */
  handleDoubt(now: number): boolean {
    const state = this.#state
    if (state.name !== 'open' || now - this.#heardAt < FRESH_MS) return false
    const until = now + Math.max(PROOF_MS, this.#rttMs * HEAD_START_ROUND_TRIPS)
    if (state.main.until <= until) return false
    state.main.until = until
    return true
  }

  /** Changes the wires. The one in use goes on until the best of them can take over, or fails to. */
  setWires(wires: readonly WireName[], now: number): void {
    this.#wires = wires
    const state = this.#state
    if (state.name === 'racing' || state.name === 'waiting') this.#race(now)
    if (state.name !== 'open') return
    const { main, leaving } = state
    const better = wires.slice(0, Math.max(0, wires.indexOf(main.wire)))
    if (!wires.includes(main.wire)) this.#plan(main, leaving, { at: now, wires })
    else if (better.length > 0) this.#plan(main, leaving, { at: now, wires: better })
    else if (!leaving) this.#plan(main, leaving)
  }

  /** Ends it for good. */
  close(): void {
    this.#state = { name: 'closed', error: undefined }
  }

  // ── Racing ──────────────────────────────────────────────────────────────────────────────────────────────────

  #race(now: number): void {
    const untried = this.#options.verdicts.order(this.#wires, now)
    if (untried.length > 0) this.#startNext({ name: 'racing', racers: [], untried, nextAt: now }, now)
    else
      this.#state = {
        name: 'closed',
        error: new TriwireError('no_wire', 'No wire left. Allow "sse" or "polling", or pass a WebSocket.'),
      }
  }

  #startNext(race: Extract<LinkState, { name: 'racing' }>, now: number): void {
    const [wire, ...untried] = race.untried as [WireName, ...WireName[]]
    this.#state = { ...race, racers: [...race.racers, this.#attempt(wire, false, now)], untried, nextAt: NEVER }
  }

  #attempt(wire: WireName, bare: boolean, now: number): Attempt {
    return { number: ++this.#attempts, wire, bare, since: undefined, until: now + ATTEMPT_MS }
  }

  // ── One wire in use ─────────────────────────────────────────────────────────────────────────────────────────

  #use(main: Attempt, now: number): void {
    this.#failedSuccessors = 0
    const better = this.#wires.slice(0, Math.max(0, this.#wires.indexOf(main.wire)))
    this.#plan(
      main,
      false,
      better.length > 0 ? { at: now + this.#jittered(this.#probeMs), wires: better } : undefined,
    )
  }

  #plan(
    main: Attempt,
    leaving: boolean,
    plan?: { readonly at: number; readonly wires: readonly WireName[] },
  ): void {
    this.#state = {
      name: 'open',
      main,
      leaving,
      succession: { name: 'planned', at: NEVER, wires: [], ...plan },
    }
  }

  #startSuccessor(state: Extract<LinkState, { name: 'open' }>, wires: readonly WireName[], now: number): void {
    const [wire, ...rest] = wires as [WireName, ...WireName[]]
    const attempt = this.#attempt(wire, true, now)
    this.#state = { ...state, succession: { name: 'opening', attempt, rest, until: NEVER } }
  }

  #handleSuccessorFailed(now: number): void {
    const state = this.#state
    if (state.name !== 'open' || state.succession.name === 'planned') return
    const { main, leaving, succession } = state
    if (succession.rest.length > 0) this.#startSuccessor(state, succession.rest, now)
    else if (!this.#wires.includes(main.wire)) this.#race(now)
    else if (leaving)
      this.#plan(main, true, { at: now + this.#backoffMs(++this.#failedSuccessors), wires: [main.wire] })
    else {
      this.#options.verdicts.handleWelcome(main.wire, this.#wires, now)
      this.#use(main, now)
    }
  }

  #handleMainClosed(
    { main, leaving, succession }: Extract<LinkState, { name: 'open' }>,
    error: TriwireError,
    now: number,
  ): void {
    const livedMs = now - (main.since ?? now)
    if (livedMs >= STABLE_MS) {
      this.#failures = 0
      this.#probeMs = PROBE_MS
    }
    if (error.code === 'network' && !leaving)
      this.#options.verdicts.handleDeath(main.wire, livedMs, this.#wires, now)
    // Whoever stands ready takes over; and who was asked to come back has not failed, and has no reason to wait.
    if (succession.name === 'trial' || succession.name === 'joining') this.#use(succession.attempt, now)
    else if (error.code === 'rotate' || leaving) this.#race(now)
    else this.#wait(error, now)
  }

  #wait({ retryMs = 0 }: TriwireError, now: number): void {
    this.#failures++
    // By then the token may have run out again.
    this.#refusals = 0
    this.#state = { name: 'waiting', until: now + Math.max(this.#backoffMs(this.#failures), retryMs) }
  }

  #backoffMs(attempt: number): number {
    return backoffMs(attempt, this.#options.random(), this.#options.backoff)
  }

  /** Between half an interval and the whole: many clients of one server must not probe in step. */
  #jittered(intervalMs: number): number {
    return intervalMs * (0.5 + this.#options.random() / 2)
  }
}

function joining(now: number): { readonly name: 'joining'; readonly until: number } {
  return { name: 'joining', until: now + JOIN_MS }
}
