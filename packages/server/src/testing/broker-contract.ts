/**
 * The broker contract: what every adapter of the broker port passes, as a function that registers vitest tests.
 *
 * ```ts
 * brokerContract('redis', async ({ dedupeMs }) => {
 *   const broker = redis({ url, dedupeMs })
 *   return { broker, advance: (ms) => setTimeout(ms), dispose: () => flush(url) }
 * }, { unitMs: 100, concurrent: true })
 * ```
 *
 * Cases never sleep: they wait for what must happen, and prove that something did not happen by making something
 * else happen after it. Where time has to pass they ask the harness, in multiples of one unit, so that a virtual
 * clock takes no time and a real store little. In real time a busy machine may let more time pass than a case has asked for;
 * one that failed so is played again with a longer unit.
 */
import { describe, expect, test } from 'vitest'
import { closingCases } from './closing-cases.ts'
import { commandCases } from './command-cases.ts'
import { logCases } from './log-cases.ts'
import { presenceCases } from './presence-cases.ts'
import { producerCases } from './producer-cases.ts'
import { type BrokerHarness, type BrokerSetup, DEDUPE_UNITS, type RegisterCase, Stage } from './stage.ts'
import { subscriptionCases } from './subscription-cases.ts'

/** How the suite is run. */
export interface BrokerContractOptions {
  /** Milliseconds of the unit that all times of the suite are multiples of. Default 1,000; in real time 100 is fair. */
  readonly unitMs?: number
  /** Plays several cases at a time, so that those that wait in real time wait together. Default false. */
  readonly concurrent?: boolean
  /** Milliseconds one case may take, on however slow a clock. Default 60,000. */
  readonly timeoutMs?: number
  /** Cases that cannot be put to this broker, with the reason. They are left out; every other case must hold. */
  readonly leaveOut?: Readonly<Record<string, string>>
}

/** Units a unit grows to, on a machine too busy to keep the time of a case: it is played again on a slower clock. */
const LONGEST_UNIT = 4

/** Registers the whole suite under `name`. */
export function brokerContract(
  name: string,
  create: (setup: BrokerSetup) => Promise<BrokerHarness>,
  options: BrokerContractOptions = {},
): void {
  const { unitMs = 1000, concurrent = false, timeoutMs = 60_000, leaveOut = {} } = options
  const titles = new Set<string>()
  const register: RegisterCase = (title, play) => {
    if (titles.has(title)) throw new Error(`Two cases of the broker contract are called "${title}".`)
    titles.add(title)
    if (Object.hasOwn(leaveOut, title)) return
    const start = concurrent ? test.concurrent : test
    start(title, { timeout: timeoutMs }, async (context) => {
      const playIn = async (unit: number): Promise<'played' | 'too late'> => {
        const harness = await create({ dedupeMs: DEDUPE_UNITS * unit })
        const stage = new Stage(harness, unit, (why) => context.skip(why))
        try {
          await play(stage)
          return 'played'
        } catch (error) {
          // What was still to be there may be over by now: such a failure says nothing of the broker.
          if (stage.lateMs < unit / 2 || unit >= unitMs * LONGEST_UNIT) throw error
          return 'too late'
        } finally {
          await harness.broker.close()
          await harness.peer?.close()
          await harness.dispose?.()
        }
      }
      for (let unit = unitMs; (await playIn(unit)) === 'too late'; unit *= 2);
    })
  }
  describe(`broker contract: ${name}`, () => {
    describe('log', () => logCases(register))
    describe('identities', () => producerCases(register))
    describe('subscriptions', () => subscriptionCases(register))
    describe('presence', () => presenceCases(register))
    describe('commands', () => commandCases(register))
    describe('names and closing', () => closingCases(register))
    test('every case that is left out exists', () => {
      expect(Object.keys(leaveOut).filter((title) => !titles.has(title))).toEqual([])
    })
  })
}
