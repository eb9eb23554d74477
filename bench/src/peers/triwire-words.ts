// What a client of Triwire says to be let in: PROTOCOL.md §4.2, §4.3.

import { randomBytes } from 'node:crypto'
import { post } from '../load/http-request.ts'
import type { PollWords } from '../load/poll-client.ts'
import type { SendWords } from '../load/send-client.ts'
import type { StreamWords } from '../load/stream-client.ts'
import type { WebSocketWords } from '../load/websocket-client.ts'

/** `hello` of a fresh session of a user. */
export function helloOf(user: string): string {
  return JSON.stringify({ t: 'hello', v: 1, s: randomBytes(16).toString('base64url'), k: user })
}

/** The same of a user of its own. */
function hello(index: number): string {
  return helloOf(`user-${index}`)
}

/** The same, and a join per channel. `fields` is what the joins say besides. */
function opening(channels: readonly number[], index: number, fields = ''): string {
  const joins = channels.map((channel, j) => `\n{"t":"join","ch":"room?id=${channel}","j":${j + 1}${fields}}`)
  return hello(index) + joins.join('')
}

/** How many joins a text answers. */
function joinedIn(text: string): number {
  return text.split('"t":"joined"').length - 1
}

function publishLines(channel: number, n: number, texts: readonly string[]): string {
  return texts
    .map(
      (text, i) => `{"t":"pub","ch":"room?id=${channel}","n":${n + i},"e":"message","d":${JSON.stringify(text)}}`,
    )
    .join('\n')
}

/** What the clients of streams and polls say: §6.5. */
const sendWords: SendWords = {
  converse(index) {
    const user = hello(index)
    return (channel, n, texts) => post('/rt/send', `${user}\n${publishLines(channel, n, texts)}`)
  },
}

/** Over WebSocket: PROTOCOL.md §6.1. */
function socketWords(fields = ''): WebSocketWords {
  return {
    path: () => '/rt/',
    protocol: 'triwire.v1',
    greet(channels, index) {
      let waiting = channels.length
      return {
        first: opening(channels, index, fields),
        hear(text) {
          // Nobody is refused in a run; one who is would wait for its channels until the end.
          const refusal = /\{"t":"(?:err|end|bye)".*/.exec(text)
          if (refusal !== null) throw new Error(`A client of Triwire was refused: ${refusal[0]}`)
          waiting -= joinedIn(text)
          return waiting <= 0 ? true : undefined
        },
      }
    },
    // The lines of a segment are one batch, as our own client sends them (§4.1).
    publish: (channel, n, texts) => [publishLines(channel, n, texts)],
    command: (channel, n, text) =>
      `{"t":"cmd","ch":"room?id=${channel}","id":"${n}","c":"echo","d":${JSON.stringify(text)}}`,
    announce: (channel, n, text) => `{"t":"pres","ch":"room?id=${channel}","n":${n},"d":${JSON.stringify(text)}}`,
  }
}

export const triwireWords: WebSocketWords = socketWords()

/** Begins with the last 300 events: §4.3. */
export const triwireTailWords: WebSocketWords = socketWords(',"tail":300')

/** Asks who is present: §8.9. */
export const triwirePresenceWords: WebSocketWords = socketWords(',"pres":""')

/** Over server-sent events: §6.3. */
export const triwireStreamWords: StreamWords = {
  request: (channels, index) => post('/rt/stream', opening(channels, index)),
  ready: (text, channels) => joinedIn(text) === channels.length,
  send: sendWords,
}

/** Over long polling, in one channel: §6.4. The cursor of the next poll is that of the last line that has one. */
export const triwirePollWords: PollWords = {
  send: sendWords,
  converse(channels, index) {
    const [channel] = channels
    const user = hello(index)
    let polls = 0
    return {
      first: post('/rt/poll', `${user}\n{"t":"join","ch":"room?id=${channel}","j":1}`),
      next(body) {
        polls++
        const at = body.lastIndexOf('"at":"') + 6
        const after = body.slice(at, body.indexOf('"', at))
        return post('/rt/poll', `${user}\n{"t":"join","ch":"room?id=${channel}","j":1,"after":"${after}"}`)
      },
      get ready() {
        return polls > 0
      },
    }
  },
}
