/**
 * What experience says about the wires between this client and its server: with which to begin. Sans I/O, time is
 * passed in. One verdict is kept, the wire that worked where a better one did not, and it expires: networks change,
 * and what is blocked in one café works in the next. That everything fails says that the device is offline, and
 * nothing about any wire.
 */
import type { WireName } from '@triwire/protocol'

/** Where the verdict survives a reload. */
export interface VerdictStore {
  read(): string | null
  write(text: string): void
}

/** A connection that ends sooner than this, in milliseconds, died young. */
const YOUNG_MS = 10_000
/** Young deaths in a row that demote a wire. */
const DEATHS = 3
/** Milliseconds a verdict holds. */
const HOLDS_MS = 600_000

/** The verdicts of one client. */
export class Verdicts {
  readonly #store: VerdictStore
  readonly #deaths = new Map<WireName, number>()
  #verdict: string | undefined

  constructor(store: VerdictStore) {
    this.#store = store
  }

  /** The wires in the order in which to try them. */
  order(wires: readonly WireName[], now: number): readonly WireName[] {
    this.#verdict ??= this.#store.read() ?? ''
    const [wire, until = ''] = this.#verdict.split(' ')
    const first = wires.indexOf(wire as WireName)
    // A clock that was set back must not make a verdict eternal.
    const left = Number(until) - now
    if (first < 0 || !(left > 0 && left <= HOLDS_MS)) return wires
    // What was better and did not work comes last: where one wire keeps dying and the next one is blocked, the third one
    // has to get its turn.
    return [...wires.slice(first), ...wires.slice(0, first)]
  }

  /** This wire was welcomed, and none that is better has been. */
  handleWelcome(wire: WireName, wires: readonly WireName[], now: number): void {
    this.#set(wire === wires[0] ? '' : `${wire} ${now + HOLDS_MS}`)
  }

  /** This wire has taken over from one that is worse. Until it has grown old, one death is enough to demote it again. */
  handlePromotion(wire: WireName): void {
    this.#deaths.set(wire, DEATHS - 1)
  }

  /** A connection has died, which nobody had announced. */
  handleDeath(wire: WireName, livedMs: number, wires: readonly WireName[], now: number): void {
    const deaths = livedMs < YOUNG_MS ? (this.#deaths.get(wire) ?? 0) + 1 : 0
    this.#deaths.set(wire, deaths)
    const next = wires[wires.indexOf(wire) + 1]
    if (deaths >= DEATHS && next) this.handleWelcome(next, wires, now)
  }

  /** No wire works. */
  handleOffline(): void {
    this.#deaths.clear()
  }

  #set(verdict: string): void {
    if (this.#verdict !== verdict) this.#store.write(verdict)
    this.#verdict = verdict
  }
}
