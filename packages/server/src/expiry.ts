/**
 * The end of a token: announced in time for the client to bring another one, and kept to the millisecond. Timers may be
 * late, so what must not happen afterwards asks `over`.
 */
import type { Cancel, TimerWheel } from './timer-wheel.ts'

/** Milliseconds before the end at which it is announced: a refresh takes a round trip or two, also on a bad line. */
const NOTICE_MS = 10_000

/** Milliseconds that are too few to announce: what the client would do comes too late. */
const SHORTEST_NOTICE_MS = 1000

/** What happens when. */
export interface ExpiryOptions {
  /** Called once per token, `NOTICE_MS` or half of its life before the end. Left out: nobody is told. */
  readonly announce?: ((leftMs: number) => void) | undefined
  readonly end: () => void
}

/** The expiry of one attachment's token. */
export class Expiry {
  readonly #wheel: TimerWheel
  readonly #options: ExpiryOptions
  #endsAt = Number.POSITIVE_INFINITY
  #timers: Cancel[] = []

  constructor(wheel: TimerWheel, options: ExpiryOptions) {
    this.#wheel = wheel
    this.#options = options
  }

  /** Whether the token has run out. */
  get over(): boolean {
    return this.#endsAt !== Number.POSITIVE_INFINITY && Date.now() >= this.#endsAt
  }

  /** Takes a token's end in place of the one before; undefined: it has none. */
  watch(endsAt: number = Number.POSITIVE_INFINITY): void {
    if (endsAt === this.#endsAt) return
    this.close()
    this.#endsAt = endsAt
    if (endsAt === Number.POSITIVE_INFINITY) return
    const { announce, end } = this.#options
    const leftMs = endsAt - Date.now()
    const noticeMs = Math.min(NOTICE_MS, leftMs / 2)
    if (announce !== undefined && noticeMs >= SHORTEST_NOTICE_MS) {
      this.#timers.push(this.#wheel.schedule(leftMs - noticeMs, () => announce(endsAt - Date.now())))
    }
    this.#timers.push(this.#wheel.schedule(leftMs, end))
  }

  /** Lets go of its timers. */
  close(): void {
    for (const cancel of this.#timers) cancel()
    this.#timers = []
  }
}
