/** A broker listener that writes everything down, and can be waited for. */
import type { BrokerListener, LogEntry, PresenceChange, SignalMessage } from '../broker.ts'

/** Milliseconds of real time after which a test gives up waiting: below the 5 s a test may take by default. */
const PATIENCE_MS = 4000

/** Records what a subscription delivers. */
export class Recorder implements BrokerListener {
  readonly entries: LogEntry[] = []
  readonly signals: SignalMessage[] = []
  readonly changes: PresenceChange[] = []
  interruptions = 0
  readonly #checks = new Set<() => void>()

  readonly onEntry = (entry: LogEntry): void => {
    this.entries.push(entry)
    this.#check()
  }

  readonly onSignal = (signal: SignalMessage): void => {
    this.signals.push(signal)
    this.#check()
  }

  readonly onPresence = (change: PresenceChange): void => {
    this.changes.push(change)
    this.#check()
  }

  readonly onInterrupted = (): void => {
    this.interruptions++
    this.#check()
  }

  /** The payloads of the entries so far. */
  get data(): readonly string[] {
    return this.entries.map((entry) => entry.data)
  }

  /** The presence changes so far, in short: `join ann "here"`, `leave ann`. */
  get presence(): readonly string[] {
    return this.changes.map((change) =>
      change.op === 'leave' ? `leave ${change.member}` : `${change.op} ${change.member} ${change.data}`,
    )
  }

  /** Calls recorded, of whatever kind. */
  get calls(): number {
    return this.entries.length + this.signals.length + this.changes.length + this.interruptions
  }

  /**
   * Resolves as soon as the condition holds.
   * @throws Error with `what` and the record so far, where it does not hold after 4 s
   */
  async until(what: string, condition: (recorder: this) => boolean): Promise<void> {
    if (condition(this)) return
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (!condition(this)) return
        clearTimeout(timer)
        this.#checks.delete(check)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#checks.delete(check)
        const seen = JSON.stringify({ data: this.data, signals: this.signals, presence: this.presence })
        reject(new Error(`Waited ${PATIENCE_MS} ms for ${what}; delivered so far: ${seen.slice(0, 2000)}`))
      }, PATIENCE_MS)
      this.#checks.add(check)
    })
  }

  /** Resolves when this many entries have come. */
  untilEntries(count: number): Promise<void> {
    return this.until(`${count} entries`, () => this.entries.length >= count)
  }

  /** Resolves when this many presence changes have come. */
  untilChanges(count: number): Promise<void> {
    return this.until(`${count} presence changes`, () => this.changes.length >= count)
  }

  #check(): void {
    for (const check of [...this.#checks]) check()
  }
}
