/** Every case of `cases/` on every wire it names, as tests, with the report at the end. */
import type { Broker } from '@triwire/server'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Case, readCaseFiles } from './case.ts'
import { type Fixture, type FixtureOptions, startFixture } from './fixture.ts'
import { formatReport, type Outcome } from './report.ts'
import { runCase, type Target } from './run.ts'

/** What the cases are run against. */
export interface SuiteOptions {
  /** A server that is running already. */
  readonly url?: string | undefined
  /** Whether hosts cannot tell how much they have buffered. */
  readonly isBlind?: boolean
  /** Makes the brokers of one fixture, one per node. Default one node with a memory broker. */
  readonly createBrokers?: () => readonly (() => Broker)[]
  /** Starts what stands in front of the nodes. */
  readonly startFront?: FixtureOptions['startFront']
  /** Cases that cannot be put to this server, by their id, with the reason. They are named in the report. */
  readonly leaveOut?: Readonly<Record<string, string>>
}

/** Registers them under `name`. */
export function conformanceSuite(name: string, options: SuiteOptions = {}): void {
  const { url, isBlind = false, createBrokers, startFront, leaveOut = {} } = options
  const files = readCaseFiles()
  const ids = new Set(files.flatMap(({ cases }) => cases.map(({ id }) => id)))
  for (const id of Object.keys(leaveOut)) if (!ids.has(id)) throw new Error(`There is no case ${id} to leave out.`)
  const outcomes: Outcome[] = []
  const start = (one?: Case): Promise<Fixture> => {
    const brokers = createBrokers?.()
    return startFixture({
      limits: one?.limits,
      isBlind: isBlind || one?.blind === true,
      startFront,
      ...(brokers ? { brokers: one?.oneNode ? brokers.slice(0, 1) : brokers } : {}),
    })
  }
  let fixture: Fixture | undefined

  beforeAll(async () => {
    if (url === undefined) fixture = await start()
  })

  afterAll(async () => {
    process.stdout.write(`\n${formatReport(name, files, outcomes)}\n`)
    await fixture?.close()
  })

  describe.each(files)('$title', ({ cases }) => {
    for (const one of cases) {
      const needs = needsOf(one)
      const reason = leaveOut[one.id]
      for (const wire of one.wires) {
        if (reason !== undefined) {
          outcomes.push({ one, wire, result: { skipped: reason }, observed: [] })
          continue
        }
        test(`${one.id}: ${one.title} [${wire}]`, async (context) => {
          if (url !== undefined && needs !== undefined) {
            outcomes.push({ one, wire, result: { skipped: needs }, observed: [] })
            context.skip(needs)
          }
          const isApart = url === undefined && (needs !== undefined || one.oneNode)
          const own = isApart ? await start(one) : undefined
          const target: Target = own ?? fixture ?? { base: url as string }
          try {
            const observed = await runCase(one, wire, target)
            outcomes.push({ one, wire, result: 'passed', observed })
          } catch (error) {
            outcomes.push({ one, wire, result: 'failed', observed: [] })
            throw error
          } finally {
            await own?.close()
          }
        })
      }
    }
  })
}

/** Why a case cannot be put to a server that is running already. */
function needsOf(one: Case): string | undefined {
  if (one.limits !== undefined) return 'needs limits of its own'
  if (one.blind) return 'needs a host that cannot tell how much it has buffered'
  return one.inside ? 'acts from inside' : undefined
}
