import { describe, expect, test } from 'vitest'
import { check, type Verdict } from '../src/checker.ts'
import type { HistoryLine } from '../src/history.ts'

const sent = (n: number, s = 'a'): HistoryLine => ({ k: 'sent', c: 'room', s, n })
const acked = (n: number, s = 'a'): HistoryLine => ({ k: 'acked', c: 'room', s, n })
const got = (n: number, s = 'a', r = 'x', life = 0): HistoryLine => ({ k: 'got', c: 'room', r, s, n, life })
const gotAt = (at: string, n: number, s: string, r = 'x'): HistoryLine => ({ k: 'got', c: 'room', r, s, n, at })
const gap: HistoryLine = { k: 'gap', c: 'room', r: 'x', reason: 'new_epoch' }
const both = (...numbers: number[]): HistoryLine[] => numbers.flatMap((n) => [sent(n), acked(n)])

function verdictOf(lines: readonly HistoryLine[], reader = 'x'): Verdict {
  const verdict = check(lines).find((candidate) => candidate.reader === reader)
  if (verdict === undefined) throw new Error(`No verdict for reader "${reader}".`)
  return verdict
}

const clean = { lost: 0, told: 0, duplicated: 0, reordered: 0, strange: 0, unanswered: 0, failed: 0, gaps: [] }

describe('the checker', () => {
  test('finds nothing wrong where everything arrived once and in order', () => {
    const verdict = verdictOf([...both(1, 2, 3), got(1), got(2), got(3)])
    expect(verdict).toMatchObject({ ...clean, sent: 3, acked: 3, delivered: 3 })
  })

  test('counts an acknowledged message that never came', () => {
    expect(verdictOf([...both(1, 2, 3), got(1), got(3)])).toMatchObject({ ...clean, lost: 1, delivered: 2 })
  })

  test('counts what a reader that heard nothing at all has lost', () => {
    expect(verdictOf([...both(1, 2), { k: 'reads', c: 'room', r: 'x' }])).toMatchObject({ ...clean, lost: 2 })
  })

  test('does not call lost what was never acknowledged, and says so', () => {
    expect(verdictOf([...both(1), sent(2), got(1)])).toMatchObject({ ...clean, sent: 2, unanswered: 1 })
  })

  test('does not call lost what failed aloud', () => {
    const failed: HistoryLine = { k: 'failed', c: 'room', s: 'a', n: 2, code: 'deadline' }
    expect(verdictOf([...both(1), sent(2), failed, got(1)])).toMatchObject({ ...clean, failed: 1 })
  })

  test('counts a message that came twice', () => {
    expect(verdictOf([...both(1, 2), got(1), got(1), got(2)])).toMatchObject({ ...clean, duplicated: 1 })
  })

  test('counts a late repetition as duplicated and not as reordered', () => {
    expect(verdictOf([...both(1, 2), got(1), got(2), got(1)])).toMatchObject({ ...clean, duplicated: 1 })
  })

  test('counts a message that was overtaken', () => {
    expect(verdictOf([...both(1, 2, 3), got(1), got(3), got(2)])).toMatchObject({ ...clean, reordered: 1 })
  })

  test('counts neighbours that two readers had in different orders', () => {
    const lines = [...both(1), sent(1, 'b'), acked(1, 'b'), got(1), got(1, 'b'), got(1, 'b', 'y'), got(1, 'a', 'y')]
    expect(verdictOf(lines)).toMatchObject(clean)
    expect(verdictOf(lines, 'y')).toMatchObject({ ...clean, reordered: 1 })
  })

  test('counts what nobody has sent', () => {
    expect(verdictOf([...both(1), got(1), got(7)])).toMatchObject({ ...clean, strange: 1 })
  })

  test('calls told what is missing at the place of a gap', () => {
    const verdict = verdictOf([...both(1, 2, 3, 4), got(1), gap, got(4)])
    expect(verdict).toMatchObject({ ...clean, told: 2, gaps: ['new_epoch'] })
  })

  test('calls lost what is missing elsewhere than at the gap', () => {
    const verdict = verdictOf([...both(1, 2, 3, 4, 5), got(1), got(3), gap, got(5)])
    expect(verdict).toMatchObject({ ...clean, lost: 1, told: 1, gaps: ['new_epoch'] })
  })

  test('a gap excuses neither repetitions nor disorder', () => {
    const verdict = verdictOf([...both(1, 2, 3), got(2), gap, got(1), got(2), got(3)])
    expect(verdict).toMatchObject({ ...clean, duplicated: 1, reordered: 1, gaps: ['new_epoch'] })
  })

  test('a reader that begins another life may be told again, and nothing is lost that came in any life', () => {
    const lines = [...both(1, 2, 3), got(1), got(2), got(2, 'a', 'x', 1), got(3, 'a', 'x', 1)]
    expect(verdictOf(lines)).toMatchObject(clean)
  })

  test('judges channels apart', () => {
    const other: HistoryLine[] = [
      { k: 'sent', c: 'other', s: 'a', n: 1 },
      { k: 'acked', c: 'other', s: 'a', n: 1 },
      { k: 'reads', c: 'other', r: 'z' },
    ]
    const lines = [...both(1), got(1), ...other]
    expect(verdictOf(lines)).toMatchObject(clean)
    expect(verdictOf(lines, 'z')).toMatchObject({ ...clean, lost: 1 })
  })

  describe('where the log was read at the end', () => {
    const kept = (...numbers: number[]): HistoryLine[] => numbers.map((n) => got(n, 'a', 'store'))

    test('does not call lost what a store forgot before its reader came to it', () => {
      const lines = [...both(1, 2, 3), ...kept(1, 3), got(1), got(3)]
      expect(verdictOf(lines)).toMatchObject({ ...clean, forgotten: 1, delivered: 2 })
    })

    test('calls lost what the log holds and the reader never had', () => {
      const lines = [...both(1, 2, 3), ...kept(1, 2, 3), got(1), got(3)]
      expect(verdictOf(lines)).toMatchObject({ ...clean, lost: 1, forgotten: 0 })
    })

    test('does not call it another order when a lost log was written again in another', () => {
      const sends = [...both(1), sent(1, 'b'), acked(1, 'b')]
      const lost = [gotAt('old 1', 1, 'a'), gotAt('old 2', 1, 'b'), gap]
      const again = [gotAt('new 1', 1, 'b', 'y'), gotAt('new 2', 1, 'a', 'y')]
      expect(verdictOf([...sends, ...lost, ...again, ...kept(1)], 'y')).toMatchObject({ reordered: 0 })
      // The first reader alone comes to know of both.
      const seen = [gotAt('new 1', 1, 'b'), gotAt('new 2', 1, 'a')]
      expect(verdictOf([...sends, ...lost, ...seen, ...again, ...kept(1)], 'y')).toMatchObject({ reordered: 0 })
      expect(verdictOf([...sends, ...lost, ...seen, ...kept(1)])).toMatchObject({ reordered: 0, again: 2 })
    })

    test('calls it another order where both had it from the same log, told of a gap or not', () => {
      const sends = [...both(1), sent(1, 'b'), acked(1, 'b')]
      const theirs = [gotAt('old 1', 1, 'a'), gap, gotAt('old 2', 1, 'b')]
      const ours = [gotAt('old 2', 1, 'b', 'y'), gotAt('old 1', 1, 'a', 'y')]
      expect(verdictOf([...sends, ...theirs, ...ours, ...kept(1)], 'y')).toMatchObject({ reordered: 1 })
    })

    test('tells what came again behind a gap from what came twice', () => {
      const again = [...both(1, 2), ...kept(1, 2), got(1), got(2), gap, got(2)]
      expect(verdictOf(again)).toMatchObject({ ...clean, again: 1, gaps: ['new_epoch'] })
      expect(verdictOf([...again, got(2)])).toMatchObject({ duplicated: 1, again: 1 })
    })
  })
})
