// What the servers would say, for pages that feed their clients themselves.

import { DEFAULT_WIRE_LIMITS, type UpstreamLine } from '@triwire/protocol'
import type { ReaderName } from './readers.ts'

/** A server within the page. */
export interface Feeder {
  /** What it says first. */
  readonly first?: string
  /** What it says to this text of the client. */
  answers(text: string): readonly string[]
  /** Frames for messages, the first of which has this number in its channel, from 1. */
  frames(texts: readonly string[], first: number): readonly string[]
}

const CHANNEL = 'room?id=0'
/** As long as those that the broker in memory draws. */
const EPOCH = 'AAAAAAAA'
const TAG = 'AAAAAAAA'

/** PROTOCOL.md §4.2, §4.3 and §5; the lines of one turn are one batch (§4.1). */
const triwire: Feeder = {
  answers: (text) => text.split('\n').flatMap((line) => answer(JSON.parse(line) as UpstreamLine)),
  frames: (texts, first) => [
    texts
      .map((d, index) =>
        JSON.stringify({ t: 'ev', ch: CHANNEL, at: `${EPOCH}:${first + index}:${TAG}`, e: 'message', d }),
      )
      .join('\n'),
  ],
}

function answer(line: UpstreamLine): string | readonly [] {
  switch (line.t) {
    case 'hello':
      return JSON.stringify({ t: 'welcome', v: 1, m: 'me', hb: 25_000, max: DEFAULT_WIRE_LIMITS })
    case 'join':
      return JSON.stringify({ t: 'joined', ch: CHANNEL, j: line.j, at: `${EPOCH}:0:0`, head: 0, how: 'fresh' })
    case 'ping':
      return JSON.stringify({ t: 'pong', n: line.n })
    default:
      return []
  }
}

const ws: Feeder = {
  answers: (text) => (text.startsWith('j') ? ['ready'] : []),
  frames: (texts) => texts.map((text) => JSON.stringify(text)),
}

/** Socket.IO protocol 5 over engine.io protocol 4. Pings are announced for later than any stream lasts. */
const socketIo: Feeder = {
  first: '0{"sid":"a","upgrades":[],"pingInterval":300000,"pingTimeout":20000,"maxPayload":1000000}',
  answers: (text) => (text === '40' ? ['40{"sid":"b"}'] : text.startsWith('42["join"') ? ['42["ready"]'] : []),
  frames: (texts) => texts.map((text) => `42${JSON.stringify(['message', text])}`),
}

/** By the name of the reader. */
export const FEEDERS: Readonly<Record<ReaderName, Feeder>> = { triwire, ws, 'socket-io': socketIo }
