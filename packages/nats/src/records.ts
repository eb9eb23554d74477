/**
 * Records beside the log, each the last message of a subject of its own. A record is changed by storing another one behind
 * the one that was looked at; whoever is overtaken looks again and decides anew. So a change is exact, whichever node makes
 * it. Each text has something random in it, by which a change whose answer was lost finds itself.
 */
import type { StoredMsg } from '@nats-io/jetstream'
import { Lanes } from './lanes.ts'
import { Lru } from './lru.ts'
import type { Operation } from './operation.ts'
import { Overtaken, type Store } from './store.ts'

/** A record as it was found. */
export interface Found {
  readonly text: string
  /** By which it is known that it is still the last one. */
  readonly sequence: number
}

/** What a record is to become; `note` is JSON told to those who follow it. */
export interface Change {
  readonly text: string
  readonly note?: string | undefined
}

/** What records may come to that are remembered to save looking at them first: UTF-16 units and a little for the rest. */
const MAX_REMEMBERED = 16 * 1024 * 1024
const RECORD_UNITS = 256
/** Milliseconds to let others go first, at most, from the second time of being overtaken. */
const LONGEST_PAUSE_MS = 20

/** The records of one broker. */
export class Records {
  readonly #store: Store
  /** Without a promise that they are still so. */
  readonly #remembered = new Lru<Found>(MAX_REMEMBERED, ({ text }) => text.length + RECORD_UNITS)
  readonly #lanes = new Lanes()

  constructor(store: Store) {
    this.#store = store
  }

  /** Forgets what it remembers. */
  forget(): void {
    this.#remembered.clear()
  }

  /** The record as this node met it last; another one may lie there by now. */
  remembered(subject: string): Found | undefined {
    return this.#remembered.get(subject)
  }

  /** The record as the store has it now. */
  async look(subject: string, operation: Operation): Promise<Found | undefined> {
    const message = await this.#store.get('state', { last_by_subj: subject }, operation)
    if (message === undefined) {
      this.#remembered.delete(subject)
      return this.#uncover(subject, operation)
    }
    const found = { text: Buffer.from(message.data).toString(), sequence: message.seq }
    this.#remembered.set(subject, found)
    return found
  }

  /**
   * Changes a record. `decide` may be asked several times; where it answers undefined nothing is changed, and it was asked
   * about the record as the store has it.
   * @returns the text that lies there in the end
   */
  async change(
    subject: string,
    decide: (text: string | undefined) => Change | undefined,
    operation: Operation,
  ): Promise<string | undefined> {
    return this.#lanes.run(subject, async () => {
      const remembered = this.#remembered.get(subject)
      if (remembered) {
        const change = decide(remembered.text)
        if (change && (await this.put(subject, remembered, change, operation))) return change.text
      }
      for (let times = 0; ; times++) {
        const found = await this.look(subject, operation)
        const change = decide(found?.text)
        if (change === undefined) return found?.text
        if (await this.put(subject, found, change, operation)) return change.text
        if (times > 0) await pause()
      }
    })
  }

  /**
   * NATS 2.9.10 may lose sight of the last message of a subject under load: it says that there is none, and forgets at once
   * what is stored there. Found from the front it is still there, and once it is purged the subject is as new. What it said
   * is stored again at once: whoever asked may have nothing to change.
   */
  async #uncover(subject: string, operation: Operation): Promise<Found | undefined> {
    let hidden: StoredMsg | undefined
    for (;;) {
      const next = { next_by_subj: subject, seq: (hidden?.seq ?? 0) + 1 }
      const message = await this.#store.get('state', next, operation)
      if (message === undefined) break
      hidden = message
    }
    if (hidden === undefined) return undefined
    const last = await this.#store.get('state', { last_by_subj: subject }, operation)
    // It was stored in between, and nothing is wrong.
    if (last !== undefined) return { text: Buffer.from(last.data).toString(), sequence: last.seq }
    await this.#store.purge('state', subject, { seq: hidden.seq + 1 })
    const text = Buffer.from(hidden.data).toString()
    try {
      return { text, sequence: (await this.#store.write({ subject, text, follows: 0 }, operation)).sequence }
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error
      return this.look(subject, operation)
    }
  }

  /** Stores a record behind the one that was found. False where another one was stored meanwhile. */
  async put(
    subject: string,
    found: Found | undefined,
    { text, note }: Change,
    operation: Operation,
  ): Promise<boolean> {
    try {
      const write = { subject, text, follows: found?.sequence ?? 0, note }
      const { sequence } = await this.#store.write(write, operation)
      this.#remembered.set(subject, { text, sequence })
      return true
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error
      this.#remembered.delete(subject)
      return error.isUnsure && (await this.look(subject, operation))?.text === text
    }
  }
}

/**
 * Reads a record, which is an array as JSON; undefined where there is none, or one that is none of ours. It is then as if
 * there were none: the next change takes its place.
 */
export function readRecord<TRecord>(
  text: string | undefined,
  read: (fields: readonly unknown[]) => TRecord,
): TRecord | undefined {
  if (text === undefined) return undefined
  try {
    const fields = JSON.parse(text) as unknown
    return Array.isArray(fields) ? read(fields) : undefined
  } catch {
    return undefined
  }
}

/** Lets others go first. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_PAUSE_MS))
}
