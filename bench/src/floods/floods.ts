// All floods by name, in the order they are measured.

import { post } from '../load/http-request.ts'
import { helloOf } from '../peers/triwire-words.ts'
import { ATTACKER, type Flood } from './flood.ts'
import { LineFlood } from './line-flood.ts'
import { VisitFlood } from './visit-flood.ts'
import { join, opening, room } from './words.ts'

/** Lines of one message: as many as a batch may have. */
const BATCH = 1024

/** Messages of a history, and the channels of one connection: `servers/triwire.ts`, and its limits from the start. */
const HISTORY = 300
const CHANNELS = 128

/** What the first answer to a join begins with. */
const JOIN_ANSWERED = /"t":"(?:joined|err|end|bye)"/

/** Numbers that every line has of its own. */
let last = 0

function batch(line: (n: number) => string): readonly string[] {
  return Array.from({ length: BATCH }, () => line(++last))
}

export const FLOODS = {
  /** Publishes into a room of its own. Those it may make are events like any other, so they are told to nobody here. */
  publishes: (port) =>
    new LineFlood({
      port,
      next: () => batch((n) => `{"t":"pub","ch":"${room('flood')}","n":${n},"lo":${n},"e":"message","d":"flood"}`),
      reads: true,
    }),

  /** Joins and leaves, a room after another. */
  churn: (port) =>
    new LineFlood({
      port,
      next: () => batch((n) => (n % 2 === 0 ? join(room(n), n) : `{"t":"leave","ch":"${room(n - 1)}"}`)),
      reads: true,
    }),

  /** Comes with a cursor from before the history, gets all of it, and comes again with the same. */
  replays: (port) => {
    let cursor: string | undefined
    return new VisitFlood({
      port,
      say: () => opening([join(room(0), 1, cursor === undefined ? `,"tail":${HISTORY}` : `,"after":"${cursor}"`)]),
      until: JOIN_ANSWERED,
      onHeard: (text) => {
        cursor ??= /"t":"joined".*?"at":"([^"]+)"/.exec(text)?.[1]
      },
    })
  },

  /** Comes, joins as much as one connection may, and is gone. */
  connects: (port) =>
    new VisitFlood({
      port,
      say: () => opening(Array.from({ length: CHANNELS }, (_, index) => join(room(++last), index + 1))),
      until: JOIN_ANSWERED,
    }),

  /** Asks for all of the history again and again and reads nothing of it, in the room where everything happens. */
  'slow reader': (port) =>
    new LineFlood({
      port,
      first: Array.from({ length: BATCH - 1 }, (_, index) => join(room(0), index + 1, `,"tail":${HISTORY}`)),
      reads: false,
    }),

  /** Polls that are given up as soon as they are asked. */
  polls: (port) =>
    new VisitFlood({
      port,
      say: () => Buffer.from(post('/rt/poll', `${helloOf(ATTACKER)}\n${join(room(0), 1)}`)),
    }),
} as const satisfies Readonly<Record<string, (port: number) => Flood>>

/** The name of one. */
export type FloodName = keyof typeof FLOODS
