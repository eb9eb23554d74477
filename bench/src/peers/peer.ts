// Who is measured: what it is called, what it is to the others, its server, and how its clients speak.

import type { PollWords } from '../load/poll-client.ts'
import type { StreamWords } from '../load/stream-client.ts'
import type { WebSocketWords } from '../load/websocket-client.ts'
import type { ServerName } from '../servers/servers.ts'

/** The three wires. */
export type Wire = 'websocket' | 'sse' | 'polling'

/** One of them on one wire. */
export type Peer = {
  /** As it is printed, and named on the command line. */
  readonly name: string
  /** Ours; something people use; or what no library on this runtime can cost less than. */
  readonly kind: 'ours' | 'peer' | 'limit'
  readonly server: ServerName
  /** The scenarios it is for; all that have no other of its name where it is not said. */
  readonly only?: readonly string[]
  /** What runs the server; Node unless it is said. */
  readonly runtime?: 'bun'
} & (
  | { readonly wire: 'websocket'; readonly words: WebSocketWords }
  | { readonly wire: 'sse'; readonly words: StreamWords }
  | { readonly wire: 'polling'; readonly words: PollWords }
)
