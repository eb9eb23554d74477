/**
 * What the network does to one client at the moment: trouble that begins and ends when a test or a script says so. The
 * `fetch` and `WebSocket` of that client ask it at the moments it matters.
 */
import type { Random } from './random.ts'

/** Trouble that lasts. `p` is the probability with which each request is met. */
export interface Weather {
  /** Nothing can be reached. `refuses` fails at once instead of hanging. */
  down: 'hangs' | 'refuses' | undefined
  /** What becomes of a WebSocket. */
  socket: 'refused' | 'swallowed' | 'silent' | 'killed' | undefined
  /** What becomes of event streams, and of polls. */
  streams: 'refused' | 'swallowed' | undefined
  polls: 'refused' | 'swallowed' | undefined
  /** What a proxy does to responses that stay: holds the head, the first part until the second, or so many bytes. */
  proxy: { readonly holds: 'head' | 'first' | 'bytes'; readonly bytes: number } | undefined
  loseRequests: number
  loseResponses: number
  duplicateRequests: number
  /** Milliseconds by which requests may be late, so that they overtake each other; or hang, where that is long. */
  delayRequestsMs: number
  /** A proxy answers in the server's place. */
  proxyAnswers: 'error' | 'page' | undefined
  /** Responses arrive in pieces of a few bytes. */
  slices: boolean
  /** Probability with which an event vanishes on its way down, as behind a proxy that loses what it held. */
  loseEvents: number
  /** Responses that a proxy holds at the moment: what lets them go. */
  readonly held: Set<() => void>
}

/** No trouble. */
export function fairWeather(): Weather {
  return {
    down: undefined,
    socket: undefined,
    streams: undefined,
    polls: undefined,
    proxy: undefined,
    loseRequests: 0,
    loseResponses: 0,
    duplicateRequests: 0,
    delayRequestsMs: 0,
    proxyAnswers: undefined,
    slices: false,
    loseEvents: 0,
    held: new Set(),
  }
}

/** What becomes of one request. */
export interface RequestFate {
  readonly lost: boolean
  readonly responseLost: boolean
  readonly duplicated: boolean
  readonly delayMs: number
}

/** Draws the fate of a request. */
export function fateOf(weather: Weather, random: Random): RequestFate {
  const { loseRequests, loseResponses, duplicateRequests, delayRequestsMs } = weather
  return {
    lost: loseRequests > 0 && random.chance(loseRequests),
    responseLost: loseResponses > 0 && random.chance(loseResponses),
    duplicated: duplicateRequests > 0 && random.chance(duplicateRequests),
    delayMs: delayRequestsMs > 0 && random.chance(0.5) ? delayRequestsMs * random.next() : 0,
  }
}

/** What is left of a text of lines when the network loses some of its events. */
export function withoutSome(text: string, { loseEvents }: Weather, random: Random): string {
  if (loseEvents === 0) return text
  return text
    .split('\n')
    .filter((line) => !(line.includes('"t":"ev"') && random.chance(loseEvents)))
    .join('\n')
}
