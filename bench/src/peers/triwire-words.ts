// What a client of Triwire says to be let in: PROTOCOL.md §4.2, §4.3.

import { randomBytes } from 'node:crypto'
import type { WebSocketWords } from '../load/websocket-client.ts'

/** `hello` of a user of its own, and a join per channel. */
export function opening(channels: readonly number[], index: number): string {
  const hello = { t: 'hello', v: 1, s: randomBytes(16).toString('base64url'), k: `user-${index}` }
  const joins = channels.map((channel, j) => `\n{"t":"join","ch":"room?id=${channel}","j":${j + 1}}`)
  return JSON.stringify(hello) + joins.join('')
}

/** How many joins a text answers. */
export function joinedIn(text: string): number {
  return text.split('"t":"joined"').length - 1
}

export const triwireWords: WebSocketWords = {
  path: () => '/rt/',
  protocol: 'triwire.v1',
  greet(channels, index) {
    let waiting = channels.length
    return {
      first: opening(channels, index),
      hear(text) {
        waiting -= joinedIn(text)
        return waiting <= 0 ? true : undefined
      },
    }
  },
}
