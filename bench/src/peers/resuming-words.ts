// What clients of Triwire say that come back: the session they had, and the cursor that `joined` left them with. They follow
// one channel. PROTOCOL.md §3.

import { post } from '../load/http-request.ts'
import type { PollWords } from '../load/poll-client.ts'
import type { StreamWords } from '../load/stream-client.ts'
import type { WebSocketWords } from '../load/websocket-client.ts'
import { drawSession, hello, joins, pollTalk, triwireStreamWords, triwireWords } from './triwire-words.ts'

interface Stay {
  readonly session: string
  cursor?: string
}

/** By the number of the connection; a process of the load measures one peer, so they are of one wire. */
const stays = new Map<number, Stay>()

function stayOf(index: number): Stay {
  const stay = stays.get(index) ?? { session: drawSession() }
  stays.set(index, stay)
  return stay
}

/** `hello`, and a join that goes on where this connection was before. */
function openingAgain(channels: readonly number[], index: number): string {
  const { session, cursor } = stayOf(index)
  return hello(index, session) + joins(channels, cursor === undefined ? '' : `,"after":"${cursor}"`)
}

/** Keeps the cursor of `joined`: these clients are cut off before anything else comes. */
function noteJoined(text: string, index: number): void {
  const cursor = /"t":"joined"[^\n]*?"at":"([^"]+)"/.exec(text)?.[1]
  if (cursor !== undefined) stayOf(index).cursor = cursor
}

export const resumingWords: WebSocketWords = {
  ...triwireWords,
  greet(channels, index) {
    const greeting = triwireWords.greet(channels, index)
    return {
      first: openingAgain(channels, index),
      hear(text) {
        noteJoined(text, index)
        return greeting.hear(text)
      },
    }
  },
}

export const resumingStreamWords: StreamWords = {
  request: (channels, index) => post('/rt/stream', openingAgain(channels, index)),
  ready(text, channels, index) {
    noteJoined(text, index)
    return triwireStreamWords.ready(text, channels, index)
  },
}

export const resumingPollWords: PollWords = {
  converse([channel], index) {
    const { session, cursor } = stayOf(index)
    const talk = pollTalk(channel as number, hello(index, session), cursor)
    return {
      first: talk.first,
      next(body) {
        noteJoined(body, index)
        return talk.next(body)
      },
      get ready() {
        return talk.ready
      },
    }
  },
}
