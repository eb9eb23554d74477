/** Who an attachment speaks for: a verified user and the session they use. */
import type { Identity } from './identity.ts'

/** A verified user with a session. */
export interface Speaker {
  readonly identity: Identity
  /** The session's public name; see `memberOf`. */
  readonly member: string
}
