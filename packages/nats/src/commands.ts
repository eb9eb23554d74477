/**
 * Commands: one record each, that is a claim until it is a reply. When the claim lapses or the reply is forgotten is part of
 * it, by the server's clock. Whoever waits for the reply is woken by what the stream publishes again.
 */
import type { ClaimOutcome, CommandReply, SettledOutcome } from '@triwire/server'
import type { Names } from './names.ts'
import { nonce } from './nonce.ts'
import { begin, type Operation } from './operation.ts'
import { type Records, readRecord } from './records.ts'
import type { Store } from './store.ts'

interface Command {
  readonly fence: string
  /** Until when it counts. */
  readonly until: number
  /** The reply, once there is one. */
  readonly reply: CommandReply | undefined
}

/** Within what timers take (2^31 − 1 milliseconds). */
const LONGEST_WAIT_MS = 3_600_000

/** The commands of one broker. */
export class Commands {
  readonly #store: Store
  readonly #records: Records
  readonly #names: Names
  readonly #idleMs: number
  readonly #timeoutMs: number
  /** Ends the waits for replies when the broker is closed. */
  readonly #waits = new Set<() => void>()
  #closed = false

  constructor(store: Store, records: Records, names: Names, idleMs: number, timeoutMs: number) {
    this.#store = store
    this.#records = records
    this.#names = names
    this.#idleMs = idleMs
    this.#timeoutMs = timeoutMs
  }

  async claim(channel: string, id: string, leaseMs: number, operation: Operation): Promise<ClaimOutcome> {
    await this.#store.keepFor('state', leaseMs + this.#idleMs, operation)
    const fence = nonce()
    const text = await this.#change(channel, id, operation, (known) => {
      if (known) return undefined
      return { fence, until: this.#store.clock.now() + leaseMs, reply: undefined }
    })
    const found = this.#parse(text)
    if (found?.reply) return { status: 'settled', reply: found.reply }
    // One with no time at all has lapsed by now, and is ours nevertheless.
    return found === undefined || found.fence === fence ? { status: 'claimed', fence } : { status: 'running' }
  }

  async renew(channel: string, id: string, fence: string, leaseMs: number, operation: Operation): Promise<boolean> {
    await this.#store.keepFor('state', leaseMs + this.#idleMs, operation)
    let isOurs = false
    await this.#change(channel, id, operation, (known) => {
      isOurs = known?.fence === fence && known.reply === undefined
      return isOurs ? { fence, until: this.#store.clock.now() + leaseMs, reply: undefined } : undefined
    })
    return isOurs
  }

  async settle(
    channel: string,
    id: string,
    fence: string,
    reply: CommandReply,
    rememberMs: number,
    operation: Operation,
  ): Promise<boolean> {
    await this.#store.keepFor('state', rememberMs + this.#idleMs, operation)
    let isOurs = false
    await this.#change(channel, id, operation, (known) => {
      isOurs = known?.fence === fence && known.reply === undefined
      return isOurs ? { fence, until: this.#store.clock.now() + rememberMs, reply } : undefined
    })
    return isOurs
  }

  async settled(channel: string, id: string, timeoutMs: number): Promise<SettledOutcome> {
    const subject = this.#names.state(channel, 'command', id)
    const look = async (): Promise<{ readonly outcome: SettledOutcome; readonly lapsesInMs: number }> => {
      const found = await this.#records.look(subject, begin(this.#timeoutMs))
      const command = this.#parse(found?.text)
      if (command === undefined) return { outcome: { status: 'lapsed' }, lapsesInMs: 0 }
      const { reply, until } = command
      return {
        outcome: reply ? { status: 'settled', reply } : { status: 'running' },
        lapsesInMs: until - this.#store.clock.now(),
      }
    }
    const first = await look()
    if (first.outcome.status !== 'running' || timeoutMs <= 0) return first.outcome
    const endsAt = performance.now() + timeoutMs
    let wake = (): void => {}
    // What comes before it is waited for counts as well.
    let isWoken = false
    const handleChange = (): void => {
      isWoken = true
      wake()
    }
    this.#waits.add(handleChange)
    const end = await this.#store
      .listen(this.#names.changed(subject), handleChange, begin(this.#timeoutMs))
      .catch((error: unknown) => {
        this.#waits.delete(handleChange)
        throw error
      })
    try {
      for (;;) {
        isWoken = false
        const { outcome, lapsesInMs } = await look()
        const leftMs = Math.min(endsAt - performance.now(), LONGEST_WAIT_MS)
        if (outcome.status !== 'running' || leftMs <= 0 || this.#closed) return outcome
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.min(leftMs, Math.max(0, lapsesInMs) + 1))
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
          if (isWoken) wake()
        })
        if (this.#closed) return { status: 'running' }
      }
    } finally {
      this.#waits.delete(handleChange)
      end()
    }
  }

  /** The line was cut: a reply may have come meanwhile. */
  handleInterrupted(): void {
    for (const wake of [...this.#waits]) wake()
  }

  close(): void {
    this.#closed = true
    for (const wake of [...this.#waits]) wake()
  }

  #change(
    channel: string,
    id: string,
    operation: Operation,
    decide: (known: Command | undefined) => Command | undefined,
  ): Promise<string | undefined> {
    const subject = this.#names.state(channel, 'command', id)
    const change = (text: string | undefined): { readonly text: string } | undefined => {
      const command = decide(this.#parse(text))
      return command && { text: JSON.stringify([nonce(), command.fence, command.until, command.reply ?? null]) }
    }
    return this.#records.change(subject, change, operation)
  }

  /** A claim or reply that counts still. */
  #parse(text: string | undefined): Command | undefined {
    const command = readRecord(text, (fields): Command => {
      const [, fence, until, reply] = fields as [string, string, number, CommandReply | null]
      return { fence, until, reply: reply ?? undefined }
    })
    return command && command.until > this.#store.clock.now() ? command : undefined
  }
}
