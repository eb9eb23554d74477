import { describe, expect, test } from 'vitest'
import { tally } from '../src/tally.ts'

describe('the judge of deliveries', () => {
  test('sees nothing wrong in 1 … n', () => {
    expect(tally([1, 2, 3], 3)).toEqual({ sent: 3, lost: 0, duplicated: 0, reordered: 0 })
  })
  test('counts a lost message', () => {
    expect(tally([1, 3], 3)).toEqual({ sent: 3, lost: 1, duplicated: 0, reordered: 0 })
  })
  test('counts a doubled message', () => {
    expect(tally([1, 2, 2, 3], 3)).toEqual({ sent: 3, lost: 0, duplicated: 1, reordered: 0 })
  })
  test('counts a message that was overtaken', () => {
    expect(tally([1, 3, 2], 3)).toEqual({ sent: 3, lost: 0, duplicated: 0, reordered: 1 })
  })
})
