/**
 * `GET /log/<path>` of a public channel: pages that any cache may keep and hand to everybody (PROTOCOL.md §7.3).
 *
 * Nothing of an answer depends on who asks. No token, cookie or origin is looked at, so nothing of them shows; and no
 * connection of a user comes of it, only a reader, who counts for the address it comes from.
 */
import type { ResolvedChannel } from '@triwire/protocol'
import type { Attached } from './connections.ts'
import type { Hub } from './hub.ts'
import { emptyPage, type LogPage } from './log-page.ts'
import { formatPageQuery, type PagePlace, readPageQuery } from './log-query.ts'
import { Rounds } from './log-round.ts'
import { canonicalAddress } from './remote-address.ts'
import type { Exchange } from './sink.ts'
import type { TimerWheel } from './timer-wheel.ts'

/** Any page may read it, and with it where to go on. Credentials are not asked for, so `*` may stand here. */
export const PUBLIC_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'link, etag',
  'x-content-type-options': 'nosniff',
}

/**
 * For answers that others will follow: long enough for all who wait to be given this one, and so short that nobody who
 * comes later goes through many small pages. One that has just become old is still good while the next one is fetched.
 */
const SHORTLY = 'public, max-age=2, stale-while-revalidate=10'

/**
 * The public channel a request is about; undefined for every other request. What is wrong with a path is said where all
 * paths are read, behind the checks that all but public logs have in common.
 */
export function publicLogOf(hub: Hub, path: string): ResolvedChannel | undefined {
  if (!path.startsWith('/log/')) return undefined
  try {
    const resolved = hub.app.resolvePath(path.slice('/log/'.length))
    return resolved.channel.public ? resolved : undefined
  } catch {
    return undefined
  }
}

/** Answers a request for a public log. @throws TriwireError for whatever it refuses */
export async function handlePublicLog(hub: Hub, exchange: Exchange, resolved: ResolvedChannel): Promise<void> {
  const asked = readPageQuery(exchange.search, exchange.query)
  const rounds = new Rounds(resolved.address, hub.limits.pollHoldMs)
  const reader = new LogReader(hub.wheel, exchange.remoteAddress)
  hub.admit(reader)
  try {
    if (asked.is === 'tail') {
      const { read } = hub.broker
      const found = await read.call(hub.broker, resolved.address, { tail: asked.tail, limit: 0, bytes: 0 })
      redirect(exchange, { after: found.status === 'page' ? found.from : found.head, round: undefined })
    } else if (asked.is === 'elsewhere') {
      const { after, round } = asked.place
      redirect(exchange, { after, round: asked.waits ? rounds.at(Date.now()) : round })
    } else {
      const page = await takePage(hub, reader, resolved, asked.place, rounds)
      answer(exchange, resolved, page, nextPlace(asked.place, page, rounds))
    }
  } finally {
    hub.connections.dismiss(reader)
  }
}

async function takePage(
  hub: Hub,
  reader: LogReader,
  resolved: ResolvedChannel,
  { after, round }: PagePlace,
  rounds: Rounds,
): Promise<LogPage> {
  const leftMs = round === undefined ? undefined : rounds.leftMs(round, Date.now())
  if (after === undefined || round === undefined || leftMs === undefined)
    return await hub.pages.read(resolved, after)
  const page = hub.pages.await(resolved, after, round, Math.min(leftMs, hub.limits.pollHoldMs))
  return (await Promise.race([page, reader.sentAway])) ?? emptyPage(resolved.address, after)
}

/** Where a reader of this page goes on. A round is never asked for twice: an answer that a cache keeps leads further. */
function nextPlace({ round }: PagePlace, page: LogPage, rounds: Rounds): PagePlace {
  if (page.hasMore) return { after: page.at, round: undefined }
  const current = rounds.at(Date.now())
  const isOver = page.isEmpty && round !== undefined && rounds.leftMs(round, Date.now()) !== undefined
  return { after: page.at, round: isOver ? Math.max(current, round + 1) : current }
}

function answer(exchange: Exchange, { channel }: ResolvedChannel, page: LogPage, next: PagePlace): void {
  // As long as the log itself would have kept what is in it.
  const keptS = Math.max(1, Math.floor(channel.history.ttlMs / 1000))
  const { epoch, offset, tag } = page.at
  exchange.respond(
    200,
    {
      ...PUBLIC_HEADERS,
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': page.isFinal ? `public, max-age=${keptS}, immutable` : SHORTLY,
      link: `<${locationOf(exchange, next)}>; rel="next"`,
      // Of one place, two pages that end alike are alike. Whoever keeps them answers those who ask whether theirs is good.
      ...(page.isEmpty ? {} : { etag: `"${epoch}:${offset}:${tag}"` }),
    },
    page.text,
  )
}

function redirect(exchange: Exchange, place: PagePlace): void {
  const headers = { ...PUBLIC_HEADERS, 'cache-control': SHORTLY, location: locationOf(exchange, place) }
  exchange.respond(307, headers, '')
}

/** Relative, because the mount and the host are only known to whoever asked. */
function locationOf({ path }: Exchange, place: PagePlace): string {
  return path.slice(path.lastIndexOf('/') + 1) + formatPageQuery(place)
}

/**
 * Whoever waits for a page, among the connections of this node. That its client has gone is not noticed before the round
 * is over: the head of an answer depends on what will be in it, so none can be begun. Until then it counts.
 */
class LogReader implements Attached {
  readonly kind = 'poll'
  readonly speaker = undefined
  readonly remoteAddress: string | undefined
  /** Resolves when it has to be answered with what there is. */
  readonly sentAway: Promise<undefined>
  readonly #wheel: TimerWheel
  #sendAway: (nothing: undefined) => void = () => {}

  constructor(wheel: TimerWheel, remoteAddress: string | undefined) {
    this.#wheel = wheel
    this.remoteAddress = canonicalAddress(remoteAddress)
    this.sentAway = new Promise((resolve) => {
      this.#sendAway = resolve
    })
  }

  finish(): void {
    this.#sendAway(undefined)
  }

  close(): void {
    this.finish()
  }

  sendOff(_code: string, retryMs: number, leftMs: number): void {
    this.#wheel.schedule(Math.min(retryMs, leftMs), () => this.finish())
  }

  revoke(): void {}

  beat(): void {}

  handleSeen(): boolean {
    return false
  }
}
