/**
 * The end of a token: announced in time for the client to bring another one, and kept to the millisecond. Timers may be
 * late, so what must not happen afterwards asks `over`.
 */
import type { Cancel, TimerWheel } from './timer-wheel.ts'

/** Milliseconds before the end at which it is announced: a refresh takes a round trip or two, also on a bad line. */
const NOTICE_MS = 10_000

/** Milliseconds that are too few to announce: what the client would do comes too late. */
const SHORTEST_NOTICE_MS = 1000

/** Whose token it is. */
export interface ExpiryHost {
  /** Whether it brings another token on the same connection. */
  readonly renews: boolean
  /** Called once per token where it `renews`, `NOTICE_MS` or half of its life before the end. */
  handleExpiring(leftMs: number): void
  handleExpired(): void
}

/** The expiry of one attachment's token. */
export class Expiry {
  readonly #wheel: TimerWheel
  readonly #host: ExpiryHost
  #endsAt = Number.POSITIVE_INFINITY
  #notice: Cancel | undefined
  #end: Cancel | undefined

  constructor(wheel: TimerWheel, host: ExpiryHost) {
    this.#wheel = wheel
    this.#host = host
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
    const host = this.#host
    const leftMs = endsAt - Date.now()
    const noticeMs = Math.min(NOTICE_MS, leftMs / 2)
    if (host.renews && noticeMs >= SHORTEST_NOTICE_MS) {
      this.#notice = this.#wheel.schedule(leftMs - noticeMs, () => host.handleExpiring(endsAt - Date.now()))
    }
    this.#end = this.#wheel.schedule(leftMs, () => host.handleExpired())
  }

  /** Lets go of its timers. */
  close(): void {
    this.#notice?.()
    this.#end?.()
  }
}
