/**
 * The newest entries of channels, as this node has met them: appended, heard or read. What is found here saves a round trip
 * and nothing else: a read begins at the head the store has now, and believes an entry only
 * where the chain leads to it, offset and tag (`reader.ts`). So it does no harm where the store has lost it meanwhile.
 */
import type { LogMessage } from './message.ts'

/** Entries kept per channel, and what all of them may come to: data in UTF-16 units and a little for the rest. */
const MAX_ENTRIES = 512
const MAX_BYTES = 32 * 1024 * 1024
const ENTRY_BYTES = 512

interface Kept {
  /** By where they lie, oldest first as a rule. */
  readonly messages: Map<number, LogMessage>
  bytes: number
}

/** The cache of one broker. */
export class EntryCache {
  /** In the order of their last use. */
  readonly #channels = new Map<string, Kept>()
  #bytes = 0
  #entries = 0

  get bytes(): number {
    return this.#bytes
  }

  get entries(): number {
    return this.#entries
  }

  get(channel: string, sequence: number): LogMessage | undefined {
    return this.#channels.get(channel)?.messages.get(sequence)
  }

  add(channel: string, message: LogMessage): void {
    if (message.before === undefined) return
    const kept = this.#channels.get(channel) ?? { messages: new Map(), bytes: 0 }
    this.#channels.delete(channel)
    this.#channels.set(channel, kept)
    const { sequence } = message
    const known = kept.messages.get(sequence)
    if (known) this.#remove(kept, known)
    kept.messages.set(sequence, message)
    this.#count(kept, message, 1)
    if (kept.messages.size > MAX_ENTRIES) {
      for (const oldest of kept.messages.values()) {
        this.#remove(kept, oldest)
        break
      }
    }
    for (const [name, idle] of this.#channels) {
      if (this.#bytes <= MAX_BYTES) break
      this.#drop(name, idle)
    }
  }

  /** Drops what is kept of a channel. */
  forget(channel: string): void {
    const kept = this.#channels.get(channel)
    if (kept) this.#drop(channel, kept)
  }

  clear(): void {
    for (const [channel, kept] of this.#channels) this.#drop(channel, kept)
  }

  #drop(channel: string, kept: Kept): void {
    this.#channels.delete(channel)
    this.#bytes -= kept.bytes
    this.#entries -= kept.messages.size
  }

  #remove(kept: Kept, message: LogMessage): void {
    kept.messages.delete(message.sequence)
    this.#count(kept, message, -1)
  }

  #count(kept: Kept, message: LogMessage, sign: 1 | -1): void {
    const bytes = sign * (message.data.length + ENTRY_BYTES)
    kept.bytes += bytes
    this.#bytes += bytes
    this.#entries += sign
  }
}
