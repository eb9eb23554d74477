/**
 * The truth: every event that ever entered a log, with the one before it, and what became of it. The broker model
 * writes it, the oracle reads it. A past that a failover rewrites stays in here, marked as lost.
 */
import type { Cursor } from '@triwire/protocol'

/** One event that was logged once. */
export interface Fact {
  readonly channel: string
  readonly cursor: string
  readonly epoch: string
  readonly offset: number
  /** The one before it; undefined for the first of an epoch. */
  readonly parent: Fact | undefined
  /** The payload's own name. */
  readonly id: string
  readonly at: number
  /** When a failover or a new epoch took it away. */
  lostAt: number | undefined
  /** Whether it was ever dropped from the front of the log. */
  trimmed: boolean
}

interface ChannelHistory {
  epoch: string
  head: Fact | undefined
  readonly facts: Fact[]
}

/** The history of all channels. */
export class History {
  readonly #channels = new Map<string, ChannelHistory>()
  readonly #byCursor = new Map<string, Fact>()
  /** When pasts were rewritten. */
  readonly rewrites: number[] = []

  begin(channel: string, epoch: string): void {
    const known = this.#channels.get(channel)
    if (known === undefined) this.#channels.set(channel, { epoch, head: undefined, facts: [] })
    else {
      known.epoch = epoch
      known.head = undefined
    }
  }

  add(channel: string, { epoch, offset, tag }: Cursor, data: string, at: number): void {
    const log = this.#of(channel)
    const { id = '?' } = JSON.parse(data) as { readonly id?: string }
    const cursor = `${epoch}:${offset}:${tag}`
    const fact = { channel, cursor, epoch, offset, parent: log.head, id, at, lostAt: undefined, trimmed: false }
    log.head = fact
    log.facts.push(fact)
    this.#byCursor.set(`${channel} ${cursor}`, fact)
  }

  /** The newest event is gone again. */
  takeBack(channel: string, at: number): void {
    const log = this.#of(channel)
    const { head } = log
    if (head === undefined) return
    head.lostAt = at
    log.head = head.parent
  }

  /** All events of the present epoch are gone. */
  forget(channel: string, at: number): void {
    for (let fact = this.headOf(channel); fact !== undefined; fact = fact.parent) fact.lostAt = at
  }

  trim(channel: string, { epoch, offset, tag }: Cursor): void {
    const fact = this.#byCursor.get(`${channel} ${epoch}:${offset}:${tag}`)
    if (fact !== undefined) fact.trimmed = true
  }

  find(channel: string, cursor: string): Fact | undefined {
    return this.#byCursor.get(`${channel} ${cursor}`)
  }

  headOf(channel: string): Fact | undefined {
    return this.#channels.get(channel)?.head
  }

  epochOf(channel: string): string | undefined {
    return this.#channels.get(channel)?.epoch
  }

  /** Every event ever logged, in the order of logging. */
  factsOf(channel: string): readonly Fact[] {
    return this.#channels.get(channel)?.facts ?? []
  }

  /** The log as it is now, trimmed events included. */
  logOf(channel: string): Fact[] {
    const log: Fact[] = []
    for (let fact = this.headOf(channel); fact !== undefined; fact = fact.parent) log.push(fact)
    return log.reverse()
  }

  #of(channel: string): ChannelHistory {
    return this.#channels.get(channel) as ChannelHistory
  }
}
