/** Readers of a public log: plain requests that follow `Link` from page to page, on connections that are kept. */
import type { IncomingHttpHeaders } from 'node:http'
import { Agent, get } from 'node:https'

/** An answer. */
export interface Page {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Readers who all follow one log. */
export interface LogReaders {
  /** What each of them has read, in its order. */
  readonly read: readonly (readonly number[])[]
  /** How often a page came with this `X-Cache-Status`. */
  readonly statuses: ReadonlyMap<string, number>
  /** Resolves when every one of them has read the event with this number. @throws Error where one could not go on */
  heard(n: number): Promise<void>
  /** Lets them go. */
  close(): void
}

/** Readers who come at once; a proxy answers a handshake after the other. */
const AT_ONCE = 100

/** Starts so many at the end of a log; resolves when each of them knows where that is. */
export async function startLogReaders(url: string, count: number): Promise<LogReaders> {
  const agent = new Agent({ keepAlive: true })
  const read: number[][] = Array.from({ length: count }, () => [])
  const statuses = new Map<string, number>()
  const counts = new Map<number, number>()
  const waiting = new Map<number, () => void>()
  let isOver = false
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {})

  const take = async (from: string): Promise<{ readonly next: string; readonly body: string }> => {
    const { status, headers, body } = await getPage(from, agent)
    const cached = String(headers['x-cache-status'])
    statuses.set(cached, (statuses.get(cached) ?? 0) + 1)
    const next = /<([^>]+)>; rel="next"/.exec(String(headers.link))?.[1]
    if (status !== 200 || next === undefined) throw new Error(`${from} was answered with ${status} ${body}`)
    return { next: new URL(next, from).href, body }
  }
  const follow = async (numbers: number[], from: string): Promise<void> => {
    for (let at = from; !isOver; ) {
      const { next, body } = await take(at)
      at = next
      for (const line of body.split('\n')) {
        const { t, d } = JSON.parse(line) as { readonly t: string; readonly d?: { readonly n: number } }
        if (t !== 'ev' || d === undefined) continue
        numbers.push(d.n)
        const heardBy = (counts.get(d.n) ?? 0) + 1
        counts.set(d.n, heardBy)
        if (heardBy === count) waiting.get(d.n)?.()
      }
    }
  }

  for (let begun = 0; begun < count; begun += AT_ONCE) {
    const batch = read.slice(begun, begun + AT_ONCE)
    const starts = await Promise.all(batch.map(() => take(url)))
    for (const [index, numbers] of batch.entries()) {
      follow(numbers, starts[index]?.next ?? url).catch((error: unknown) => {
        if (!isOver) fail(error)
      })
    }
  }
  return {
    read,
    statuses,
    heard: (n) => {
      const all = new Promise<void>((resolve) => {
        if (counts.get(n) === count) resolve()
        else waiting.set(n, resolve)
      })
      return Promise.race([all, failed])
    },
    close: () => {
      isOver = true
      agent.destroy()
    },
  }
}

/** Asks for one page. */
export function getPage(url: string, agent?: Agent): Promise<Page> {
  return new Promise((resolve, reject) => {
    const request = get(url, agent === undefined ? {} : { agent }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        body += text
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
    request.on('error', reject)
  })
}
