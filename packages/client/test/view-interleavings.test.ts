/**
 * Optimistic commands in random interleavings with their echoes, replies, failures, with others' events, gaps and
 * reconnects. `TRIWIRE_RUNS=20000 npx vitest run --project client view-interleavings` runs more of them.
 */
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createClient, view } from '../src/index.ts'
import type { Api } from './api.ts'
import { RoomServer } from './room-server.ts'

const { env } = (globalThis as unknown as { process: { env: Record<string, string | undefined> } }).process
const RUNS = Number(env.TRIWIRE_RUNS ?? 250)
/** Frames within which a handler that has begun to emit ends, and a line arrives: less than a view stands still for. */
const PROMPT_FRAMES = 5

/** One step of a schedule. */
type Step =
  | { readonly do: 'call'; readonly events: number; readonly fails: boolean }
  | { readonly do: 'other' | 'frame' | 'cut' | 'trim' | 'restart' | 'loseTail' | 'events' | 'replies' }
  | { readonly do: 'handler'; readonly which: number }
  | { readonly do: 'lag'; readonly by: number }

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      events: fc.constantFrom(1, 1, 1, 2, 3, 0),
      fails: fc.constantFrom(false, false, false, false, true),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('handler' as const), which: fc.nat(5) }) },
  {
    weight: 18,
    arbitrary: fc.record({ do: fc.constantFrom('events' as const, 'replies' as const, 'frame' as const) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('other' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'cut' as const,
        'cut' as const,
        'cut' as const,
        'trim' as const,
        'restart' as const,
        'loseTail' as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lag' as const), by: fc.nat(3) }) },
)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

async function play(steps: readonly Step[], warm: boolean): Promise<void> {
  const server = new RoomServer()
  const client = createClient<Api>({
    url: 'https://x.test/rt',
    webSocket: server.webSocket,
    wires: ['websocket'],
    backoff: { baseMs: 1, capMs: 40 },
  })
  const room = view(client.channels.chat, {
    initial: ({ messages }) => messages.map(({ id }) => id),
    reduce: { message: (list, { id }, { overlap }) => (overlap && list.includes(id) ? list : [...list, id]) },
    optimistic: {
      send: (list, input, id) => [...list, ...Array.from({ length: eventsOf(input) }, (_, n) => `${id}:${n}`)],
    },
  })
  const chat = room({ roomId: 1 })
  const observer = chat.observe()

  /** What was wrong in a frame; thrown there it would be the listener's error alone. */
  const wrong: string[] = []
  const gone = new Set<string>()
  let last: readonly string[] = []
  const look = (): void => {
    const { data = [] } = observer.getSnapshot()
    // Who calls before it is online does not know its name yet.
    const ids = data.map((id) => id.replace(/^me\./, ''))
    if (new Set(ids).size < ids.length) wrong.push(`duplicates in ${ids}`)
    for (const id of last) if (!ids.includes(id)) gone.add(id)
    for (const id of ids) if (gone.has(id)) wrong.push(`${id} comes back`)
    last = ids
  }
  const unsubscribe = observer.subscribe(look)

  const frame = (): Promise<unknown> => vi.advanceTimersByTimeAsync(16)
  /** Frames since something should have happened; of a wire that is down nothing is expected. */
  let owed = 0
  const settle = async (): Promise<void> => {
    for (const job of server.jobs) while (job.emitted > 0 && !job.reply) server.step(job)
    server.deliverAll()
    owed = 0
  }
  const calls: Promise<unknown>[] = []
  let others = 0
  try {
    await frame()
    if (warm) server.deliverAll()
    for (const step of steps) {
      switch (step.do) {
        case 'call': {
          const { events, fails } = step
          const input = { text: '', events, fails }
          calls.push(
            chat.commands.send(input).then(
              ({ id }) => {
                const { data = [] } = observer.getSnapshot()
                for (let n = 0; n < events; n++)
                  if (!server.lost.has(`${id}:${n}`) && !data.includes(`${id}:${n}`))
                    wrong.push(`${id}:${n} is not there when its promise resolves, but ${data}`)
              },
              (error) => expect(error).toMatchObject({ code: 'refused' }),
            ),
          )
          break
        }
        case 'handler': {
          const job = server.jobs.filter(({ reply }) => !reply)[step.which]
          if (job) server.step(job)
          break
        }
        case 'other':
          server.emit(`other${others++}`)
          break
        case 'lag':
          // A log that is lost with its store takes back what such a snapshot has shown without a position.
          if (!steps.some(({ do: what }) => what === 'loseTail')) server.snapshotLag = step.by
          break
        case 'frame':
          if (++owed > PROMPT_FRAMES) await settle()
          await frame()
          break
        case 'events':
        case 'replies':
          server.deliver(step.do)
          break
        default:
          server[step.do]()
      }
      // Lets microtasks run, and no time pass.
      await vi.advanceTimersByTimeAsync(0)
    }
    for (let round = 0; round < 30; round++) {
      server.settle()
      await frame()
    }
    // What was lost by the log is waited for, but not for ever.
    if (server.lost.size > 0) await vi.advanceTimersByTimeAsync(5200)
    const { status, data, underWay } = observer.getSnapshot()
    expect(wrong).toEqual([])
    expect(status).toBe('live')
    expect(data).toEqual(server.items)
    expect(underWay).toEqual([])
    await Promise.all(calls)
  } finally {
    unsubscribe()
    client.close()
    await vi.advanceTimersByTimeAsync(2000)
    expect(vi.getTimerCount()).toBe(0)
  }
}

function eventsOf(input: unknown): number {
  const { events, fails } = input as { events: number; fails: boolean }
  return fails ? 1 : events
}

const frames = (count: number): Step[] => Array.from({ length: count }, () => ({ do: 'frame' }))

/** What was found by chance, and must be met every time. */
const found: readonly [Step[], boolean][] = [
  // The reply of a log that has lost its tail comes between the word of the loss and the snapshot behind it.
  [
    [
      ...frames(2),
      { do: 'call', events: 1, fails: false },
      ...frames(2),
      { do: 'call', events: 1, fails: false },
      { do: 'handler', which: 0 },
      ...frames(2),
      { do: 'loseTail' },
      { do: 'handler', which: 0 },
      { do: 'handler', which: 0 },
      { do: 'events' },
      { do: 'replies' },
      { do: 'events' },
      { do: 'events' },
      { do: 'frame' },
    ],
    false,
  ],
]

test('nothing is shown twice, nothing comes back, and what is left is what the server has', {
  timeout: 600_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 60, size: 'max' }), fc.boolean(), play),
    { numRuns: RUNS, examples: [...found] },
  )
})
