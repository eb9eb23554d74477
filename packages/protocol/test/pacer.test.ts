import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Pacer } from '../src/index.ts'

const rates = fc.integer({ min: 1, max: 200 })
const bursts = fc.integer({ min: 1, max: 200 })

describe('a pacer', () => {
  test('never lets through more than burst + rate × time, in any window', () => {
    const steps = fc.array(fc.record({ waitMs: fc.integer({ min: 0, max: 300 }), tries: fc.nat(20) }), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(rates, bursts, steps, (rate, burst, plan) => {
        const pacer = new Pacer(rate, burst, 0)
        const taken: number[] = []
        let now = 0
        for (const { waitMs, tries } of plan) {
          now += waitMs
          for (let index = 0; index < tries; index++) if (pacer.take(now)) taken.push(now)
        }
        for (let first = 0; first < taken.length; first += 7) {
          const from = taken[first]!
          const last = taken.length - 1
          expect(last - first + 1).toBeLessThanOrEqual(burst + (rate * (taken[last]! - from)) / 1000 + 1e-6)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('says how long to wait, and then has a token', () => {
    fc.assert(
      fc.property(rates, bursts, fc.integer({ min: 0, max: 5000 }), (rate, burst, start) => {
        const pacer = new Pacer(rate, burst, start)
        for (let index = 0; index < burst; index++) expect(pacer.take(start)).toBe(true)
        expect(pacer.take(start)).toBe(false)
        const wait = pacer.waitMs(start)
        expect(wait).toBe(Math.ceil(1000 / rate))
        expect(pacer.take(start + wait)).toBe(true)
      }),
    )
  })

  test('gives and takes nothing when the clock goes back, and goes on from there', () => {
    const pacer = new Pacer(10, 5, 1_000_000)
    for (let index = 0; index < 3; index++) pacer.take(1_000_000)
    const taken = [1, 2, 3].map(() => pacer.take(1000))
    expect(taken).toEqual([true, true, false])
    expect(pacer.waitMs(1000)).toBe(100)
    expect(pacer.take(1100)).toBe(true)
  })

  test('keeps what was spent when its bounds change', () => {
    const pacer = new Pacer(50, 100, 0)
    for (let index = 0; index < 90; index++) pacer.take(0)
    pacer.configure(10, 20)
    expect(pacer.take(0)).toBe(false)
    expect(pacer.waitMs(0)).toBe(7100)
    expect(pacer.take(7100)).toBe(true)
    pacer.configure(10, 120)
    for (let index = 0; index < 100; index++) expect(pacer.take(7100)).toBe(true)
    expect(pacer.take(7100)).toBe(false)
  })
})
