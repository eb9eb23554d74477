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
 * clock takes no time and a real store little.
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
  /** Milliseconds one case may take. Default 20,000. */
  readonly timeoutMs?: number
  /** Cases that cannot be put to this broker, with the reason. They are left out; every other case must hold. */
  readonly leaveOut?: Readonly<Record<string, string>>
}

/** Registers the whole suite under `name`. */
export function brokerContract(
  name: string,
  create: (setup: BrokerSetup) => Promise<BrokerHarness>,
  options: BrokerContractOptions = {},
): void {
  const { unitMs = 1000, concurrent = false, timeoutMs = 20_000, leaveOut = {} } = options
  const titles = new Set<string>()
  const register: RegisterCase = (title, play) => {
    if (titles.has(title)) throw new Error(`Two cases of the broker contract are called "${title}".`)
    titles.add(title)
    if (Object.hasOwn(leaveOut, title)) return
    const start = concurrent ? test.concurrent : test
    start(title, { timeout: timeoutMs }, async (context) => {
      const harness = await create({ dedupeMs: DEDUPE_UNITS * unitMs })
      const stage = new Stage(harness, unitMs, (why) => context.skip(why))
      try {
        await play(stage)
      } finally {
        await harness.broker.close()
        await harness.peer?.close()
        await harness.dispose?.()
      }
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
