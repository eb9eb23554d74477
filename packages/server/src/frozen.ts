/**
 * What is left of a WebSocket while the process behind it sleeps: some hosts keep connections open and let everything else
 * go. It is plain JSON. What a client depends on is in the broker; this says where the connection stands there. It may be of
 * any earlier moment: then its client is sent again what it has, and knows that by the offsets.
 */

import type { HeaderFields } from './header-fields.ts'
import type { RequestHead } from './sink.ts'

/** What of an upgrade may be asked for later: its headers, and where it came from. */
export interface FrozenHead {
  readonly headers: HeaderFields
  readonly remoteAddress?: string | undefined
}

/** What a request says of its connection and means nothing behind it (RFC 6455 §4.1). */
const OF_THE_UPGRADE = new Set([
  'connection',
  'upgrade',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-extensions',
])

/** Takes what is kept of a head. */
export function freezeHead({ headers, remoteAddress }: RequestHead): FrozenHead {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !OF_THE_UPGRADE.has(name)) kept[name] = value
  return { headers: kept, remoteAddress }
}

/** A frozen socket. */
export interface FrozenSocket {
  readonly head: FrozenHead
  /** Undefined before its `hello`. */
  readonly attachment?: FrozenAttachment
}

/** Whose it is, and what of it lies in the broker. */
export interface FrozenAttachment {
  readonly user: unknown
  readonly principal: string
  readonly member: string
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number
  readonly stays: readonly FrozenStay[]
  /** Undefined where nobody has shown anything. */
  readonly leases?: FrozenLeases
}

/** A channel, and where its reader stands. */
export interface FrozenStay {
  readonly address: string
  /** The number of the join that was answered. */
  readonly number: number
  readonly at: string
  /** The log's last offset as the client was told. */
  readonly head: number
  /** Where the client stands, while a newcomer beside it is brought there from further back. */
  readonly ahead?: string
  readonly snapshot?: true
  /** The version of the presence set it knows; empty where it wants to know it and does not. */
  readonly presence?: string
}

/** Who holds leases, and in which channels with what value. */
export interface FrozenLeases {
  readonly holder: string
  /** `member` where it is that of another session than the attachment's own. */
  readonly held: readonly (readonly [address: string, data: string, sequence: number, member?: string])[]
}
