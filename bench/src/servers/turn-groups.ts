// The least a server can do for a burst: whoever follows the same channels is written the same bytes, joined once, one
// write per connection and turn. No library is in between; this is the limit the others are measured against.

import { Buffer } from 'node:buffer'

/** Something bytes are written to. */
export interface Writable {
  write(bytes: Buffer): unknown
}

interface Group {
  readonly members: Set<Writable>
  pending: Buffer[]
}

/** Connections, grouped by what they follow. */
export class TurnGroups {
  readonly #groups = new Map<string, Group>()
  readonly #channels = new Map<string, Set<Group>>()
  #due: Group[] = []

  /** @returns takes it out again */
  join(channels: readonly string[], member: Writable): () => void {
    const key = channels.join()
    const group = this.#groups.get(key) ?? { members: new Set(), pending: [] }
    this.#groups.set(key, group)
    group.members.add(member)
    for (const channel of channels) {
      const following = this.#channels.get(channel)
      if (following === undefined) this.#channels.set(channel, new Set([group]))
      else following.add(group)
    }
    return () => group.members.delete(member)
  }

  publish(channel: string, bytes: Buffer): void {
    for (const group of this.#channels.get(channel) ?? []) {
      if (group.pending.push(bytes) > 1) continue
      if (this.#due.push(group) === 1) process.nextTick(() => this.#flush())
    }
  }

  #flush(): void {
    const due = this.#due
    this.#due = []
    for (const group of due) {
      const { pending } = group
      group.pending = []
      const bytes = pending.length === 1 ? (pending[0] as Buffer) : Buffer.concat(pending)
      for (const member of group.members) member.write(bytes)
    }
  }
}
