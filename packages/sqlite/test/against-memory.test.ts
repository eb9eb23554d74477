/**
 * The file against `memory()`, which has the same rules: whatever is asked of both, in any order, gets the same answer, also
 * where the file is closed and opened again in between.
 */
import type { AppendOutcome, Broker, Cursor, ReadResult } from '@triwire/server'
import { memory } from '@triwire/server'
import { fromStored, toStored } from '@triwire/server/broker-parts'
import { createManualClock } from '@triwire/server/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SqliteBroker } from '../src/sqlite-broker.ts'
import { temporaryFile } from './folder.ts'

const DEDUPE_MS = 10_000
/** Longer than any case: when an idle channel goes is not the same moment on both sides. */
const NEVER_MS = 1_000_000_000

const text = fc.string({ unit: fc.constantFrom('a', 'é', '\u0000', '\u0001', '\ud800', '🙂', '"'), maxLength: 12 })
const channel = fc.constantFrom('room?id=1', 'room?id=\u0000', '__proto__')
const producer = fc.option(
  fc.record({
    id: fc.constantFrom('ann', 'bob\u0000'),
    sequence: fc.integer({ min: 1, max: 6 }),
    lowest: fc.integer({ min: 1, max: 3 }),
  }),
  { nil: undefined },
)
const history = fc.record({
  keep: fc.integer({ min: 1, max: 60 }),
  ttlMs: fc.constantFrom(5000, 60_000),
  bytes: fc.constantFrom(30, 400, 1_000_000),
})
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      channel,
      data: text,
      cause: fc.option(text, { nil: undefined }),
      producer,
      once: fc.option(fc.constantFrom('key', 'key\u0000'), { nil: undefined, freq: 4 }),
      history,
      count: fc.constantFrom(1, 1, 1, 40),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('refuse' as const),
      channel,
      producer: producer.filter((one) => one !== undefined),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      channel,
      /** An index into the cursors seen so far; beyond them a tail. */
      after: fc.nat(80),
      forged: fc.constantFrom('no', 'no', 'no', 'tag', 'epoch', 'offset'),
      limit: fc.integer({ min: 0, max: 30 }),
      bytes: fc.constantFrom(1, 40, 1_000_000),
    }),
  },
  // A producer is remembered for up to a sixteenth longer here; no sum of these lies between the two.
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), times: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
)

const NOTHING = { kind: 'append', channel: 'room?id=1', data: '', cause: undefined, producer: undefined } as const

/** What a shorter history has let go does not come back with a longer one. */
const GROWING_HISTORY: (typeof step extends fc.Arbitrary<infer TStep> ? TStep : never)[] = [
  { ...NOTHING, once: undefined, history: { keep: 1, ttlMs: 5000, bytes: 30 }, count: 40 },
  { ...NOTHING, once: undefined, history: { keep: 3, ttlMs: 5000, bytes: 30 }, count: 1 },
  { kind: 'read', channel: 'room?id=1', after: 0, forged: 'no', limit: 0, bytes: 1 },
]

/** One side of the comparison, with names for epochs and tags that both sides share. */
class Side {
  broker: Broker
  readonly cursors: Cursor[] = []
  readonly #names = new Map<string, number>()

  constructor(broker: Broker) {
    this.broker = broker
  }

  neutral(found: AppendOutcome | ReadResult): unknown {
    return JSON.parse(
      JSON.stringify(found, (_key, value: unknown) => {
        const cursor = value as Cursor | undefined
        if (typeof cursor !== 'object' || cursor === null || typeof cursor.tag !== 'string') return value
        return `${this.#name(cursor.epoch)}:${cursor.offset}:${this.#name(cursor.tag)}`
      }),
    )
  }

  #name(text: string): number {
    const known = this.#names.get(text) ?? this.#names.size
    this.#names.set(text, known)
    return known
  }
}

describe('the file', () => {
  test('answers like memory, whatever is asked and however often it is opened', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        const { path, dispose } = temporaryFile()
        const clock = createManualClock()
        const { now, setTimer } = clock
        const open = (): SqliteBroker =>
          new SqliteBroker({
            path,
            durability: 'process',
            dedupeMs: DEDUPE_MS,
            idleMs: NEVER_MS,
            onTrouble: (error) => {
              throw error
            },
            now,
            setTimer,
          })
        const limits = { dedupeMs: DEDUPE_MS, idleMs: NEVER_MS }
        const sides = [new Side(memory({ now, setTimer, limits })), new Side(open())] as const
        const [, file] = sides
        const compare = async (ask: (side: Side) => Promise<AppendOutcome | ReadResult>): Promise<void> => {
          const [expected, found] = await Promise.all(sides.map(async (side) => side.neutral(await ask(side))))
          expect(found).toEqual(expected)
        }
        try {
          for (const move of steps) {
            if (move.kind === 'wait') await clock.advance(move.times * 0.3 * DEDUPE_MS)
            else if (move.kind === 'restart') {
              await file.broker.close()
              file.broker = open()
            } else if (move.kind === 'refuse') {
              const { channel: name, producer: by } = move
              if (by) await compare(({ broker }) => broker.refuse(name, by, 'forbidden\u0000'))
            } else if (move.kind === 'append') {
              const { channel: name, count, kind: _kind, ...append } = move
              for (let times = 0; times < count; times++) {
                await compare(async ({ broker, cursors }) => {
                  const outcome = await broker.append(name, { event: 'said\u0000', ...append })
                  if (outcome.status === 'appended') cursors.push(outcome.cursor)
                  return outcome
                })
              }
            } else {
              const { channel: name, after, forged, limit, bytes } = move
              await compare(({ broker, cursors }) => {
                const cursor = cursors[after]
                if (cursor === undefined) return broker.read(name, { tail: after, limit, bytes })
                const changes = {
                  no: {},
                  tag: { tag: 'forged' },
                  epoch: { epoch: 'forged' },
                  offset: { offset: 7 },
                }
                return broker.read(name, { after: { ...cursor, ...changes[forged] }, limit, bytes })
              })
            }
          }
        } finally {
          await Promise.all(sides.map(({ broker }) => broker.close()))
          dispose()
        }
      }),
      { numRuns: 100, examples: [[GROWING_HISTORY]] },
    )
  })

  test('holds any text, and no two texts alike', () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(fromStored(toStored(one))).toBe(one)
        expect(toStored(one) === toStored(other)).toBe(one === other)
        expect(toStored(one)).not.toMatch(/[\0\p{Cs}]/u)
      }),
    )
  })
})
