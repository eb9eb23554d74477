// Members by channel, for peers that have no rooms of their own: what every example of `ws` begins with.

/** Members by channel. */
export class Rooms<TMember> {
  readonly #rooms = new Map<string, Set<TMember>>()

  join(channels: Iterable<string>, member: TMember): void {
    for (const channel of channels) {
      const room = this.#rooms.get(channel)
      if (room === undefined) this.#rooms.set(channel, new Set([member]))
      else room.add(member)
    }
  }

  leave(channels: Iterable<string>, member: TMember): void {
    for (const channel of channels) this.#rooms.get(channel)?.delete(member)
  }

  /** Who is in it. */
  in(channel: string): Iterable<TMember> {
    return this.#rooms.get(channel) ?? []
  }
}
