/**
 * A channel on this node: one broker subscription shared by all its readers, the last known position of the log,
 * a replica of the presence set. Each entry is encoded once, here, and the same string goes to every reader.
 *
 * It holds nothing that a client depends on: when the node dies, another one opens the same channel from the broker.
 */
import { type Cursor, encodeEvent, encodeLine, formatCursor, type ResolvedChannel } from '@triwire/protocol'
import type { Broker, BrokerSubscription, LogEntry, PresenceChange, SignalMessage } from './broker.ts'

/** What a channel tells those who read it. */
export interface ChannelReader {
  /** The session's member id; its own signals do not come back to it. */
  readonly member: string
  /** Whether it has been told who is present, so that changes mean something to it. */
  readonly hearsPresence: boolean
  handleEntry(entry: LogEntry, line: string): void
  handleSignal(line: string, slot: string): void
  handlePresence(line: string): void
  /** Permissions may have changed: ask again whether this reader may be here. */
  handleReauthorize(): void
  /** The log moved in ways this node may have missed: read on from where you stand. */
  handleInterrupted(): void
}

/** Writes an entry as a line. */
export function encodeEntry(channel: string, entry: LogEntry): string {
  const { cursor, prev, event, cause } = entry
  const optional = { ...(prev === undefined ? {} : { prev }), ...(cause === undefined ? {} : { c: cause }) }
  return encodeEvent({ ch: channel, at: formatCursor(cursor), e: event, ...optional }, entry.data)
}

/** The channel. Made with `open`. */
export class LiveChannel {
  readonly resolved: ResolvedChannel
  readonly readers: Set<ChannelReader> = new Set()
  /** The last position this node knows of. */
  position: Cursor
  readonly #broker: Broker
  #subscription: BrokerSubscription | undefined
  #presence: { version: string; readonly values: Map<string, string> } | undefined
  #presenceLoading: Promise<void> | undefined
  #presenceBacklog: PresenceChange[] = []
  #interruptions = 0
  /** Whether the position is one that the log has had since it was last interrupted. */
  #certain = true
  #closed = false

  private constructor(resolved: ResolvedChannel, broker: Broker) {
    this.resolved = resolved
    this.#broker = broker
    this.position = { epoch: '-', offset: -1, tag: '-' }
  }

  /** Subscribes at the broker. */
  static async open(resolved: ResolvedChannel, broker: Broker): Promise<LiveChannel> {
    const channel = new LiveChannel(resolved, broker)
    // Entries may arrive before `subscribe` resolves; the later of the two positions is the true one.
    const subscription = await broker.subscribe(resolved.address, {
      onEntry: (entry) => channel.#handleEntry(entry),
      onSignal: (signal) => channel.#handleSignal(signal),
      onPresence: (change) => channel.#handlePresence(change),
      onInterrupted: () => void channel.#handleInterrupted(),
    })
    channel.#subscription = subscription
    const { head } = subscription
    if (channel.position.epoch !== head.epoch || channel.position.offset < head.offset) channel.position = head
    return channel
  }

  get address(): string {
    return this.resolved.address
  }

  /** The log's head, where it may be taken from here: whatever the log gets behind it comes to the readers by itself. */
  get head(): Cursor | undefined {
    return this.#certain ? this.position : undefined
  }

  /** The version of the presence set that its readers have been told; undefined where none has. */
  get presenceVersion(): string | undefined {
    return this.#presence?.version
  }

  /**
   * Tells who is present, as a `pres` line; undefined where the reader's version is the current one. Whatever changes
   * later comes later.
   */
  async tellPresence(version: string, tell: (line: string | undefined) => void): Promise<void> {
    // Looked at again after every wait, as it is forgotten when the channel is interrupted.
    while (this.#presence === undefined) await this.#loadPresence()
    const { version: current, values } = this.#presence
    if (version === current) return tell(undefined)
    const members = [...values].map(([member, data]) => `{"m":${JSON.stringify(member)},"d":${data}}`)
    const head = JSON.stringify({ t: 'pres', ch: this.address, v: current, op: 'all' })
    tell(`${head.slice(0, -1)},"d":[${members.join(',')}]}`)
  }

  /** Has every reader asked about again. */
  reauthorize(): void {
    for (const reader of [...this.readers]) reader.handleReauthorize()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.readers.clear()
    await this.#subscription?.close()
  }

  #handleEntry(entry: LogEntry): void {
    this.position = entry.cursor
    if (this.readers.size === 0) return
    const line = encodeEntry(this.address, entry)
    for (const reader of this.readers) reader.handleEntry(entry, line)
  }

  #handleSignal(signal: SignalMessage): void {
    if (this.readers.size === 0) return
    const { event, key, member, data } = signal
    const head = JSON.stringify({ t: 'sig', ch: this.address, e: event, k: key, m: member })
    const line = `${head.slice(0, -1)},"d":${data}}`
    const slot = `${event} ${key ?? ''} ${member ?? ''}`
    for (const reader of this.readers)
      if (member === undefined || reader.member !== member) reader.handleSignal(line, slot)
  }

  #handlePresence(change: PresenceChange): void {
    if (this.#presence === undefined) {
      if (this.#presenceLoading !== undefined) this.#presenceBacklog.push(change)
      return
    }
    this.#applyPresence(this.#presence, change)
    const line = presenceChangeLine(this.address, change)
    for (const reader of this.readers) if (reader.hearsPresence) reader.handlePresence(line)
  }

  #applyPresence(
    presence: { version: string; readonly values: Map<string, string> },
    change: PresenceChange,
  ): void {
    presence.version = change.version
    if (change.op === 'leave') presence.values.delete(change.member)
    else presence.values.set(change.member, change.data)
  }

  #loadPresence(): Promise<void> {
    this.#presenceLoading ??= (async () => {
      const interruptions = this.#interruptions
      try {
        const { version, members } = await this.#broker.members(this.address)
        // Asked before the interruption, it may be of a past that is lost.
        if (interruptions !== this.#interruptions) return
        const presence = { version, values: new Map(members.map(({ member, data }) => [member, data])) }
        // Changes that came meanwhile may or may not be contained; applying all of them again ends the same.
        for (const change of this.#presenceBacklog) this.#applyPresence(presence, change)
        this.#presence = presence
      } finally {
        this.#presenceBacklog = []
        this.#presenceLoading = undefined
      }
    })()
    return this.#presenceLoading
  }

  async #handleInterrupted(): Promise<void> {
    const interruption = ++this.#interruptions
    this.#certain = false
    this.#presence = undefined
    // At once, too: what comes until the head is known may be from a log that has lost its tail.
    for (const reader of this.readers) reader.handleInterrupted()
    try {
      const result = await this.#broker.read(this.address, { limit: 0, bytes: 0 })
      if (this.#closed) return
      this.position = result.head
      this.#certain = interruption === this.#interruptions
    } catch {
      // The readers' own reads meet the same trouble and retry; nothing is lost by not knowing the head.
    }
    for (const reader of this.readers) reader.handleInterrupted()
  }
}

function presenceChangeLine(channel: string, change: PresenceChange): string {
  const { op, member, version } = change
  if (op === 'leave') return encodeLine({ t: 'pres', ch: channel, v: version, op, m: member })
  const head = JSON.stringify({ t: 'pres', ch: channel, v: version, op, m: member })
  return `${head.slice(0, -1)},"d":${change.data}}`
}
