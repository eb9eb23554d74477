import { expect, test } from 'vitest'
import { judge } from '../src/soak/soak.ts'
import { trendOf } from '../src/soak/trend.ts'

test('the slope is that of the second half, whatever came before', () => {
  const trend = trendOf([0, 900, 5, 100, 102, 104, 106])
  expect(trend.slope).toBeCloseTo(2)
  expect(trend.growth).toBeCloseTo(6 / 103)
  expect(trend.count).toBe(4)
})

test('values that go up and down around one height have no slope', () => {
  expect(trendOf([0, 0, 0, 0, 0, 10, 12, 10, 12, 10]).slope).toBeCloseTo(0)
})

test('too few values are no trend', () => {
  expect(() => trendOf([1, 2, 3, 4])).toThrow('5 values at least, and there are 4')
})

test('what rises by more than two per cent over the second half grows, and what falls does not', () => {
  const from = (...second: number[]): number[] => [...second.map(() => 0), ...second]
  expect(judge(from(1000, 1010, 1021), 60).isFlat).toBe(false)
  expect(judge(from(1000, 1009, 1018), 60).isFlat).toBe(true)
  expect(judge(from(1000, 800, 600), 60).isFlat).toBe(true)
})

test('the slope is per minute, however often it was looked', () => {
  expect(judge([0, 0, 0, 100, 110, 120], 30).bytesPerMinute).toBeCloseTo(20)
})
