/** Who speaks: a verified user, the principal all state is keyed by, and the public name of a session. */
import { TriwireError } from '@triwire/protocol'

/** What `auth` is given. */
export interface AuthRequest {
  /** The token from `hello`, or from an `Authorization: Bearer` header. */
  readonly token: string | undefined
  readonly headers: Headers
  /** Says when this authentication ends; the client is then asked for a new token. Default: with the connection. */
  readonly expireAt: (when: Date | number) => void
}

/** A verified speaker. */
export interface Identity<TUser = unknown> {
  readonly user: TUser
  /** Names the user among all users; all state is keyed by it, so a stolen session id reaches nothing. */
  readonly principal: string
  /** Milliseconds since the epoch; undefined: never. */
  readonly expiresAt: number | undefined
}

/**
 * Derives the principal of a user: its `id`, else `sub`, else the user itself when it is a string or number, else
 * its JSON text.
 */
export function principalOf(user: unknown): string {
  if (typeof user === 'string' || typeof user === 'number') return String(user)
  if (typeof user === 'object' && user !== null) {
    const { id, sub } = user as { readonly id?: unknown; readonly sub?: unknown }
    if (typeof id === 'string' || typeof id === 'number') return String(id)
    if (typeof sub === 'string') return sub
  }
  const text = JSON.stringify(user) as string | undefined
  if (text === undefined)
    throw new TriwireError('bad_user', 'auth returned a user without a JSON form. Return an object with an id.')
  return text
}

/**
 * The public name of a session: 96 bits of SHA-256 over principal and session id as base64url. Others may see it,
 * and it gives away neither.
 */
export async function memberOf(principal: string, session: string): Promise<string> {
  const text = `${principal}\0${session}`
  if (nodeCrypto !== undefined) return nodeCrypto.createHash('sha256').update(text).digest('base64url').slice(0, 16)
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  const bytes = new Uint8Array(digest, 0, 12)
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
}

interface NodeCrypto {
  createHash(name: 'sha256'): { update(text: string): { digest(encoding: 'base64url'): string } }
}

/** Node, Deno and Bun hash on the spot; by the standard's way it is a job for another thread, which costs more than itself. */
const nodeCrypto = (
  globalThis as { process?: { getBuiltinModule?: (name: string) => NodeCrypto | undefined } }
).process?.getBuiltinModule?.('node:crypto')
