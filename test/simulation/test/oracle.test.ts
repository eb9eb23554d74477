import { describe, expect, test } from 'vitest'
import { History } from '../src/history.ts'
import { judgeCalls, judgePresence, judgeSight } from '../src/oracle.ts'
import type { Call, Observation, Sight } from '../src/sight.ts'

const CHANNEL = 'room?id=1&org=red'

/** A log of so many events, e1 to en, all logged at 10, 20, 30 … */
function historyOf(count: number): History {
  const history = new History()
  history.begin(CHANNEL, 'epoch')
  for (let offset = 1; offset <= count; offset++) add(history, offset)
  return history
}

function add(history: History, offset: number, tag = `t${offset}`, id = `e${offset}`, at = offset * 10): void {
  history.add(CHANNEL, { epoch: 'epoch', offset, tag }, JSON.stringify({ id }), at)
}

const event = (offset: number, tag = `t${offset}`, id = `e${offset}`, overlap = false): Observation => ({
  what: 'event',
  at: offset * 10 + 5,
  id,
  cursor: `epoch:${offset}:${tag}`,
  overlap,
})

const gap = (from: number, to: number | undefined, reason: string, at = 500): Observation => ({
  what: 'gap',
  at,
  from: `epoch:${from}:t${from}`,
  to: to === undefined ? undefined : `epoch:${to}:t${to}`,
  reason,
})

function sightOf(observations: Observation[], more: Partial<Sight> = {}): Sight {
  return {
    who: 'somebody',
    client: 0,
    user: 'red-0',
    org: 'red',
    channel: 'room1',
    address: CHANNEL,
    how: 'fold',
    startedAt: 0,
    after: undefined,
    observations,
    liveAt: 0,
    state: [],
    isLive: true,
    turnedAt: 0,
    lapses: 0,
    endedWith: undefined,
    stoppedAt: undefined,
    members: undefined,
    ...more,
  }
}

/** The invariants that a follower of this history breaks. */
function broken(
  history: History,
  observations: Observation[],
  more: Partial<Sight> = {},
  snapshots: number[] = [],
): string[] {
  const found: string[] = []
  const context = {
    history,
    snapshots: snapshots.map((offset) => history.find(CHANNEL, `epoch:${offset}:t${offset}`)),
    ownCursor: false,
    linesWereLost: false,
    completeBy: 1000,
  }
  judgeSight(sightOf(observations, more), context, (invariant) => void found.push(invariant))
  return [...new Set(found)]
}

describe('of a follower, the oracle', () => {
  test('finds nothing wrong with the whole log', () => {
    expect(broken(historyOf(3), [event(1), event(2), event(3)])).toEqual([])
  })

  test.each([
    ['an event that is missing in the middle', [event(1), event(3)], ['contiguous']],
    ['an event that is missing at the beginning', [event(2), event(3)], ['contiguous']],
    ['an event that is missing at the end', [event(1), event(2)], ['caught up']],
    ['everything missing', [], ['caught up']],
    ['an event that comes twice', [event(1), event(2), event(2), event(3)], ['no duplicates']],
    ['two events in the wrong order', [event(1), event(3), event(2)], ['contiguous', 'caught up']],
    ['an event that nobody logged', [event(1), event(2), event(3), event(4)], ['contiguous']],
    ['an event with the payload of another', [event(1), event(2, 't2', 'e9'), event(3)], ['contiguous']],
    ['a gap without a loss', [event(1), gap(1, 2, 'trimmed'), event(3)], ['gaps']],
  ] as const)('sees %s', (_, observations, expected) => {
    expect(broken(historyOf(3), [...observations])).toEqual(expected)
  })

  test('asks for nothing from before a follower was up to date', () => {
    expect(broken(historyOf(3), [event(3)], { liveAt: 25 })).toEqual([])
  })

  test('lets a gap stand for what was trimmed, once', () => {
    const history = historyOf(4)
    for (const offset of [1, 2]) history.trim(CHANNEL, { epoch: 'epoch', offset, tag: `t${offset}` })
    const told = gap(1, 2, 'trimmed')
    expect(broken(history, [event(1), told, event(3), event(4)])).toEqual([])
    expect(broken(history, [event(1), told, told, event(3), event(4)])).toEqual(['gaps'])
    expect(broken(history, [event(1), told, event(4)])).toEqual(['contiguous'])
    expect(broken(history, [event(1), event(3), event(4)])).toEqual(['contiguous'])
  })

  test('sees a past that was rewritten without a gap, although the offsets go on', () => {
    const history = historyOf(3)
    history.takeBack(CHANNEL, 40)
    add(history, 3, 'other', 'f3', 50)
    add(history, 4, 't4', 'e4', 60)
    const rest = [event(3, 'other', 'f3'), event(4)]
    expect(broken(history, [event(1), event(2), event(3), event(4)])).toEqual(['contiguous'])
    expect(broken(history, [event(1), event(2), event(3), gap(3, undefined, 'lost_tail', 65)])).toEqual([])
    expect(broken(history, [event(1), event(2), event(3), gap(3, 2, 'lost_tail', 45), ...rest])).toEqual([])
  })

  test('sees a snapshot whose events come again unmarked, and one that misses some', () => {
    const history = historyOf(4)
    const taken: Observation = { what: 'snapshot', at: 25, ids: ['e1', 'e2'], taken: 0 }
    const state = { how: 'snapshot', state: ['e1', 'e2', 'e3', 'e4'] } as const
    expect(broken(history, [taken, event(3), event(4)], state, [2])).toEqual([])
    expect(broken(history, [taken, event(2, 't2', 'e2', true), event(3), event(4)], state, [2])).toEqual([])
    expect(broken(history, [taken, event(2), event(3), event(4)], state, [2])).toEqual(['snapshots'])
    expect(broken(history, [taken, event(4)], state, [2])).toEqual(['contiguous'])
    const doubled = { ...state, state: ['e1', 'e2', 'e2', 'e3', 'e4'] }
    expect(broken(history, [taken, event(3), event(4)], doubled, [2])).toEqual(['snapshots'])
  })

  test('sees a state that does not show as live', () => {
    expect(broken(historyOf(1), [event(1)], { isLive: false, turnedAt: 5 })).toEqual(['caught up'])
  })
})

describe('of calls, the oracle', () => {
  const callOf = (id: string, outcome: string | undefined, more: Partial<Call> = {}): Call => ({
    kind: 'publish',
    session: 'c0.1',
    client: 0,
    address: CHANNEL,
    id,
    askedAt: 0,
    count: 0,
    expects: 'success',
    settledAt: 1,
    outcome,
    reply: undefined,
    ...more,
  })
  const judged = (history: History, calls: Call[], executions: Parameters<typeof judgeCalls>[2] = []): string[] => {
    const found: string[] = []
    judgeCalls(calls, history, executions, false, (invariant) => void found.push(invariant))
    return [...new Set(found)]
  }

  test('finds nothing wrong with publishes that are acknowledged and logged in order', () => {
    expect(judged(historyOf(2), [callOf('e1', 'ok'), callOf('e2', 'ok')])).toEqual([])
  })

  test('sees an acknowledged publish that was never logged, and one that was logged twice', () => {
    expect(judged(historyOf(1), [callOf('e7', 'ok')])).toEqual(['acked once'])
    const history = historyOf(1)
    add(history, 2, 't2', 'e1')
    expect(judged(history, [callOf('e1', 'ok')])).toEqual(['acked once'])
  })

  test('lets an acknowledged publish be lost by the store', () => {
    const history = historyOf(1)
    history.takeBack(CHANNEL, 20)
    expect(judged(history, [callOf('e1', 'ok')])).toEqual([])
  })

  test('sees a refused publish in the log, and lets one be there whose outcome is unknown', () => {
    expect(judged(historyOf(1), [callOf('e1', 'forbidden')])).toEqual(['refused never'])
    expect(judged(historyOf(1), [callOf('e1', 'deadline')])).toEqual([])
  })

  test('sees publishes that have overtaken each other', () => {
    expect(judged(historyOf(2), [callOf('e2', 'ok'), callOf('e1', 'ok')])).toEqual(['fifo'])
  })

  test('sees a command that ran twice, lost an event, or got the reply of another', () => {
    const command = callOf('e1', 'ok', { kind: 'command', count: 1, reply: 'yes' })
    const history = new History()
    history.begin(CHANNEL, 'epoch')
    add(history, 1, 't1', 'e1.0')
    const run = { id: 'm.1', call: 'e1', startedAt: 0, reply: 'yes' }
    expect(judged(history, [command], [run])).toEqual([])
    expect(judged(history, [command], [run, run])).toEqual(['commands'])
    expect(judged(history, [command], [{ ...run, reply: 'no' }])).toEqual(['commands'])
    expect(judged(historyOf(1), [command], [run])).toEqual(['commands'])
    add(history, 2, 't2', 'e1.0')
    expect(judged(history, [command], [run])).toEqual(['commands'])
  })
})

test('of presence, the oracle sees who is missing, who is a ghost, and who shows an old value', () => {
  const judged = (shown: Record<string, number>): string[] => {
    const found: string[] = []
    const sight = sightOf([], { how: 'members', members: new Map(Object.entries(shown)) })
    const truth = new Map([[CHANNEL, new Map([['ann', 1]])]])
    judgePresence([sight], truth, 1000, (invariant) => void found.push(invariant))
    return found
  }
  expect(judged({ ann: 1 })).toEqual([])
  expect(judged({})).toEqual(['presence'])
  expect(judged({ ann: 1, bob: 1 })).toEqual(['presence'])
  expect(judged({ ann: 2 })).toEqual(['presence'])
})
