import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Pacer } from '../src/index.ts'
import { commandKey, Outbox, type OutgoingLine, publishKey } from '../src/outbox.ts'
import { codeOf } from './refused.ts'

interface Written {
  readonly t: 'pub' | 'cmd'
  readonly ch: string
  readonly n: number
  readonly lo?: number
  readonly id: string
  readonly d: unknown
}

const generous = (): Pacer => new Pacer(1_000_000, 1_000_000, 0)
const read = (lines: readonly OutgoingLine[]): Written[] => lines.map(({ text }) => JSON.parse(text) as Written)
const numbers = (lines: readonly OutgoingLine[]): (readonly (number | undefined)[])[] =>
  read(lines).map(({ n, lo }) => (lo === undefined ? [n] : [n, lo]))

/** An outbox with publishes 1 to `count` in channel `a`. */
function filled(count: number): Outbox {
  const outbox = new Outbox()
  for (let index = 1; index <= count; index++) outbox.publish('a', 'e', index, 0)
  return outbox
}

describe('an outbox', () => {
  test('writes publishes and commands once, in order, each in its lane', () => {
    const outbox = new Outbox()
    expect(outbox.publish('a', 'e', { x: 1 }, 0)).toBe(publishKey('a', 1))
    expect(outbox.command('a', 'c', null, 0)).toBe(commandKey('1'))
    expect(outbox.publish('b', 'e', 2, 0)).toBe(publishKey('b', 1))
    const pacer = generous()
    expect(outbox.takeLines(0, pacer)).toEqual([
      { text: '{"t":"pub","ch":"a","n":1,"e":"e","d":{"x":1}}', lane: 'ordered' },
      { text: '{"t":"cmd","ch":"a","id":"1","c":"c","d":null}', lane: 'command' },
      { text: '{"t":"pub","ch":"b","n":1,"e":"e","d":2}', lane: 'ordered' },
    ])
    expect(outbox.takeLines(0, pacer)).toEqual([])
    expect(outbox.size).toBe(3)
  })

  test('names the lowest unanswered number of the channel, where it is not the publish itself', () => {
    const outbox = filled(4)
    expect(numbers(outbox.takeLines(0, generous()))).toEqual([[1], [2, 1], [3, 1], [4, 1]])
    outbox.settle(publishKey('a', 1))
    outbox.settle(publishKey('a', 3))
    outbox.handleDetached()
    expect(numbers(outbox.takeLines(0, generous()))).toEqual([[2], [4, 2]])
    outbox.settle(publishKey('a', 2))
    outbox.settle(publishKey('a', 4))
    outbox.publish('a', 'e', 5, 0)
    expect(numbers(outbox.takeLines(0, generous()))).toEqual([[5]])
  })

  test('settles what it holds, once', () => {
    const outbox = filled(1)
    expect(outbox.settle(publishKey('a', 2))).toBe(false)
    expect(outbox.settle(publishKey('a', 1))).toBe(true)
    expect(outbox.settle(publishKey('a', 1))).toBe(false)
    expect([outbox.size, outbox.bytes]).toEqual([0, 0])
    expect(outbox.takeLines(0, generous())).toEqual([])
  })

  test('writes everything without an answer again when the wire is gone, under the same identity', () => {
    const outbox = filled(2)
    outbox.command('a', 'c', 'input', 0)
    const first = outbox.takeLines(0, generous())
    outbox.handleDetached()
    expect(outbox.takeLines(0, generous())).toEqual(first)
  })

  test('waits as long as a refusal says, and everything behind in the channel with it', () => {
    const outbox = filled(3)
    outbox.publish('b', 'e', 1, 0)
    outbox.takeLines(0, generous())
    outbox.settle(publishKey('a', 1))
    expect(outbox.refuse(publishKey('a', 2), 500, 100)).toBe(false)
    outbox.publish('a', 'e', 4, 100)
    outbox.publish('b', 'e', 2, 100)
    expect(read(outbox.takeLines(100, generous())).map(({ ch, n }) => [ch, n])).toEqual([['b', 2]])
    expect(outbox.takeLines(599, generous())).toEqual([])
    expect(outbox.deadline(599, generous())).toBe(600)
    expect(numbers(outbox.takeLines(600, generous()))).toEqual([[2], [3, 2], [4, 2]])
  })

  test('is not moved by a late refusal of what was written again meanwhile: that has an answer of its own', () => {
    const outbox = filled(3)
    outbox.takeLines(0, generous())
    // All three are refused because the first one was; each refusal would have everything behind it written again.
    outbox.refuse(publishKey('a', 1), 0, 0)
    expect(numbers(outbox.takeLines(0, generous()))).toHaveLength(3)
    outbox.refuse(publishKey('a', 2), 0, 0, 1)
    outbox.refuse(publishKey('a', 3), 0, 0, 1)
    expect(outbox.takeLines(0, generous())).toEqual([])
    outbox.refuse(publishKey('a', 2), 0, 0, 2)
    expect(numbers(outbox.takeLines(0, generous()))).toEqual([
      [2, 1],
      [3, 1],
    ])
  })

  test('begins again at the number a sequence gap asks for', () => {
    const outbox = filled(4)
    outbox.takeLines(0, generous())
    expect(outbox.refuse(publishKey('a', 4), 0, 0, 2)).toBe(false)
    expect(numbers(outbox.takeLines(0, generous()))).toEqual([
      [2, 1],
      [3, 1],
      [4, 1],
    ])
  })

  test('writes a refused command again, and only it', () => {
    const outbox = filled(2)
    const key = outbox.command('a', 'c', 0, 0)
    outbox.takeLines(0, generous())
    expect(outbox.refuse(key, 50, 0)).toBe(false)
    expect(outbox.takeLines(49, generous())).toEqual([])
    expect(read(outbox.takeLines(50, generous())).map(({ t }) => t)).toEqual(['cmd'])
  })

  test('is done with what was refused for good', () => {
    const outbox = filled(2)
    outbox.takeLines(0, generous())
    expect(outbox.refuse(publishKey('a', 1), undefined, 0)).toBe(true)
    expect(outbox.refuse(publishKey('a', 1), undefined, 0)).toBe(false)
    expect(outbox.size).toBe(1)
    outbox.handleDetached()
    expect(numbers(outbox.takeLines(0, generous()))).toEqual([[2]])
  })

  test('fails what is older than its deadline, sent or not', () => {
    const outbox = new Outbox({ deadlineMs: 1000 })
    outbox.publish('a', 'e', 1, 0)
    outbox.command('a', 'c', 1, 10)
    outbox.publish('a', 'e', 2, 20)
    outbox.takeLines(20, generous())
    expect(outbox.deadline(20, generous())).toBe(1000)
    expect(outbox.takeExpired(999)).toEqual([])
    expect(outbox.takeExpired(1010).map(({ key, error }) => [key, error.code])).toEqual([
      [publishKey('a', 1), 'deadline'],
      [commandKey('1'), 'deadline'],
    ])
    expect(outbox.size).toBe(1)
    expect(outbox.takeExpired(1020)).toHaveLength(1)
    expect(outbox.deadline(1020, generous())).toBe(Number.POSITIVE_INFINITY)
  })

  test('refuses what exceeds its entries, and uses up no number for it', () => {
    const outbox = new Outbox({ entries: 2 })
    outbox.publish('a', 'e', 1, 0)
    outbox.command('a', 'c', 1, 0)
    expect(codeOf(() => outbox.publish('a', 'e', 2, 0))).toBe('queue_full')
    expect(codeOf(() => outbox.command('a', 'c', 2, 0))).toBe('queue_full')
    outbox.settle(publishKey('a', 1))
    expect(outbox.publish('a', 'e', 2, 0)).toBe(publishKey('a', 2))
  })

  test('refuses what exceeds its bytes, counted in UTF-8', () => {
    const outbox = new Outbox({ bytes: 200 })
    outbox.publish('a', 'e', 'é'.repeat(60), 0)
    expect(outbox.bytes).toBeGreaterThan(120)
    expect(codeOf(() => outbox.publish('a', 'e', 'é'.repeat(20), 0))).toBe('queue_full')
    outbox.settle(publishKey('a', 1))
    expect(outbox.publish('a', 'e', 'é'.repeat(20), 0)).toBe(publishKey('a', 2))
  })

  test('refuses what has no JSON form', () => {
    const outbox = new Outbox()
    for (const data of [undefined, () => 1, Symbol('s'), 1n]) {
      expect(() => outbox.publish('a', 'e', data, 0)).toThrow()
    }
    expect(outbox.size).toBe(0)
    expect(outbox.publish('a', 'e', null, 0)).toBe(publishKey('a', 1))
  })

  test('writes no faster than it is paced, without changing the order', () => {
    const outbox = filled(5)
    const pacer = new Pacer(10, 2, 0)
    expect(numbers(outbox.takeLines(0, pacer))).toEqual([[1], [2, 1]])
    expect(outbox.deadline(0, pacer)).toBe(100)
    expect(numbers(outbox.takeLines(100, pacer))).toEqual([[3, 1]])
  })

  test('never lets one channel’s publishes overtake each other, and never calls for nothing', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant('publish' as const), ch: fc.constantFrom('a', 'b') }),
        fc.record({ do: fc.constant('command' as const) }),
        fc.record({ do: fc.constant('take' as const), waitMs: fc.nat(300) }),
        fc.record({ do: fc.constant('settle' as const), pick: fc.nat() }),
        fc.record({
          do: fc.constant('refuse' as const),
          pick: fc.nat(),
          code: fc.constantFrom('rate_limited', 'sequence_gap', 'forbidden'),
          retryMs: fc.nat(400),
          back: fc.nat(3),
        }),
        fc.record({ do: fc.constant('detach' as const) }),
      ),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(steps, (plan) => {
        const outbox = new Outbox({ deadlineMs: 2000 })
        const pacer = new Pacer(20, 5, 0)
        const open: string[] = []
        // Of each channel, the numbers written and not taken back by a refusal or a cut.
        const written = new Map<string, number[]>()
        let now = 0
        const take = (): number => {
          const lines = outbox.takeLines(now, pacer)
          for (const line of read(lines).filter(({ t }) => t === 'pub')) {
            const before = written.get(line.ch) ?? []
            expect(line.n).toBeGreaterThan(before.at(-1) ?? 0)
            expect(line.lo ?? line.n).toBeLessThanOrEqual(line.n)
            written.set(line.ch, [...before, line.n])
          }
          return lines.length
        }
        for (const step of plan) {
          if (step.do === 'publish') open.push(outbox.publish(step.ch, 'e', null, now))
          else if (step.do === 'command') open.push(outbox.command('a', 'c', null, now))
          else if (step.do === 'detach') {
            outbox.handleDetached()
            written.clear()
          } else if (step.do === 'take') {
            now += step.waitMs
            take()
          } else if (open.length > 0) {
            const key = open[step.pick % open.length]!
            if (step.do === 'settle') outbox.settle(key)
            else {
              const [, ch, n] = key.split(' ')
              const want = step.code === 'sequence_gap' && n ? Math.max(1, Number(n) - step.back) : undefined
              const known = outbox.size
              const done = outbox.refuse(key, step.code === 'forbidden' ? undefined : step.retryMs, now, want)
              if (!done && n !== undefined && outbox.size === known) {
                const kept = (written.get(ch!) ?? []).filter((number) => number < (want ?? Number(n)))
                written.set(ch!, kept)
              }
            }
          }
          const due = outbox.deadline(now, pacer)
          if (due <= now) {
            const expired = outbox.takeExpired(now).length
            expect(expired + take()).toBeGreaterThan(0)
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})
