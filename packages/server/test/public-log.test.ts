/** Public logs: answers that are everybody's, at one address each, that caches may keep without hiding anything. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Broker } from '../src/broker.ts'
import { memory } from '../src/index.ts'
import { Rounds } from '../src/log-round.ts'
import { type FakeExchange, HubStage, type Line, type StageOptions, settle } from './hub-stage.ts'

const SCORES = 'scores?match=1'
const PATH = '/log/scores/1'
const SHORTLY = 'public, max-age=2, stale-while-revalidate=10'
const ROUND_MS = 20_000

let stages: HubStage[] = []

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }))
afterEach(async () => {
  for (const stage of stages) await stage.close()
  stages = []
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

function start(options: StageOptions = {}): HubStage {
  const stage = new HubStage(options)
  stages.push(stage)
  return stage
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  await settle()
}

async function goals(stage: HubStage, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) await stage.emit(SCORES, 'goal', { n })
}

/** Asks for what a link leads to, or for the channel itself. */
function ask(stage: HubStage, query = '', headers: Record<string, string> = {}): FakeExchange {
  return stage.request(`${PATH}${query}`, '', { headers })
}

async function page(stage: HubStage, query = '', headers: Record<string, string> = {}): Promise<FakeExchange> {
  return await ask(stage, query, headers).answered()
}

const linesOf = ({ body }: FakeExchange): Line[] => body.split('\n').map((line) => JSON.parse(line) as Line)
const numbersOf = (exchange: FakeExchange): number[] =>
  linesOf(exchange).flatMap(({ t, d }) => (t === 'ev' ? [(d as { n: number }).n] : []))
const keptOf = ({ responseHeaders }: FakeExchange): string | undefined => responseHeaders['cache-control']
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** The query that an answer leads to. */
function nextOf({ responseHeaders: { link = '' } }: FakeExchange): string {
  const query = /^<1(\?after=[^>]+)>; rel="next"$/.exec(link)?.[1]
  if (query === undefined) throw new Error(`There is no next page in "${link}".`)
  return query
}

const roundOf = (query: string): number => Number(/&round=(\d+)$/.exec(query)?.[1])

describe('a public log', () => {
  it('is read without being asked who, from wherever, and says nothing of anybody', async () => {
    const auth = vi.fn(() => null)
    const stage = start({ auth })
    const next = nextOf(await page(stage))
    const member = 'i45JINs7XpnWlONG'
    await stage.broker.append(SCORES, {
      event: 'goal',
      data: '{"n":1}',
      cause: `${member}#1`,
      history: { keep: 10, ttlMs: 60_000, bytes: 10_000 },
    })
    const asked: readonly Record<string, string>[] = [
      {},
      { authorization: 'Bearer nonsense' },
      { cookie: 'session=1' },
      { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' },
      { origin: 'null' },
    ]
    const answers = await Promise.all(asked.map((headers) => page(stage, next, headers)))
    for (const { status, responseHeaders, body } of answers) {
      expect(status).toBe(200)
      expect({ responseHeaders, body }).toEqual({
        responseHeaders: answers[0]?.responseHeaders,
        body: answers[0]?.body,
      })
      expect(responseHeaders).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-expose-headers': 'link, etag',
      })
      for (const name of ['vary', 'set-cookie', 'access-control-allow-credentials', 'x-accel-buffering'])
        expect(responseHeaders).not.toHaveProperty(name)
    }
    expect(answers[0]?.body).not.toContain(member)
    expect(linesOf(answers[0] as FakeExchange)).toEqual([
      { t: 'ev', ch: SCORES, at: expect.any(String), e: 'goal', d: { n: 1 } },
    ])
    expect(auth).not.toHaveBeenCalled()
  })

  it('is followed by its links from one page to the next, each event once and in order', async () => {
    const stage = start()
    let next = nextOf(await page(stage))
    await goals(stage, 1, 250)
    const read: number[] = []
    const kept: (string | undefined)[] = []
    while (read.length < 250) {
      const answer = await page(stage, next)
      read.push(...numbersOf(answer))
      kept.push(keptOf(answer))
      next = nextOf(answer)
    }
    expect(read).toEqual(range(1, 250))
    // As long as its history, which is ten minutes.
    expect(kept).toEqual(['public, max-age=600, immutable', 'public, max-age=600, immutable', SHORTLY])
  })

  it('has its pages end at the same places, from wherever one comes', async () => {
    const stage = start()
    await goals(stage, 1, 250)
    for (const back of [243, 208, 151]) {
      const { responseHeaders } = await page(stage, `?tail=${back}`)
      const answer = await page(stage, responseHeaders.location?.slice(1))
      expect(numbersOf(answer)).toEqual(range(251 - back, 100))
      expect(nextOf(answer)).toContain(':100:')
      expect(answer.responseHeaders.etag).toBe(`"${nextOf(answer).slice('?after='.length)}"`)
    }
  })

  it('answers with a full page alike for ever, and with one at the end of the log not', async () => {
    const stage = start()
    const first = nextOf(await page(stage)).replace(/&.*/, '')
    await goals(stage, 1, 99)
    const open = await page(stage, first)
    await goals(stage, 100, 100)
    const full = await page(stage, first)
    await goals(stage, 101, 300)
    const later = await page(stage, first)
    expect([keptOf(open), keptOf(full), keptOf(later)]).toEqual([
      SHORTLY,
      'public, max-age=600, immutable',
      'public, max-age=600, immutable',
    ])
    expect(later.body).toBe(full.body)
    expect(later.responseHeaders.etag).toBe(full.responseHeaders.etag)
    expect(open.responseHeaders.etag).not.toBe(full.responseHeaders.etag)
  })

  it('has pages of at most so many bytes', async () => {
    const stage = start({ limits: { replayBytes: 40 } })
    const first = nextOf(await page(stage))
    await goals(stage, 1, 9)
    const answer = await page(stage, first)
    expect(numbersOf(answer)).toEqual(range(1, 5))
    expect(numbersOf(await page(stage, nextOf(answer)))).toEqual(range(6, 9))
  })

  it('tells of a gap and what is left behind it, and that is not kept for long', async () => {
    const stage = start()
    await goals(stage, 1, 1250)
    const answer = await page(stage, '?after=elsewhere:7:x')
    expect(linesOf(answer).slice(0, 2)).toMatchObject([
      { t: 'gap', reason: 'new_epoch' },
      { t: 'joined', how: 'fresh', head: 1250 },
    ])
    expect(numbersOf(answer)).toEqual(range(251, 300))
    expect(keptOf(answer)).toBe(SHORTLY)
    expect(numbersOf(await page(stage, nextOf(answer)))).toEqual(range(301, 400))
  })

  it('goes on at its end where nobody knows what was lost', async () => {
    const stage = start()
    await goals(stage, 1, 5)
    const { head } = await stage.broker.read(SCORES, { limit: 0, bytes: 0 })
    const answer = await page(stage, `?after=${head.epoch}:9:x`)
    expect(linesOf(answer)).toMatchObject([
      { t: 'gap', reason: 'lost_tail', to: null },
      { t: 'joined', at: `${head.epoch}:5:${head.tag}` },
    ])
    expect(nextOf(answer)).toContain(`?after=${head.epoch}:5:${head.tag}&round=`)
  })
})

describe('a reader of a public log', () => {
  it('with nothing to read waits for an event, and gets what came with it', async () => {
    const stage = start()
    const waiting = ask(stage, nextOf(await page(stage)))
    await pass(1000)
    expect(waiting.status).toBeUndefined()
    // One after another, and all in one turn of the event loop.
    await goals(stage, 1, 5)
    await waiting.answered()
    expect(numbersOf(waiting)).toEqual(range(1, 5))
    expect(keptOf(waiting)).toBe(SHORTLY)
    expect(stage.connections).toBe(0)
    await pass(30_000)
  })

  it('shares one read and one encoding with all who wait where it does', async () => {
    const broker = memory()
    const read = vi.spyOn(broker, 'read')
    const stage = start({ broker, limits: { connectionsPerAddress: 1000 } })
    const next = nextOf(await page(stage))
    const waiting = Array.from({ length: 500 }, () => ask(stage, next))
    await settle()
    read.mockClear()
    await stage.emit(SCORES, 'goal', { n: 1 })
    for (const one of waiting) expect(numbersOf(await one.answered())).toEqual([1])
    expect(read).toHaveBeenCalledTimes(1)
    await pass(30_000)
  })

  it('is sent to another round at the end of each, so that no answer leads back to itself', async () => {
    const stage = start()
    let next = nextOf(await page(stage))
    for (let round = 0; round < 5; round++) {
      const waiting = ask(stage, next)
      await pass(ROUND_MS + 50)
      expect(linesOf(waiting)).toEqual([expect.objectContaining({ t: 'joined', how: 'resumed' })])
      expect(keptOf(waiting)).toBe(SHORTLY)
      expect(waiting.responseHeaders).not.toHaveProperty('etag')
      expect(roundOf(nextOf(waiting))).toBe(roundOf(next) + 1)
      next = nextOf(waiting)
    }
    await goals(stage, 1, 1)
    expect(numbersOf(await page(stage, next))).toEqual([1])
    await pass(30_000)
  })

  it('who comes with an old round is led to the one that is now', async () => {
    const stage = start()
    const old = nextOf(await page(stage))
    await pass(10 * ROUND_MS)
    const answer = await page(stage, old)
    expect(roundOf(nextOf(answer))).toBe(roundOf(old) + 10)
    const ahead = await page(stage, old.replace(/\d+$/, '9007199254740991'))
    expect(roundOf(nextOf(ahead))).toBe(roundOf(old) + 10)
  })

  it('who comes with a round of a faster clock waits, and goes on from there', async () => {
    const stage = start({ limits: { pollHoldMs: 5000 } })
    const next = nextOf(await page(stage))
    const waiting = ask(stage, next.replace(/\d+$/, String(roundOf(next) + 3)))
    await pass(4900)
    expect(waiting.status).toBeUndefined()
    await pass(200)
    expect(roundOf(nextOf(waiting))).toBe(roundOf(next) + 4)
    await pass(30_000)
  })

  it('is not answered with old news where the store shows less than was heard of it', async () => {
    const broker = memory()
    const stage = start({ broker })
    const next = nextOf(await page(stage))
    const waiting = ask(stage, next)
    await settle()
    const behind = await broker.read(SCORES, { limit: 0, bytes: 0 })
    vi.spyOn(broker, 'read').mockResolvedValueOnce({
      status: 'page',
      entries: [],
      from: behind.head,
      head: behind.head,
    })
    await goals(stage, 1, 1)
    await settle()
    expect(waiting.status).toBeUndefined()
    await pass(1100)
    expect(numbersOf(waiting)).toEqual([1])
    await pass(30_000)
  })

  it('counts for its address, also where its client has gone, until the round is over', async () => {
    const stage = start({ limits: { connectionsPerAddress: 2 } })
    const from = { remoteAddress: '203.0.113.9' }
    const next = nextOf(await page(stage))
    const waiting = [1, 2].map(() => stage.request(`${PATH}${next}`, '', from))
    await settle()
    const third = stage.request(PATH, '', from)
    await pass(1100)
    expect([third.status, third.code, keptOf(third)]).toEqual([
      429,
      'too_many_connections',
      'no-store, no-transform',
    ])
    expect((await stage.request(PATH, '', { remoteAddress: '203.0.113.10' }).answered()).status).toBe(200)
    await pass(ROUND_MS)
    for (const one of waiting) expect(one.status).toBe(200)
    expect(stage.connections).toBe(0)
    await pass(30_000)
  })

  it('is answered within the spread where the server drains, and led on', async () => {
    const stage = start()
    const next = nextOf(await page(stage))
    const waiting = ask(stage, next)
    await settle()
    const drained = stage.hub.drain(1000)
    const refused = await page(stage)
    expect([refused.status, refused.code, refused.responseHeaders.connection]).toEqual([503, 'draining', 'close'])
    await pass(1100)
    await drained
    expect(roundOf(nextOf(waiting))).toBe(roundOf(next) + 1)
    await pass(50_000)
  })

  it('is answered where the server closes', async () => {
    const stage = start()
    const waiting = ask(stage, nextOf(await page(stage)))
    await settle()
    await stage.close()
    await settle()
    expect(waiting.status).toBe(200)
  })

  it('is told that the store is away, and nobody keeps that', async () => {
    const broker: Broker = memory()
    const stage = start({ broker })
    const next = nextOf(await page(stage))
    vi.spyOn(broker, 'read').mockRejectedValue(new Error('away'))
    const answers = await Promise.all([page(stage, next), page(stage, next), page(stage)])
    for (const answer of answers) expect([answer.status, keptOf(answer)]).toEqual([503, 'no-store, no-transform'])
    expect(stage.connections).toBe(0)
    await pass(30_000)
  })
})

describe('a page of a public log has one URL', () => {
  async function place(stage: HubStage): Promise<{ after: string; round: number }> {
    const next = nextOf(await page(stage))
    return { after: /after=([^&]+)/.exec(next)?.[1] ?? '', round: roundOf(next) }
  }

  it('and whoever writes it otherwise is sent there', async () => {
    const stage = start()
    const { after, round } = await place(stage)
    const spelled = after.replaceAll(':', '%3A')
    for (const [query, location] of [
      [`?after=${spelled}`, `1?after=${after}`],
      [`?after=${after}&`, `1?after=${after}`],
      [`?round=${round}&after=${after}`, `1?after=${after}&round=${round}`],
      [`?after=${after}&wait=20`, `1?after=${after}&round=${round}`],
      [`?wait=7&after=${spelled}`, `1?after=${after}&round=${round}`],
      [`?after=${after}&wait=0`, `1?after=${after}`],
      [`?after=${after}&round=3&wait=9`, `1?after=${after}&round=3`],
      ['?wait=20', '1'],
      ['?tail=0', '1'],
    ] as const) {
      const { status, responseHeaders, body } = await page(stage, query)
      expect([query, status, responseHeaders.location]).toEqual([query, 307, location])
      expect([responseHeaders['cache-control'], body]).toEqual([SHORTLY, ''])
    }
  })

  it('which the last so many events lead to', async () => {
    const stage = start()
    await goals(stage, 1, 30)
    const { status, responseHeaders } = await page(stage, '?tail=3')
    expect(status).toBe(307)
    const answer = await page(stage, responseHeaders.location?.slice(1))
    expect(numbersOf(answer)).toEqual([28, 29, 30])
  })

  it.each([
    ['snapshot', 'bad_line'],
    ['after=a:1:b&after=a:1:b', 'bad_line'],
    ['after=a:1:b&x=1', 'bad_line'],
    ['after=a:1:b&round=x', 'bad_line'],
    ['after=a:1:b&round=01', 'bad_line'],
    ['after=a:1:b&wait=3601', 'bad_line'],
    ['round=1', 'bad_line'],
    ['after=a:01:b', 'bad_cursor'],
    ['after=', 'bad_cursor'],
    ['after=a:1:b&token=x', 'token_in_url'],
  ])('and %s is none', async (query, code) => {
    const stage = start()
    const answer = await page(stage, `?${query}`)
    expect([answer.code, keptOf(answer)]).toEqual([code, 'no-store, no-transform'])
    expect(stage.connections).toBe(0)
  })

  it('which is asked for by GET, and whatever else the request says changes nothing', async () => {
    const stage = start()
    const posted = await stage.request(PATH, '', { method: 'POST' }).answered()
    expect([posted.status, posted.responseHeaders.allow]).toEqual([405, 'GET'])
    const { after } = await place(stage)
    const resumed = await page(stage, '', { 'last-event-id': 'nonsense' })
    expect(linesOf(resumed)[0]).toMatchObject({ t: 'joined', at: after })
  })
})

describe('the rounds of a log', () => {
  const now = Date.UTC(2026, 10, 23)

  it('follow each other without a pause, and are as long as an answer may be held', () => {
    for (const holdMs of [1, 500, 20_000, 25_000]) {
      const rounds = new Rounds(SCORES, holdMs)
      const round = rounds.at(now)
      const leftMs = rounds.leftMs(round, now) ?? 0
      expect(leftMs).toBeGreaterThan(0)
      expect(leftMs).toBeLessThanOrEqual(Math.min(holdMs, ROUND_MS))
      expect([rounds.at(now + leftMs - 1), rounds.at(now + leftMs)]).toEqual([round, round + 1])
      expect(rounds.leftMs(round, now + leftMs)).toBeUndefined()
    }
  })

  it('end at other moments for other channels, so that their readers do not all come back at once', () => {
    const ends = range(1, 1000).map((match) => {
      const rounds = new Rounds(`scores?match=${match}`, ROUND_MS)
      return rounds.leftMs(rounds.at(now), now) ?? 0
    })
    // In each second some, in none of them many.
    const bySecond = range(0, 19).map(
      (second) => ends.filter((ms) => Math.floor((ms - 1) / 1000) === second).length,
    )
    expect(Math.min(...bySecond)).toBeGreaterThan(0)
    expect(Math.max(...bySecond)).toBeLessThan(150)
  })

  it('that are ahead by minutes are those of another clock, and by more of nobody', () => {
    const rounds = new Rounds(SCORES, ROUND_MS)
    expect(rounds.leftMs(rounds.at(now) + 15, now)).toBeGreaterThan(14 * ROUND_MS)
    expect(rounds.leftMs(rounds.at(now) + 16, now)).toBeUndefined()
  })
})

describe('a log that is not public', () => {
  it('is kept by nobody, and asks who and from where', async () => {
    const stage = start()
    const known = await stage.request('/log/lobby/1', '', { headers: { authorization: 'Bearer ann' } }).ended()
    expect(keptOf(known)).toBe('no-store, no-transform')
    expect(known.responseHeaders).not.toHaveProperty('link')
    const unknown = await stage.request('/log/lobby/1').answered()
    expect([unknown.status, keptOf(unknown)]).toEqual([401, 'no-store, no-transform'])
    const foreign = await stage
      .request('/log/lobby/1', '', { headers: { origin: 'https://elsewhere.example' } })
      .answered()
    expect(foreign.code).toBe('bad_origin')
  })
})
