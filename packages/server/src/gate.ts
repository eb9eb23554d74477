/**
 * The gate every attachment passes: `auth` turns a token and headers into an identity, within a deadline. What was
 * verified is remembered for a minute, so that polls and sends do not pay for verification again.
 */
import { TriwireError } from '@triwire/protocol'
import { BoundedMap } from './bounded-map.ts'
import { withDeadline } from './deadline.ts'
import { type AuthRequest, type Identity, principalOf } from './identity.ts'
import type { Logger } from './logger.ts'

/** What the app's `auth` returns: the user, or something falsy for a refusal. */
export type AuthResult = unknown

const REMEMBER_MS = 60_000
const REMEMBER_ENTRIES = 10_000

/**
 * Headers that differ from request to request of one client and prove nothing. Every other one belongs to what is
 * remembered, because `auth` may look at any: behind a proxy that signs people in, two users differ in a header only.
 */
const PASSING =
  /^(?:accept.*|cache-control|connection|content-.*|pragma|priority|sec-.*|traceparent|tracestate|upgrade|x-request-id)$/

/** The gate. */
export class Gate {
  readonly #auth: (request: AuthRequest) => AuthResult
  readonly #principal: (user: unknown) => string
  readonly #deadlineMs: number
  readonly #logger: Logger
  readonly #verified = new BoundedMap<string, { readonly identity: Identity; readonly until: number }>(
    REMEMBER_ENTRIES,
  )

  constructor(options: {
    readonly auth: (request: AuthRequest) => AuthResult
    readonly principal?: ((user: unknown) => string) | undefined
    readonly deadlineMs: number
    readonly logger: Logger
  }) {
    this.#auth = options.auth
    this.#principal = options.principal ?? principalOf
    this.#deadlineMs = options.deadlineMs
    this.#logger = options.logger
  }

  /**
   * Verifies a speaker.
   * @throws TriwireError `unauthorized`, or `unavailable` when `auth` itself failed or took too long
   */
  async authenticate(token: string | undefined, headers: Headers): Promise<Identity> {
    const bearer = /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
    const credential = token ?? bearer
    const key = JSON.stringify([credential, ...[...headers].filter(([name]) => !PASSING.test(name))])
    const provesItself = credential !== undefined || headers.has('cookie') || headers.has('authorization')
    const now = Date.now()
    const known = this.#verified.get(key)
    if (known !== undefined && known.until > now) return known.identity
    this.#verified.delete(key)

    let expiresAt: number | undefined
    const expireAt = (when: Date | number): void => {
      expiresAt = Number(when)
      if (Number.isNaN(expiresAt)) throw new TypeError('expireAt takes a Date, or milliseconds since the epoch.')
    }
    let user: unknown
    try {
      user = await withDeadline(async () => this.#auth({ token: credential, headers, expireAt }), this.#deadlineMs)
    } catch (error) {
      if (error instanceof TriwireError && error.code !== 'deadline') throw error
      this.#logger.error({ err: error }, 'auth failed')
      throw new TriwireError('unavailable', 'The server could not check who you are. Try again later.', {
        retryMs: 2000,
      })
    }
    if (!user || (expiresAt !== undefined && expiresAt <= now)) {
      throw new TriwireError('unauthorized', 'The server does not accept this token. Sign in again.')
    }
    const identity: Identity = { user, principal: this.#principal(user), expiresAt }
    // Requests that prove themselves by nothing this key covers (a client certificate, an address) are asked again.
    if (provesItself) {
      this.#verified.set(key, {
        identity,
        until: Math.min(now + REMEMBER_MS, expiresAt ?? Number.POSITIVE_INFINITY),
      })
    }
    return identity
  }
}
