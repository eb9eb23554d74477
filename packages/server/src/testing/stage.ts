/**
 * The stage a case of the broker contract is played on: the broker, time in units, and the moves that cases share.
 */
import type { Cursor, History } from '@triwire/protocol'
import { expect } from 'vitest'
import type { Append, AppendOutcome, Broker, LogEntry, ReadRequest, ReadResult } from '../broker.ts'
import { Recorder } from './recorder.ts'

/** What a case is played on. Made anew for every case. */
export interface BrokerHarness {
  readonly broker: Broker
  /** Another node on the same store. Left out, both parts of a case are played by `broker`. */
  readonly peer?: Broker
  /** Lets at least `ms` of the broker's time pass: moves its virtual clock, or waits. */
  readonly advance: (ms: number) => Promise<void>
  /** Cuts the subscriptions' line to the store for a moment. */
  readonly interrupt?: () => Promise<void>
  /** Makes the store lose a channel altogether: a flush, a new disk, or a long time without use. */
  readonly forget?: (channel: string) => Promise<void>
  /** Timers the broker has pending. */
  readonly timers?: () => number
  /** Runs after the brokers were closed. */
  readonly dispose?: () => Promise<void>
}

/** How the broker of a case is to be set up. */
export interface BrokerSetup {
  /** Milliseconds that producers, `once` keys and departed members are to be remembered. */
  readonly dedupeMs: number
}

/** Units of time the dedupe window of the suite is long. */
export const DEDUPE_UNITS = 20

/** Registers one case. */
export type RegisterCase = (title: string, play: (stage: Stage) => Promise<void>) => void

/** The harness of one case with the moves that cases share. */
export class Stage {
  readonly broker: Broker
  readonly peer: Broker
  /** A channel nobody else uses, also where the store outlives the case. */
  readonly channel: string = `contract?case=${Date.now().toString(36)}-${(stages++).toString(36)}`
  readonly harness: BrokerHarness
  readonly skip: (reason: string) => void
  readonly #unitMs: number
  readonly #startedAt = performance.now()
  #askedMs = 0

  constructor(harness: BrokerHarness, unitMs: number, skip: (reason: string) => void) {
    this.harness = harness
    this.broker = harness.broker
    this.peer = harness.peer ?? harness.broker
    this.skip = skip
    this.#unitMs = unitMs
  }

  /** Milliseconds of so many units. */
  units(count: number): number {
    return count * this.#unitMs
  }

  /** Lets so many units pass. */
  advance(units: number): Promise<void> {
    this.#askedMs += this.units(units)
    return this.harness.advance(this.units(units))
  }

  /** Milliseconds of real time that have passed so far beyond those that were asked for. */
  get lateMs(): number {
    return performance.now() - this.#startedAt - this.#askedMs
  }

  /** Appends `data` as JSON text, under roomy history unless told otherwise. */
  append(data: unknown, append: Partial<Append> = {}, broker: Broker = this.broker): Promise<AppendOutcome> {
    return broker.append(this.channel, {
      event: 'said',
      data: JSON.stringify(data),
      history: this.history(),
      ...append,
    })
  }

  /** Appends and expects it to be new. */
  async appended(data: unknown, append: Partial<Append> = {}, broker: Broker = this.broker): Promise<Cursor> {
    const outcome = await this.append(data, append, broker)
    if (outcome.status !== 'appended') throw new Error(`Expected "appended", got ${JSON.stringify(outcome)}.`)
    return outcome.cursor
  }

  /** Appends 1 to `count`, one after another. */
  async appendCount(count: number, append: Partial<Append> = {}): Promise<Cursor[]> {
    const cursors: Cursor[] = []
    for (let index = 1; index <= count; index++) cursors.push(await this.appended(index, append))
    return cursors
  }

  /** History that trims nothing within a case, apart from what is given. */
  history(history: Partial<History> = {}): History {
    return { keep: 1000, ttlMs: this.units(10_000), bytes: 1024 * 1024, ...history }
  }

  read(request: Partial<ReadRequest> = {}, broker: Broker = this.broker): Promise<ReadResult> {
    return broker.read(this.channel, { limit: 1000, bytes: 1024 * 1024, ...request })
  }

  /** Reads and expects a page without holes. */
  async page(request: Partial<ReadRequest> = {}, broker: Broker = this.broker): Promise<Page> {
    const result = await this.read(request, broker)
    if (result.status !== 'page') throw new Error(`Expected a page, got a gap: ${JSON.stringify(result)}.`)
    expectContiguous(result.from, result.entries)
    return result
  }

  /** Reads and expects a gap. */
  async gap(after: Cursor): Promise<Gap> {
    const result = await this.read({ after })
    if (result.status !== 'gap') throw new Error(`Expected a gap, got a page from ${JSON.stringify(result.from)}.`)
    return result
  }

  /** Subscribes with a recorder. */
  async record(broker: Broker = this.peer): Promise<Recorder> {
    const recorder = new Recorder()
    await broker.subscribe(this.channel, recorder)
    return recorder
  }
}

let stages = 0

/** A page of the log. */
export type Page = Extract<ReadResult, { status: 'page' }>

/** A gap in the log. */
export type Gap = Extract<ReadResult, { status: 'gap' }>

/** The values of entries, parsed. */
export function values(entries: readonly LogEntry[]): unknown[] {
  return entries.map((entry) => JSON.parse(entry.data) as unknown)
}

/** Expects each entry to follow the one before it, the first one to follow `from`, and every tag to be its own. */
export function expectContiguous(from: Cursor, entries: readonly LogEntry[]): void {
  let before = from
  for (const { cursor, prev } of entries) {
    expect(cursor.epoch).toBe(from.epoch)
    expect(cursor.offset).toBeGreaterThan(before.offset)
    expect(prev ?? cursor.offset - 1).toBe(before.offset)
    before = cursor
  }
  const tags = entries.map((entry) => entry.cursor.tag)
  expect(new Set(tags).size).toBe(tags.length)
}
