import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EventLine, GapLine, JoinedLine } from '../src/index.ts'
import { type Continuity, Subscription, type Want } from '../src/subscription.ts'
import { codeOf } from './refused.ts'

const joined = (
  j: number,
  offset: number,
  head: number = offset,
  how: JoinedLine['how'] = 'fresh',
): JoinedLine => ({
  t: 'joined',
  ch: 'a',
  j,
  at: `e:${offset}:t${offset}`,
  head,
  how,
})
const event = (offset: number, prev?: number, epoch = 'e'): EventLine => ({
  t: 'ev',
  ch: 'a',
  at: `${epoch}:${offset}:t${offset}`,
  ...(prev === undefined ? {} : { prev }),
  e: 'x',
  d: null,
})
const gap = (to: string | null, reason: GapLine['reason'], from = 'e:5:t5'): GapLine => ({
  t: 'gap',
  ch: 'a',
  from,
  to,
  reason,
})

/** A channel that stands at an offset. */
function standingAt(offset: number, want: Want = {}): Subscription {
  const subscription = new Subscription('a', want)
  subscription.takeJoin(1)
  expect(subscription.handleJoined(joined(1, offset))).toBe('anew')
  return subscription
}
const judge = (subscription: Subscription, line: EventLine): Continuity => subscription.handleEvent(line).continuity

describe('an event', () => {
  test('that continues the log is next, and moves the position', () => {
    const subscription = standingAt(5)
    expect(judge(subscription, event(6))).toBe('next')
    expect(judge(subscription, event(9, 6))).toBe('next')
    expect(subscription.cursor).toEqual({ epoch: 'e', offset: 9, tag: 't9' })
  })

  test('at or before the position is a duplicate', () => {
    const subscription = standingAt(5)
    for (const offset of [1, 4, 5]) expect(judge(subscription, event(offset))).toBe('duplicate')
    expect(subscription.cursor?.offset).toBe(5)
  })

  test('beyond the next one is a hole, and so is one of another epoch', () => {
    const subscription = standingAt(5)
    expect(judge(subscription, event(7))).toBe('hole')
    expect(judge(subscription, event(6, 4))).toBe('hole')
    expect(judge(subscription, event(6, 5, 'f'))).toBe('hole')
    expect(judge(subscription, event(3, 2, 'f'))).toBe('hole')
    expect(subscription.cursor?.offset).toBe(5)
  })

  test('before the first answer is dropped', () => {
    const subscription = new Subscription('a', {})
    expect(judge(subscription, event(1))).toBe('duplicate')
    expect(subscription.cursor).toBeUndefined()
  })

  test('is delivered next exactly once per offset, in order, whatever comes', () => {
    fc.assert(
      fc.property(fc.nat(5), fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 60 }), (start, offsets) => {
        const subscription = standingAt(start)
        let expected = start + 1
        for (const offset of offsets) {
          const verdict = judge(subscription, event(offset))
          expect(verdict).toBe(offset === expected ? 'next' : offset < expected ? 'duplicate' : 'hole')
          if (verdict === 'next') expected++
        }
      }),
    )
  })
})

describe('a join', () => {
  test('asks for nothing more than is wanted', () => {
    expect(new Subscription('a', {}).takeJoin(3)).toEqual({ t: 'join', ch: 'a', j: 3 })
    expect(new Subscription('a', { tail: 0, snapshot: false, presence: false }).takeJoin(3)).toEqual({
      t: 'join',
      ch: 'a',
      j: 3,
    })
    expect(new Subscription('a', { tail: 5, snapshot: true, presence: true, after: 'e:4:t' }).takeJoin(1)).toEqual({
      t: 'join',
      ch: 'a',
      j: 1,
      after: 'e:4:t',
      tail: 5,
      snap: true,
      fresh: true,
      pres: '',
    })
  })

  test('after the first answer resumes, and asks for a starting state only where one is wanted', () => {
    const subscription = standingAt(5, { tail: 3 })
    subscription.handleDetached()
    expect(subscription.takeJoin(2)).toEqual({ t: 'join', ch: 'a', j: 2, after: 'e:5:t5', tail: 3 })
    subscription.needsStart = true
    expect(subscription.takeJoin(3)).toMatchObject({ j: 3, fresh: true })
  })

  test('cannot be made behind a cursor that is none', () => {
    expect(codeOf(() => new Subscription('a', { after: 'e:01:t' }))).toBe('bad_cursor')
  })
})

describe('joined', () => {
  test('with another number than that of the last join changes nothing', () => {
    const subscription = new Subscription('a', {})
    subscription.takeJoin(1)
    subscription.takeJoin(2)
    expect(subscription.handleJoined(joined(1, 5))).toBe('unexpected')
    expect(subscription.cursor).toBeUndefined()
    expect(subscription.handleJoined(joined(2, 6))).toBe('anew')
    expect(subscription.handleJoined(joined(2, 9))).toBe('unexpected')
    expect(subscription.cursor?.offset).toBe(6)
  })

  test('before any join is not expected', () => {
    expect(new Subscription('a', {}).handleJoined(joined(0, 5))).toBe('unexpected')
  })

  test('tells who starts: everybody, newcomers, or nobody', () => {
    const subscription = standingAt(5, { tail: 2 })
    subscription.handleDetached()
    subscription.takeJoin(2)
    expect(subscription.handleJoined(joined(2, 5, 9, 'resumed'))).toBe('nobody')
    subscription.needsStart = true
    subscription.takeJoin(3)
    expect(subscription.handleJoined(joined(3, 5, 9, 'resumed'))).toBe('newcomers')
    expect(subscription.needsStart).toBe(false)
  })

  test('with a cursor that is none is refused', () => {
    const subscription = new Subscription('a', {})
    subscription.takeJoin(1)
    expect(codeOf(() => subscription.handleJoined({ ...joined(1, 1), at: 'e:-1:t' }))).toBe('bad_cursor')
  })

  test('under the same number again says how far the log goes, where what was promised is lost', () => {
    const subscription = standingAt(5)
    subscription.needsJoin = true
    subscription.takeJoin(2)
    expect(subscription.handleJoined(joined(2, 5, 9, 'resumed'))).not.toBe('unexpected')
    expect(judge(subscription, event(6))).toBe('next')
    expect(subscription.current).toBe(false)
    expect(subscription.handleJoined(joined(1, 6, 6, 'resumed'))).toBe('unexpected')
    expect(subscription.handleJoined(joined(2, 6, 6))).toBe('unexpected')
    expect(subscription.current).toBe(false)
    expect(subscription.handleJoined(joined(2, 6, 6, 'resumed'))).toBe('nobody')
    expect([subscription.current, subscription.needsJoin, subscription.kindOf(7)]).toEqual([true, false, 'live'])
  })

  test('under the same number follows a gap in mid-stay', () => {
    const subscription = standingAt(5)
    expect(subscription.handleGap(gap(null, 'lost_tail'))).toBe(true)
    expect(subscription.handleJoined(joined(1, 3))).toBe('gap')
    expect(judge(subscription, event(4))).toBe('next')
  })
})

describe('a newcomer to a channel that stands at 5', () => {
  /** Standing at 5, and a starting state replayed from 2 on. */
  function rewound(): Subscription {
    const subscription = standingAt(5, { tail: 3 })
    subscription.needsStart = true
    subscription.takeJoin(2)
    expect(subscription.handleJoined(joined(2, 2, 5, 'resumed'))).toBe('newcomers')
    return subscription
  }

  test('gets the past in order, and the position stays', () => {
    const subscription = rewound()
    const verdicts = [3, 4, 5, 6, 7].map((offset) => judge(subscription, event(offset)))
    expect(verdicts).toEqual(['past', 'past', 'past', 'next', 'next'])
  })

  test('gets no past event twice and none out of turn', () => {
    const subscription = rewound()
    const verdicts = [4, 3, 3, 5, 4, 4, 5, 5].map((offset) => judge(subscription, event(offset)))
    expect(verdicts).toEqual(['hole', 'past', 'duplicate', 'hole', 'past', 'duplicate', 'past', 'duplicate'])
  })

  test('notices a hole in the past, and asks again from where it has got to', () => {
    const subscription = rewound()
    expect([3, 5].map((offset) => judge(subscription, event(offset)))).toEqual(['past', 'hole'])
    expect(subscription.takeJoin(3)).toMatchObject({ after: 'e:3:t3' })
    expect(subscription.handleJoined(joined(3, 3, 5, 'resumed'))).toBe('newcomers')
    expect([4, 5, 6].map((offset) => judge(subscription, event(offset)))).toEqual(['past', 'past', 'next'])
  })

  test('gets nothing new before the past, neither behind a hole nor from a wire on its way out', () => {
    const subscription = rewound()
    expect(judge(subscription, event(3))).toBe('past')
    expect(subscription.handleEvent(event(6), true).continuity).toBe('duplicate')
    expect(subscription.needsJoin).toBe(false)
    expect(judge(subscription, event(6))).toBe('hole')
    expect(subscription.needsJoin).toBe(true)
  })

  test('goes on with a starting state that a cut ended early, as every poll may', () => {
    const subscription = rewound()
    judge(subscription, event(3))
    subscription.handleDetached()
    const join = subscription.takeJoin(3)
    expect(join).toMatchObject({ after: 'e:3:t3', tail: 3 })
    expect(join.fresh).toBeUndefined()
    expect(subscription.handleJoined(joined(3, 3, 5, 'resumed'))).toBe('newcomers')
    expect([4, 5].map((offset) => judge(subscription, event(offset)))).toEqual(['past', 'past'])
    subscription.handleDetached()
    expect(subscription.takeJoin(4)).toMatchObject({ after: 'e:5:t5' })
  })

  test('goes on behind its snapshot when the channel is joined again before the first event of the replay', () => {
    const subscription = standingAt(5)
    subscription.handleWant({ snapshot: true }, true)
    subscription.takeJoin(2)
    // The former stream is ahead of the one that brings the snapshot.
    judge(subscription, event(6))
    expect(subscription.handleJoined(joined(2, 5, 6, 'resumed'))).toBe('newcomers')
    subscription.handleSnapshot({ t: 'snap', ch: 'a', at: 'e:5:t5', d: null })
    subscription.handleDetached()
    const join = subscription.takeJoin(3)
    expect(join).toMatchObject({ after: 'e:5:t5' })
    expect(join.fresh).toBeUndefined()
    subscription.handleJoined(joined(3, 5, 6, 'resumed'))
    expect(judge(subscription, event(6))).toBe('past')
  })

  test('goes on from where it began where the channel is joined again before its first event', () => {
    const subscription = standingAt(5, { tail: 3 })
    subscription.handleWant({ tail: 3 }, true)
    expect(subscription.takeJoin(2)).toMatchObject({ after: 'e:5:t5', tail: 3, fresh: true })
    expect(subscription.handleJoined(joined(2, 2, 5, 'resumed'))).toBe('newcomers')
    const again = subscription.takeJoin(3)
    expect(again).toMatchObject({ after: 'e:2:t2', have: 'e:5:t5' })
    expect(again.fresh).toBeUndefined()
  })

  test('that is lost is not gone on with', () => {
    const subscription = standingAt(5, { tail: 3 })
    subscription.handleWant({ tail: 3 }, true)
    subscription.takeJoin(2)
    subscription.handleJoined(joined(2, 2, 5, 'resumed'))
    subscription.takeJoin(3)
    expect(subscription.handleGap(gap('e:4:t4', 'trimmed', 'e:2:t2'))).toBe(false)
    expect(judge(subscription, event(3))).toBe('duplicate')
    expect(subscription.takeJoin(4)).toMatchObject({ after: 'e:5:t5', tail: 3, fresh: true })
  })

  test('begins again for another newcomer who comes in the middle of it', () => {
    const subscription = rewound()
    judge(subscription, event(3))
    subscription.handleWant({ tail: 3 }, true)
    expect(subscription.takeJoin(3)).toMatchObject({ fresh: true })
  })
})

describe('a log that has lost its tail', () => {
  test('is noticed by another tag at the own position, and nothing is taken from it before the server has looked', () => {
    const subscription = standingAt(5)
    const other = (offset: number) => ({ ...event(offset), at: `e:${offset}:other${offset}` })
    expect(judge(subscription, other(5))).toBe('hole')
    expect(judge(subscription, other(6))).toBe('hole')
    expect(subscription.takeJoin(2)).toMatchObject({ after: 'e:5:t5' })
  })

  test('is noticed by a head before what the same wire has brought', () => {
    const subscription = standingAt(2)
    subscription.handleWant({ tail: 3 }, true)
    subscription.takeJoin(2)
    for (const offset of [3, 4]) judge(subscription, event(offset))
    subscription.handleJoined(joined(2, 2, 3, 'resumed'))
    expect(subscription.needsJoin).toBe(true)
  })

  test('is not suspected where another wire has brought more than this one knows', () => {
    const subscription = standingAt(2)
    subscription.handleDetached()
    subscription.takeJoin(2)
    for (const offset of [3, 4]) subscription.handleEvent(event(offset), true)
    subscription.handleJoined(joined(2, 2, 3, 'resumed'))
    expect(subscription.needsJoin).toBe(false)
  })

  test('is told once where its end is unknown, and the wire is lost before the log goes on', () => {
    const subscription = standingAt(5)
    const lost: GapLine = { t: 'gap', ch: 'a', from: 'e:5:t5', to: null, reason: 'lost_tail' }
    expect(subscription.handleGap(lost)).toBe(true)
    subscription.handleDetached()
    expect(subscription.takeJoin(2)).toMatchObject({ after: 'e:5:t5' })
    expect(subscription.handleGap(lost)).toBe(false)
    expect(subscription.handleJoined(joined(2, 3))).toBe('gap')
    expect(judge(subscription, event(4))).toBe('next')
  })

  test('is not told again by a join that was under way when it was met and left', () => {
    const subscription = standingAt(5)
    const lost: GapLine = { t: 'gap', ch: 'a', from: 'e:5:t5', to: null, reason: 'lost_tail' }
    subscription.handleGap(lost)
    subscription.handleJoined(joined(1, 3))
    subscription.takeJoin(2)
    expect(subscription.handleGap(lost)).toBe(false)
    expect(subscription.cursor).toMatchObject({ offset: 3 })
  })

  test('goes on where the server said, though another join was under way', () => {
    const subscription = standingAt(5, { tail: 3 })
    subscription.handleWant({ tail: 3 }, true)
    subscription.takeJoin(2)
    subscription.handleGap({ t: 'gap', ch: 'a', from: 'e:5:t5', to: null, reason: 'lost_tail' })
    expect(subscription.handleJoined(joined(1, 4))).toBe('unexpected')
    subscription.handleDetached()
    expect(subscription.takeJoin(3)).toMatchObject({ after: 'e:4:t4' })
  })

  test('behind an earlier position is none yet, where another wire has brought more: that is asked about', () => {
    const subscription = standingAt(1)
    subscription.needsJoin = true
    expect(subscription.takeJoin(2)).toMatchObject({ after: 'e:1:t1' })
    for (const offset of [2, 3]) judge(subscription, event(offset))
    expect(subscription.handleGap(gap('e:4:t4', 'trimmed', 'e:1:t1'))).toBe(false)
    expect(subscription.handleJoined(joined(2, 4))).toBe('unexpected')
    expect(subscription.takeJoin(3)).toMatchObject({ after: 'e:3:t3' })
    subscription.handleJoined(joined(3, 3, 4, 'resumed'))
    expect(judge(subscription, event(4))).toBe('next')
  })

  test('is asked about again where an answer to an earlier join still tells of the lost past', () => {
    const subscription = standingAt(5)
    subscription.needsJoin = true
    subscription.takeJoin(2)
    subscription.handleGap({ t: 'gap', ch: 'a', from: 'e:5:t5', to: 'f:0:0', reason: 'new_epoch' })
    expect(subscription.handleJoined(joined(1, 0))).toBe('unexpected')
    expect(subscription.handleJoined(joined(2, 5, 5, 'resumed'))).toBe('unexpected')
    expect(subscription.needsJoin).toBe(true)
    expect(judge(subscription, event(6))).toBe('duplicate')
  })

  test('ends where it was said to end, although an answer to an earlier join goes on behind that', () => {
    const subscription = standingAt(5)
    subscription.needsJoin = true
    subscription.takeJoin(2)
    subscription.handleGap({ t: 'gap', ch: 'a', from: 'e:5:t5', to: 'e:7:t7', reason: 'trimmed' })
    expect(subscription.handleJoined(joined(2, 8))).toBe('unexpected')
    expect(subscription.takeJoin(3)).toMatchObject({ after: 'e:7:t7' })
    expect(subscription.handleJoined(joined(3, 7, 8, 'resumed'))).toBe('gap')
    expect(judge(subscription, event(8))).toBe('next')
  })

  test('does not take the position with it when the wire is lost between the gap and its `joined`', () => {
    const subscription = standingAt(2)
    subscription.handleGap({ t: 'gap', ch: 'a', from: 'e:2:t2', to: 'e:7:t7', reason: 'trimmed' })
    subscription.handleDetached()
    expect(subscription.takeJoin(2)).toMatchObject({ after: 'e:7:t7' })
    expect(subscription.handleJoined(joined(2, 7, 9, 'resumed'))).toBe('gap')
    expect(judge(subscription, event(8))).toBe('next')
  })
})

describe('a newcomer who asks while a join is under way', () => {
  test('is not forgotten when that join is answered first', () => {
    const subscription = new Subscription('a', {})
    subscription.takeJoin(1)
    subscription.handleWant({ tail: 3 }, true)
    expect(subscription.handleJoined(joined(1, 5))).toBe('anew')
    expect(subscription.takeJoin(2)).toMatchObject({ after: 'e:5:t5', tail: 3, fresh: true })
    expect(subscription.handleJoined(joined(2, 2, 5, 'resumed'))).toBe('newcomers')
  })

  test('is not forgotten when events come or the wire breaks before the answer', () => {
    const subscription = standingAt(5, { tail: 3 })
    subscription.handleWant({ tail: 3 }, true)
    judge(subscription, event(6))
    subscription.takeJoin(2)
    judge(subscription, event(7))
    subscription.handleRefused(1000)
    judge(subscription, event(8))
    subscription.handleDetached()
    expect(subscription.takeJoin(3)).toMatchObject({ after: 'e:8:t8', fresh: true })
  })
})

describe('a starting state that begins beyond the position', () => {
  test('is asked for once; then what lies between is', () => {
    const subscription = standingAt(5, { snapshot: true })
    subscription.handleSnapshot({ t: 'snap', ch: 'a', at: 'e:5:t5', d: 1 })
    subscription.handleWant({ snapshot: true }, true)
    expect(subscription.takeJoin(2)).toMatchObject({ after: 'e:5:t5', fresh: true })
    expect(subscription.handleJoined(joined(2, 9))).toBe('newcomers')
    expect(subscription.needsJoin).toBe(true)
    const again = subscription.takeJoin(3)
    expect(again).toMatchObject({ after: 'e:5:t5' })
    expect(again.fresh).toBeUndefined()
    expect(subscription.handleJoined(joined(3, 5, 9, 'resumed'))).toBe('nobody')
    expect(subscription.needsJoin).toBe(false)
  })
})

describe('a newcomer that begins behind a cursor', () => {
  test('below the position is replayed from there, once', () => {
    const subscription = standingAt(5)
    subscription.handleWant({ after: 'e:2:t2' }, false)
    subscription.needsStart = true
    expect(subscription.takeJoin(2)).toEqual({ t: 'join', ch: 'a', j: 2, after: 'e:2:t2', have: 'e:5:t5' })
    expect(subscription.handleJoined(joined(2, 2, 5, 'resumed'))).toBe('newcomers')
    expect([3, 4, 5, 6].map((offset) => judge(subscription, event(offset)))).toEqual([
      'past',
      'past',
      'past',
      'next',
    ])
    subscription.handleDetached()
    expect(subscription.takeJoin(3)).toMatchObject({ after: 'e:6:t6' })
  })

  test('at the position is replayed from there, where that has moved on before the answer', () => {
    const subscription = standingAt(5)
    subscription.handleWant({ after: 'e:5:t5' }, true)
    subscription.takeJoin(2)
    judge(subscription, event(6))
    subscription.handleDetached()
    expect(subscription.takeJoin(3)).toMatchObject({ after: 'e:5:t5', have: 'e:6:t6' })
    expect(subscription.handleJoined(joined(3, 5, 6, 'resumed'))).toBe('newcomers')
    expect([judge(subscription, event(6)), judge(subscription, event(7))]).toEqual(['past', 'next'])
  })

  test('still is when the answer of an earlier join comes', () => {
    const subscription = standingAt(5)
    subscription.needsJoin = true
    subscription.takeJoin(2)
    subscription.handleWant({ after: 'e:2:t2' }, true)
    subscription.handleJoined(joined(2, 5, 5, 'resumed'))
    expect(subscription.takeJoin(3)).toMatchObject({ after: 'e:2:t2', have: 'e:5:t5' })
  })

  test('that is lost is a gap for the newcomer alone; the others go on', () => {
    const subscription = standingAt(5)
    subscription.handleWant({ after: 'e:2:x' }, true)
    subscription.takeJoin(2)
    expect(subscription.handleGap(gap(null, 'lost_tail', 'e:2:x'))).toBe(false)
    expect(subscription.asked?.start).toBe(true)
    expect(subscription.handleJoined(joined(2, 5, 5))).toBe('newcomers')
    expect(subscription.takeJoin(3)).toMatchObject({ after: 'e:5:t5', have: undefined })
    expect(judge(subscription, event(6))).toBe('next')
  })

  test('is a gap for all where the position of the others is lost', () => {
    const subscription = standingAt(5)
    subscription.handleWant({ after: 'e:2:t2' }, true)
    subscription.takeJoin(2)
    expect(subscription.handleGap(gap(null, 'lost_tail', 'e:5:t5'))).toBe(true)
    expect(subscription.handleJoined(joined(2, 3, 3))).toBe('gap')
  })

  test('above the position changes nothing', () => {
    const subscription = standingAt(5)
    subscription.handleWant({ after: 'e:9:t9' }, false)
    expect(subscription.takeJoin(2)).toMatchObject({ after: 'e:5:t5' })
  })

  test('that is none is refused', () => {
    expect(codeOf(() => standingAt(5).handleWant({ after: 'e:1e3:t' }, false))).toBe('bad_cursor')
  })
})

describe('a resumed wire that repeats what another one delivered', () => {
  test('repeats it to nobody', () => {
    const subscription = standingAt(3)
    subscription.handleDetached()
    subscription.takeJoin(2)
    judge(subscription, event(4))
    judge(subscription, event(5))
    expect(subscription.handleJoined(joined(2, 3, 5, 'resumed'))).toBe('nobody')
    expect([4, 5, 6].map((offset) => judge(subscription, event(offset)))).toEqual([
      'duplicate',
      'duplicate',
      'next',
    ])
  })
})

describe('a snapshot', () => {
  test('belongs to a position, and says which events it may contain', () => {
    const subscription = standingAt(5, { snapshot: true })
    subscription.handleSnapshot({ t: 'snap', ch: 'a', at: 'e:5:t5', to: 7, d: 1 })
    expect(subscription.takeSnapshot()).toEqual({ at: { epoch: 'e', offset: 5, tag: 't5' }, data: 1 })
    expect(subscription.takeSnapshot()).toBeUndefined()
    expect(subscription.overlapTo).toBe(7)
  })

  test('of another newcomer takes nothing back of what an earlier one may contain', () => {
    const subscription = standingAt(5, { snapshot: true })
    subscription.handleSnapshot({ t: 'snap', ch: 'a', at: 'e:5:t5', to: 7, d: 1 })
    subscription.handleSnapshot({ t: 'snap', ch: 'a', at: 'e:5:t5', d: 1 })
    expect(subscription.overlapTo).toBe(7)
  })

  test('from beyond the position counts when the log has led there', () => {
    const subscription = standingAt(5, { snapshot: true })
    subscription.handleSnapshot({ t: 'snap', ch: 'a', at: 'e:7:t7', d: 1 })
    judge(subscription, event(6))
    expect(subscription.takeSnapshot()).toBeUndefined()
    judge(subscription, event(7))
    expect(subscription.takeSnapshot()).toMatchObject({ at: { offset: 7 } })
  })

  test('of a past that was lost meanwhile is asked for again', () => {
    const elsewhere = standingAt(5, { snapshot: true })
    elsewhere.handleSnapshot({ t: 'snap', ch: 'a', at: 'e:6:lost', d: 1 })
    judge(elsewhere, event(6))
    expect(elsewhere.takeSnapshot()).toBeUndefined()
    expect(elsewhere.takeJoin(2)).toMatchObject({ after: 'e:6:t6', snap: true, fresh: true })
    const before = standingAt(5, { snapshot: true })
    before.handleSnapshot({ t: 'snap', ch: 'a', at: 'e:7:t7', d: 1 })
    before.handleDetached()
    expect(before.takeJoin(2).fresh).toBeUndefined()
    before.handleJoined(joined(2, 5, 5, 'resumed'))
    expect(before.needsJoin).toBe(true)
    expect(before.takeJoin(3)).toMatchObject({ after: 'e:5:t5', fresh: true })
  })

  test('that nobody asked for is dropped', () => {
    const subscription = new Subscription('a', { snapshot: true })
    subscription.handleSnapshot({ t: 'snap', ch: 'a', at: 'e:5:t5', d: 1 })
    expect(subscription.takeSnapshot()).toBeUndefined()
  })

  test('that a cut swallowed is asked for again, and one that arrived is not', () => {
    const swallowed = standingAt(5, { snapshot: true })
    swallowed.handleDetached()
    expect(swallowed.takeJoin(2)).toMatchObject({ after: 'e:5:t5', snap: true, fresh: true })
    const arrived = standingAt(5, { snapshot: true })
    arrived.handleSnapshot({ t: 'snap', ch: 'a', at: 'e:5:t5', d: 1 })
    arrived.handleDetached()
    expect(arrived.takeJoin(2).fresh).toBeUndefined()
  })
})

describe('a gap', () => {
  test.each([
    ['trimmed', 'e:9:t9'],
    ['trimmed', null],
    ['lost_tail', 'e:2:t2'],
    ['lost_tail', null],
    ['new_epoch', 'f:1:t1'],
    ['new_epoch', null],
  ] as const)('of reason %s to %s is reported once', (reason, to) => {
    const subscription = standingAt(5)
    expect(subscription.handleGap(gap(to, reason))).toBe(true)
    expect(subscription.cursor).toBeUndefined()
    expect(subscription.handleGap(gap(to, reason))).toBe(false)
    expect(judge(subscription, event(6))).toBe('duplicate')
  })

  test('that another wire has closed meanwhile is nothing new', () => {
    const subscription = standingAt(5)
    expect(subscription.handleGap(gap('e:5:t5', 'trimmed'))).toBe(false)
    expect(subscription.handleGap(gap('e:4:t4', 'trimmed', 'e:1:t1'))).toBe(false)
    expect(subscription.handleGap(gap('e:6:t6', 'trimmed'))).toBe(true)
  })
})

describe('a refused join', () => {
  test('is written again later, with the starting state it asked for', () => {
    const subscription = new Subscription('a', { tail: 5 })
    subscription.takeJoin(1)
    subscription.handleRefused(1000)
    expect(subscription).toMatchObject({ retryAt: 1000, needsStart: true, asked: undefined })
  })
})
