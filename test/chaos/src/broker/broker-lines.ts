// What a node and the broker's process say to each other: one JSON object per line over a loopback socket. Requests
// are numbered by the node and answered in any order; subscriptions are named by the node, so that an entry that
// comes before the answer to its `subscribe` finds its listener.

import type { Socket } from 'node:net'
import type { Broker, LogEntry, PresenceChange, SignalMessage } from '@triwire/server'

/** Operations that are one call and one answer: everything of the port but `subscribe` and `close`. */
export const OPERATIONS = [
  'append',
  'refuse',
  'read',
  'signal',
  'hold',
  'release',
  'depart',
  'members',
  'claim',
  'renew',
  'settle',
  'settled',
] as const satisfies readonly (keyof Broker)[]

/** The name of such an operation. */
export type Operation = (typeof OPERATIONS)[number]

/** What a node writes. */
export type BrokerRequest =
  | { readonly id: number; readonly op: Operation; readonly args: readonly unknown[] }
  | {
      readonly id: number
      readonly op: 'subscribe'
      readonly args: readonly [subscription: number, channel: string]
    }
  | { readonly id: number; readonly op: 'unsubscribe'; readonly args: readonly [subscription: number] }

/** What the broker's process writes. */
export type BrokerNotice =
  | { readonly id: number; readonly value?: unknown }
  | { readonly id: number; readonly error: { readonly code: string; readonly message: string } }
  | { readonly sub: number; readonly entry: LogEntry }
  | { readonly sub: number; readonly signal: SignalMessage }
  | { readonly sub: number; readonly presence: PresenceChange }

/** Reads lines of JSON from a socket. */
export function readLines(socket: Socket, handle: (value: unknown) => void): void {
  // Pieces of a line that has not ended: joined once, because a page of the log is a line of a megabyte.
  let pieces: string[] = []
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    const lines = chunk.split('\n')
    const last = lines.pop() as string
    for (const line of lines) {
      handle(JSON.parse(pieces.join('') + line))
      pieces = []
    }
    if (last !== '') pieces.push(last)
  })
}
