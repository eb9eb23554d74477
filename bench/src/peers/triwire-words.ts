// What a client of Triwire says to be let in: PROTOCOL.md §4.2, §4.3.

import { randomBytes } from 'node:crypto'
import { post } from '../load/http-request.ts'
import type { PollTalk, PollWords } from '../load/poll-client.ts'
import type { SendWords } from '../load/send-client.ts'
import type { StreamWords } from '../load/stream-client.ts'
import type { WebSocketWords } from '../load/websocket-client.ts'

/** A session id: 128 random bits, as §4.2 wants them. */
export function drawSession(): string {
  return randomBytes(16).toString('base64url')
}

/** `hello` of a user. */
export function helloOf(user: string, session: string = drawSession()): string {
  return JSON.stringify({ t: 'hello', v: 1, s: session, k: user })
}

/** `hello` of a user of its own. */
export function hello(index: number, session: string = drawSession()): string {
  return helloOf(`user-${index}`, session)
}

/** A join per channel. `fields` is what they say besides. */
export function joins(channels: readonly number[], fields = ''): string {
  return channels.map((channel, j) => `\n{"t":"join","ch":"room?id=${channel}","j":${j + 1}${fields}}`).join('')
}

/** Both. */
function opening(channels: readonly number[], index: number, fields?: string): string {
  return hello(index) + joins(channels, fields)
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
    depart: (channel, n) => `{"t":"pres","ch":"room?id=${channel}","n":${n}}`,
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

/** Over long polling, in one channel: §6.4. */
export const triwirePollWords: PollWords = {
  converse: ([channel], index) => pollTalk(channel as number, hello(index)),
}

/**
 * One conversation. The cursor of the next poll is that of the last line that has one.
 * @param user its `hello`
 * @param cursor where it goes on
 */
export function pollTalk(channel: number, user: string, cursor?: string): PollTalk {
  let polls = 0
  const request = (after?: string): string =>
    post('/rt/poll', user + joins([channel], after === undefined ? '' : `,"after":"${after}"`))
  return {
    first: request(cursor),
    next(body) {
      polls++
      const at = body.lastIndexOf('"at":"') + 6
      return request(body.slice(at, body.indexOf('"', at)))
    },
    get ready() {
      return polls > 0
    },
  }
}
