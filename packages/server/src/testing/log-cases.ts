/** Cases of the broker contract: the log, its pages, its trimming and its gaps. */
import { startOf } from '@triwire/protocol'
import { expect } from 'vitest'
import { type RegisterCase, values } from './stage.ts'

export function logCases(test: RegisterCase): void {
  test('an unused channel has an empty log that begins at offset 0', async (stage) => {
    const { entries, from, head } = await stage.page({ tail: 10 })
    expect(entries).toEqual([])
    expect(head).toEqual(startOf(head.epoch))
    expect(from).toEqual(head)
  })

  test('an append comes back word for word', async (stage) => {
    const cursor = await stage.appended({ text: 'ü 🙂 "quoted" \u2028 __proto__' }, { cause: 'member.command' })
    const { entries, head } = await stage.page({ tail: 1 }, stage.peer)
    expect(head).toEqual(cursor)
    expect(entries).toEqual([
      {
        cursor,
        prev: entries[0]?.prev,
        event: 'said',
        data: JSON.stringify({ text: 'ü 🙂 "quoted" \u2028 __proto__' }),
        cause: 'member.command',
      },
    ])
  })

  test('a payload is kept as text, numbers beyond 2^53 and key order included', async (stage) => {
    const data = '{"b":9007199254740993,"2":-0,"1":1e400,"a":1,"a":2}'
    await stage.appended(0, { data })
    const { entries } = await stage.page({ tail: 1 })
    expect(entries[0]?.data).toBe(data)
    expect(entries[0]?.cause).toBeUndefined()
  })

  test('appends are read in order, without holes, each with a tag of its own', async (stage) => {
    const start = (await stage.page()).head
    const cursors = await stage.appendCount(20)
    const { entries, from } = await stage.page({ after: start })
    expect(from).toEqual(start)
    expect(values(entries)).toEqual(cursors.map((_, index) => index + 1))
    expect(entries.map((entry) => entry.cursor)).toEqual(cursors)
  })

  test('a cursor in the middle resumes right behind it', async (stage) => {
    const cursors = await stage.appendCount(5)
    const { entries, from } = await stage.page({ after: cursors[2] })
    expect(from).toEqual(cursors[2])
    expect(values(entries)).toEqual([4, 5])
  })

  test('a cursor at the head gets an empty page', async (stage) => {
    const head = (await stage.appendCount(3)).at(-1)
    expect(await stage.page({ after: head })).toEqual({ status: 'page', entries: [], from: head, head })
  })

  test('without cursor and tail only the head is told', async (stage) => {
    const head = (await stage.appendCount(3)).at(-1)
    expect(await stage.page()).toEqual({ status: 'page', entries: [], from: head, head })
  })

  test('a tail is the last n entries, with the position before them', async (stage) => {
    const cursors = await stage.appendCount(5)
    const { entries, from } = await stage.page({ tail: 2 })
    expect(values(entries)).toEqual([4, 5])
    expect(from).toEqual(cursors[2])
  })

  test('a tail longer than the log is the whole log', async (stage) => {
    await stage.appendCount(3)
    const { entries, from } = await stage.page({ tail: 100 })
    expect(values(entries)).toEqual([1, 2, 3])
    expect(from).toEqual(startOf(from.epoch))
  })

  test('a tail that does not fit one page begins at its beginning', async (stage) => {
    const cursors = await stage.appendCount(10)
    const { entries, from, head } = await stage.page({ tail: 6, limit: 4 })
    expect(values(entries)).toEqual([5, 6, 7, 8])
    expect(from).toEqual(cursors[3])
    expect(head).toEqual(cursors[9])
  })

  test('pages of a few entries put the log together again', async (stage) => {
    const start = (await stage.page()).head
    await stage.appendCount(10)
    const seen: unknown[] = []
    let after = start
    for (let pages = 0; pages < 4; pages++) {
      const { entries } = await stage.page({ after, limit: 3 })
      expect(entries.length).toBe(pages < 3 ? 3 : 1)
      seen.push(...values(entries))
      after = entries.at(-1)?.cursor ?? after
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  test('a page ends before it exceeds its bytes', async (stage) => {
    const start = (await stage.page()).head
    for (let index = 0; index < 4; index++) await stage.appended('x'.repeat(98))
    expect((await stage.page({ after: start, bytes: 250 })).entries.length).toBe(2)
    expect((await stage.page({ after: start, bytes: 300 })).entries.length).toBe(3)
  })

  test('bytes of a page are bytes of UTF-8', async (stage) => {
    const start = (await stage.page()).head
    for (let index = 0; index < 3; index++) await stage.appended('é'.repeat(49))
    expect((await stage.page({ after: start, bytes: 250 })).entries.length).toBe(2)
  })

  test('a page holds one entry even where that exceeds its bytes', async (stage) => {
    const start = (await stage.page()).head
    await stage.appended('x'.repeat(1000))
    await stage.appended('y')
    expect((await stage.page({ after: start, bytes: 10 })).entries.length).toBe(1)
  })

  test('no more entries are kept than history says', async (stage) => {
    await stage.appendCount(10, { history: stage.history({ keep: 4 }) })
    expect(values((await stage.page({ tail: 100 })).entries)).toEqual([7, 8, 9, 10])
  })

  test('no more bytes are kept than history says', async (stage) => {
    const history = stage.history({ bytes: 350 })
    for (let index = 0; index < 10; index++) await stage.appended(`${index}${'x'.repeat(97)}`, { history })
    const { entries } = await stage.page({ tail: 100 })
    expect(entries.map((entry) => entry.data[1])).toEqual(['7', '8', '9'])
  })

  test('the newest entry is kept even where it alone exceeds the bytes of history', async (stage) => {
    const history = stage.history({ bytes: 100 })
    await stage.appended('small', { history })
    await stage.appended('x'.repeat(500), { history })
    expect((await stage.page({ tail: 100 })).entries.length).toBe(1)
  })

  test('entries are not read beyond their age', async (stage) => {
    const history = stage.history({ ttlMs: stage.units(10) })
    const first = await stage.appended('old', { history })
    await stage.advance(6)
    await stage.appended('young', { history })
    await stage.advance(6)
    const { entries, from } = await stage.page({ tail: 100 })
    expect(values(entries)).toEqual(['young'])
    expect(from).toEqual(first)
  })

  test('positions go on after everything was trimmed by age', async (stage) => {
    const history = stage.history({ ttlMs: stage.units(5) })
    const [, second] = await stage.appendCount(2, { history })
    await stage.advance(7)
    expect((await stage.page({ after: second })).head).toEqual(second)
    await stage.appended('next', { history })
    const { entries } = await stage.page({ after: second })
    expect(values(entries)).toEqual(['next'])
  })

  test('a cursor exactly at the boundary of what was trimmed still resumes', async (stage) => {
    const cursors = await stage.appendCount(10, { history: stage.history({ keep: 4 }) })
    const { entries, from } = await stage.page({ after: cursors[5] })
    expect(from).toEqual(cursors[5])
    expect(values(entries)).toEqual([7, 8, 9, 10])
  })

  test('a cursor before the boundary gets a gap that says where the log is whole again', async (stage) => {
    const cursors = await stage.appendCount(10, { history: stage.history({ keep: 4 }) })
    const gap = await stage.gap(cursors[4] ?? startOf(''))
    expect(gap).toEqual({ status: 'gap', reason: 'trimmed', next: cursors[5], head: cursors[9] })
    expect(values((await stage.page({ after: gap.next })).entries)).toEqual([7, 8, 9, 10])
  })

  test('a cursor at offset 0 resumes as long as nothing was trimmed', async (stage) => {
    const start = (await stage.page()).head
    await stage.appendCount(3)
    expect(values((await stage.page({ after: start })).entries)).toEqual([1, 2, 3])
    await stage.appended(4, { history: stage.history({ keep: 2 }) })
    expect((await stage.gap(start)).reason).toBe('trimmed')
  })

  test('a cursor before a log that was trimmed by age altogether gets a gap up to the head', async (stage) => {
    const history = stage.history({ ttlMs: stage.units(5) })
    const [first, second] = await stage.appendCount(2, { history })
    await stage.advance(7)
    expect(await stage.gap(first ?? startOf(''))).toEqual({
      status: 'gap',
      reason: 'trimmed',
      next: second,
      head: second,
    })
  })

  test('a cursor with another tag at its offset gets a gap: that past was lost', async (stage) => {
    const [, second] = await stage.appendCount(3)
    if (second === undefined) throw new Error('unreachable')
    const gap = await stage.gap({ ...second, tag: 'elsewhere' })
    expect(gap.reason).toBe('lost_tail')
  })

  test('a cursor with another tag at the boundary gets a gap', async (stage) => {
    const cursors = await stage.appendCount(6, { history: stage.history({ keep: 2 }) })
    const boundary = cursors[3]
    if (boundary === undefined) throw new Error('unreachable')
    expect((await stage.gap({ ...boundary, tag: 'elsewhere' })).reason).toBe('lost_tail')
  })

  test('a cursor with another tag at offset 0 gets a gap', async (stage) => {
    const start = (await stage.page()).head
    await stage.appendCount(2)
    expect((await stage.gap({ ...start, tag: 'elsewhere' })).reason).toBe('lost_tail')
  })

  test('a cursor beyond the head gets a gap: that future was lost', async (stage) => {
    const [head] = await stage.appendCount(1)
    if (head === undefined) throw new Error('unreachable')
    expect((await stage.gap({ ...head, offset: head.offset + 1_000_000 })).reason).toBe('lost_tail')
    expect((await stage.gap({ ...head, offset: Number.MAX_SAFE_INTEGER })).reason).toBe('lost_tail')
  })

  test('a cursor beyond the head of an empty log gets a gap, whatever its tag', async (stage) => {
    const start = (await stage.page()).head
    expect((await stage.gap({ ...start, offset: 3 })).reason).toBe('lost_tail')
    expect((await stage.gap({ ...start, offset: 3, tag: 'elsewhere' })).reason).toBe('lost_tail')
  })

  test('a log that was trimmed a thousand times still has its last entries and their boundary', async (stage) => {
    const cursors = await stage.appendCount(1000, { history: stage.history({ keep: 5 }) })
    const { entries, from } = await stage.page({ tail: 100 })
    expect(values(entries)).toEqual([996, 997, 998, 999, 1000])
    expect(from).toEqual(cursors[994])
    expect(values((await stage.page({ after: cursors[996] })).entries)).toEqual([998, 999, 1000])
  })

  test('a cursor of another epoch gets a gap, whatever its offset', async (stage) => {
    const [first, second] = await stage.appendCount(2)
    if (first === undefined || second === undefined) throw new Error('unreachable')
    for (const cursor of [first, second, startOf(''), { ...second, offset: second.offset + 5 }]) {
      const gap = await stage.gap({ ...cursor, epoch: 'elsewhere' })
      expect(gap.reason).toBe('new_epoch')
      expect(gap.head).toEqual(second)
    }
  })

  test('after a gap of another epoch the log is whole from the position it names', async (stage) => {
    const [first] = await stage.appendCount(5, { history: stage.history({ keep: 2 }) })
    if (first === undefined) throw new Error('unreachable')
    const { next } = await stage.gap({ ...first, epoch: 'elsewhere' })
    if (next === undefined) stage.skip('this broker names no position after a new epoch')
    expect(values((await stage.page({ after: next })).entries)).toEqual([4, 5])
  })

  test('a channel that was lost comes back under another epoch', async (stage) => {
    const { forget } = stage.harness
    if (forget === undefined) return stage.skip('the harness cannot lose a channel')
    const [first] = await stage.appendCount(3)
    if (first === undefined) throw new Error('unreachable')
    await forget(stage.channel)
    expect((await stage.gap(first)).reason).toBe('new_epoch')
    expect((await stage.appended('again')).epoch).not.toBe(first.epoch)
    expect((await stage.gap(first)).reason).toBe('new_epoch')
  })

  test('parallel appends get positions of their own', async (stage) => {
    const start = (await stage.page()).head
    const brokers = [stage.broker, stage.peer]
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, index) => stage.appended(index, {}, brokers[index % 2])),
    )
    const { entries } = await stage.page({ after: start })
    expect(new Set(all.map(({ offset }) => offset)).size).toBe(40)
    expect([...values(entries)].sort((one, other) => Number(one) - Number(other))).toEqual(
      all.map((_, index) => index),
    )
  })

  test('channels have logs of their own', async (stage) => {
    await stage.appended('here')
    const other = `${stage.channel}-other`
    const outcome = await stage.broker.append(other, { event: 'said', data: '"there"', history: stage.history() })
    expect(outcome.status).toBe('appended')
    expect(values((await stage.page({ tail: 10 })).entries)).toEqual(['here'])
  })
}
