/**
 * The gate every attachment passes: `auth` turns a token and headers into an identity, within a deadline. What was
 * verified is remembered for a minute, so that polls and sends do not pay for verification again. What was verified
 * before a revocation counts no longer, also where it is on its way through here.
 */
import { TriwireError } from '@triwire/protocol'
import { BoundedMap } from './bounded-map.ts'
import { withDeadline } from './deadline.ts'
import { type HeaderFields, headersOf } from './header-fields.ts'
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
  /** By principal: the revocation that came last. Those of users beyond the bound have long had their effect. */
  readonly #revoked = new BoundedMap<string, number>(REMEMBER_ENTRIES)
  /** How many revocations there had been when an identity was verified. */
  readonly #verifiedAt = new WeakMap<Identity, number>()
  #revocations = 0
  #everybodyRevoked = 0
  readonly #verified = new BoundedMap<string, { readonly identity: Identity; readonly until: number }>(
    REMEMBER_ENTRIES,
    REMEMBER_MS,
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

  /** Forgets what was verified of a user. */
  forget(principal: string): void {
    this.#revoked.set(principal, ++this.#revocations)
    this.#verified.deleteWhere(({ identity }) => identity.principal === principal)
  }

  /** Forgets what was verified of everybody. */
  forgetAll(): void {
    this.#everybodyRevoked = ++this.#revocations
    this.#verified.deleteWhere(() => true)
  }

  /** Whether nothing was revoked since an identity was verified. */
  isCurrent(identity: Identity): boolean {
    const revoked = Math.max(this.#everybodyRevoked, this.#revoked.get(identity.principal) ?? 0)
    return (this.#verifiedAt.get(identity) ?? 0) >= revoked
  }

  /** The identity that was verified by the same token and headers not long ago. */
  recall(token: string | undefined, headers: HeaderFields): Identity | undefined {
    return this.#recall(keyOf(credentialOf(token, headers), headers))
  }

  #recall(key: string): Identity | undefined {
    const known = this.#verified.get(key)
    return known !== undefined && known.until > Date.now() ? known.identity : undefined
  }

  /**
   * Verifies a speaker.
   * @throws TriwireError `unauthorized`, or `unavailable` when `auth` itself failed or took too long
   */
  async authenticate(token: string | undefined, headers: HeaderFields): Promise<Identity> {
    const credential = credentialOf(token, headers)
    const key = keyOf(credential, headers)
    const known = this.#recall(key)
    if (known !== undefined) return known
    this.#verified.delete(key)

    const now = Date.now()
    const revocations = this.#revocations
    let expiresAt: number | undefined
    const expireAt = (when: Date | number): void => {
      expiresAt = Number(when)
      if (Number.isNaN(expiresAt)) throw new TypeError('expireAt takes a Date, or milliseconds since the epoch.')
    }
    let standard: Headers | undefined
    const request: AuthRequest = {
      token: credential,
      get headers() {
        standard ??= headersOf(headers)
        return standard
      },
      expireAt,
    }
    let user: unknown
    try {
      user = await withDeadline(() => this.#auth(request), this.#deadlineMs)
    } catch (error) {
      if (error instanceof TriwireError && error.code !== 'deadline') throw error
      this.#logger.error({ err: error }, 'auth failed')
      throw new TriwireError('unavailable', 'The server could not check who you are. Try again later.', {
        retryMs: 2000,
      })
    }
    // By the clock of now: `auth` may have taken its time.
    if (!user || (expiresAt !== undefined && expiresAt <= Date.now())) {
      throw new TriwireError('unauthorized', 'The server does not accept this token. Sign in again.')
    }
    const identity: Identity = { user, principal: this.#principal(user), expiresAt }
    this.#verifiedAt.set(identity, revocations)
    // `auth` may have looked before the revocation. It decides again.
    if (!this.isCurrent(identity)) return await this.authenticate(token, headers)
    // Requests that prove themselves by nothing this key covers (a client certificate, an address) are asked again.
    if ((credential ?? headers.authorization ?? headers.cookie) !== undefined) {
      this.#verified.set(key, {
        identity,
        until: Math.min(now + REMEMBER_MS, expiresAt ?? Number.POSITIVE_INFINITY),
      })
    }
    return identity
  }
}

function credentialOf(token: string | undefined, { authorization }: HeaderFields): string | undefined {
  return token ?? /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
}

/** What a verification goes by, as text. No field has a line break in it, so only one request reads like this. */
function keyOf(credential: string | undefined, headers: HeaderFields): string {
  let key = ''
  for (const name in headers) if (!PASSING.test(name)) key += `${name}:${headers[name]}\n`
  return credential === undefined ? key : `${key}\n${credential}`
}
