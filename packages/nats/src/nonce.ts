/** Names that nobody else has. */
import { randomBytes } from 'node:crypto'

/** 48 random bits, as in every cursor. */
export function nonce(): string {
  return randomBytes(6).toString('base64url')
}
