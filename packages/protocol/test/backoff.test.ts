import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { backoffMs } from '../src/index.ts'

const LAST = 1 - Number.EPSILON / 2
const attempts = fc.integer({ min: -5, max: 10_000 })
const options = fc.record({
  baseMs: fc.integer({ min: 1, max: 60_000 }),
  capMs: fc.integer({ min: 1, max: 600_000 }),
})
const random = fc.double({ min: 0, max: LAST, noNaN: true })

describe('back-off', () => {
  test('stays between 0 and its interval, in whole milliseconds', () => {
    fc.assert(
      fc.property(attempts, random, options, (attempt, draw, chosen) => {
        const ms = backoffMs(attempt, draw, chosen)
        const interval = Math.min(chosen.capMs, chosen.baseMs * 2 ** Math.max(0, attempt - 1))
        expect(Number.isInteger(ms)).toBe(true)
        expect(ms).toBeGreaterThanOrEqual(0)
        expect(ms).toBeLessThanOrEqual(interval)
      }),
    )
  })

  test('never shrinks with more attempts and never exceeds its cap', () => {
    fc.assert(
      fc.property(attempts, options, (attempt, chosen) => {
        const [now, next] = [backoffMs(attempt, LAST, chosen), backoffMs(attempt + 1, LAST, chosen)]
        expect(next).toBeGreaterThanOrEqual(now)
        expect(next).toBeLessThanOrEqual(chosen.capMs)
      }),
    )
  })

  test('doubles from half a second to twenty', () => {
    const intervals = [1, 2, 3, 4, 5, 6, 7, 100].map((attempt) => Math.round(backoffMs(attempt, 0.5) * 2))
    expect(intervals).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000])
    expect(backoffMs(1, 0)).toBe(0)
  })
})
