/**
 * The door of one node. Users who come too often wait here for their turn; and whoever is refused because there was too
 * much of them hears of it a moment later, so that those who ask again as soon as they are answered ask once a moment.
 */
import type { Code } from '@triwire/protocol'
import type { Meters, VisitKind } from './meters.ts'
import type { Sink } from './sink.ts'
import type { TimerWheel } from './timer-wheel.ts'

/** Milliseconds after which such a refusal is told. */
const LATE_MS = 1000

/** Milliseconds that a connection has to end, where its peer is not listened to any more. */
const FAREWELL_MS = 1000

/** Those who wait. Whoever comes then is let in or answered at once, since waiting is what costs memory here. */
const MAX_WAITING = 1000

/** Refusals of there having been too much. */
const LATE: ReadonlySet<string> = new Set<Code>(['rate_limited', 'too_many_connections'])

/** The door. */
export class Door {
  readonly #meters: Meters
  readonly #wheel: TimerWheel
  readonly #waiting = new Set<() => void>()

  constructor(meters: Meters, wheel: TimerWheel) {
    this.#meters = meters
    this.#wheel = wheel
  }

  /**
   * Lets a user in.
   * @param lines how many it brings
   * @returns undefined where that is at once, as mostly; otherwise what resolves when its turn has come
   * @throws TriwireError `rate_limited` where too many of the same user wait already
   */
  enter(principal: string, kind: VisitKind, lines: number): Promise<void> | undefined {
    const waitMs = this.#meters.takeVisit(principal, kind, lines)
    return waitMs > 0 ? new Promise<void>((resolve) => this.#wait(waitMs, resolve)) : undefined
  }

  /** Calls back when a refusal of this code is to be told: whether that is late. */
  refuse(code: Code, tell: (late: boolean) => void): void {
    if (LATE.has(code)) this.#wait(LATE_MS, () => tell(true))
    else tell(false)
  }

  /** Reads nothing more of a peer that did too much, and drops it where its connection does not end soon. */
  hangUp(sink: Sink): void {
    sink.listen?.(false)
    this.#wheel.schedule(FAREWELL_MS, () => sink.terminate?.())
  }

  /** Nobody waits any more. */
  close(): void {
    for (const goOn of [...this.#waiting]) goOn()
  }

  #wait(ms: number, then: () => void): void {
    if (this.#waiting.size >= MAX_WAITING) {
      then()
      return
    }
    const goOn = (): void => {
      cancel()
      if (this.#waiting.delete(goOn)) then()
    }
    const cancel = this.#wheel.schedule(ms, goOn)
    this.#waiting.add(goOn)
  }
}
