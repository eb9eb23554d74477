/** Every case of `cases/` on every wire it names, as tests, with the report at the end. */
import type { Broker } from '@triwire/server'
import { afterAll, describe, test } from 'vitest'
import { type Case, readCaseFiles } from './case.ts'
import { type FixtureOptions, startFixture } from './fixture.ts'
import type { Host, StartHost } from './host.ts'
import { formatReport, type Outcome } from './report.ts'
import { runCase, type Target } from './run.ts'
import type { WireName } from './wire.ts'

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
  /**
   * Starts the server in place of nodes in this process: once for all cases with the same limits, and once more for each
   * case that ends what it meets.
   */
  readonly startHost?: StartHost | undefined
  /** Which cases are put to it at all. Default every one. */
  readonly select?: (one: Case) => boolean
  /** Whether cases run side by side. Only for hosts in processes of their own, which wait anyway. */
  readonly concurrent?: boolean
  /** Cases that cannot be put to this server, by their id, or id and wire, with the reason. They are named in the report. */
  readonly leaveOut?: Readonly<Record<string, string>>
  /** Wires it does not have, with the reason, likewise. */
  readonly withoutWires?: Partial<Readonly<Record<WireName, string>>>
}

/** Milliseconds a case may take: some append hundreds of events, one after another, to stores that wait for a disk. */
const TIMEOUT_MS = 60_000

/** Registers them under `name`. */
export function conformanceSuite(name: string, options: SuiteOptions = {}): void {
  const { url, startHost, select = () => true, concurrent = false, leaveOut = {}, withoutWires = {} } = options
  const files = readCaseFiles()
  const ids = new Set(files.flatMap(({ cases }) => cases.map(({ id }) => id)))
  for (const id of Object.keys(leaveOut))
    if (!ids.has(id.split(' ')[0] ?? '')) throw new Error(`There is no case ${id} to leave out.`)
  const hasNoWebSocket = withoutWires.websocket !== undefined
  const outcomes: Outcome[] = []
  const hosts = new Hosts(options)

  afterAll(async () => {
    process.stdout.write(`\n${formatReport(name, files, outcomes)}\n`)
    await hosts.close()
  })

  const selected = files.map(({ title, cases }) => ({ title, cases: cases.filter(select) }))
  describe.each(selected.filter(({ cases }) => cases.length > 0))('$title', { concurrent }, ({ cases }) => {
    for (const one of cases) {
      const needs = needsOf(one)
      for (const wire of one.wires) {
        const reason =
          leaveOut[one.id] ?? leaveOut[`${one.id} ${wire}`] ?? (wire === 'http' ? undefined : withoutWires[wire])
        if (reason !== undefined) {
          outcomes.push({ one, wire, result: { skipped: reason }, observed: [] })
          continue
        }
        if (url === undefined && startHost !== undefined) hosts.expect(one)
        test(`${one.id}: ${one.title} [${wire}]`, { timeout: TIMEOUT_MS }, async (context) => {
          if (url !== undefined && needs !== undefined) {
            outcomes.push({ one, wire, result: { skipped: needs }, observed: [] })
            context.skip(needs)
          }
          const host = url === undefined ? await hosts.take(one) : undefined
          const target: Target = { ...(host ?? { base: url as string }), hasNoWebSocket }
          try {
            const observed = await runCase(one, wire, target)
            outcomes.push({ one, wire, result: 'passed', observed })
          } catch (error) {
            outcomes.push({ one, wire, result: 'failed', observed: [] })
            throw error
          } finally {
            if (host !== undefined) await hosts.release(one, host)
          }
        })
      }
    }
  })
}

/** The servers that cases share: all who need the same one, unless it ends with the case. */
class Hosts {
  readonly #options: SuiteOptions
  readonly #shared = new Map<string, Promise<Host>>()
  /** Runs that are still to come, where servers are worth ending early. */
  readonly #expected = new Map<string, number>()
  readonly #own = new Set<Host>()

  constructor(options: SuiteOptions) {
    this.#options = options
  }

  expect(one: Case): void {
    const key = this.#keyOf(one)
    this.#expected.set(key, (this.#expected.get(key) ?? 0) + 1)
  }

  async take(one: Case): Promise<Host> {
    const key = this.#keyOf(one)
    if (this.#isApart(one)) {
      const own = await this.#start(one)
      this.#own.add(own)
      return own
    }
    const shared = this.#shared.get(key) ?? this.#start(one)
    this.#shared.set(key, shared)
    return await shared
  }

  async release(one: Case, host: Host): Promise<void> {
    if (this.#own.delete(host)) await host.close()
    const key = this.#keyOf(one)
    const left = (this.#expected.get(key) ?? 0) - 1
    this.#expected.set(key, left)
    if (left !== 0) return
    const shared = this.#shared.get(key)
    this.#shared.delete(key)
    await (await shared)?.close()
  }

  async close(): Promise<void> {
    // A case that ran out of time has not released what it took.
    const started = await Promise.allSettled([...this.#shared.values(), ...this.#own])
    for (const one of started) if (one.status === 'fulfilled') await one.value.close()
  }

  /** In this process a server costs nothing, so each case that needs another one than the rest has its own. */
  #isApart(one: Case): boolean {
    if (this.#options.startHost === undefined) return needsOf(one) !== undefined || one.oneNode
    return one.steps.some((step) => 'leave' in step || 'drain' in step)
  }

  #keyOf(one: Case): string {
    const isLikeTheRest = this.#options.startHost === undefined
    return isLikeTheRest ? '' : JSON.stringify([one.limits, this.#isBlind(one)])
  }

  #isBlind(one: Case): boolean {
    return this.#options.isBlind === true || one.blind
  }

  #start(one: Case): Promise<Host> {
    const { createBrokers, startFront, startHost } = this.#options
    const brokers = createBrokers?.()
    return startFixture({
      limits: one.limits,
      isBlind: this.#isBlind(one),
      startFront,
      startHost,
      ...(brokers ? { brokers: one.oneNode ? brokers.slice(0, 1) : brokers } : {}),
    })
  }
}

/** Why a case cannot be put to a server that is running already. */
function needsOf(one: Case): string | undefined {
  if (one.limits !== undefined) return 'needs limits of its own'
  if (one.blind) return 'needs a host that cannot tell how much it has buffered'
  return one.inside ? 'acts from inside' : undefined
}
