/**
 * The keys of one channel. All of them carry the channel in braces, so that Redis Cluster keeps them in one slot and one
 * script can reach them all. What is in braces holds no brace, so no name ends early, and whatever a client may choose (a
 * producer, a member, a command id) comes last, where it can imitate nothing.
 */

/** Names of everything a channel has in Redis. */
export class ChannelKeys {
  /** A hash: epoch, head, boundary, bytes, and the version of the presence set. */
  readonly state: string
  /** A stream, one entry per event, with the offset as its id. */
  readonly log: string
  /** A hash of the members that are present. */
  readonly members: string
  /** A sorted set: when each member's last lease ends. */
  readonly leases: string
  /** The channel of sharded pub/sub that carries what happens. */
  readonly live: string
  readonly #base: string

  constructor(prefix: string, channel: string) {
    this.#base = `${prefix}{${channel.replace(/[\\{}]/g, (character) => ESCAPES[character] as string)}}:`
    this.state = `${this.#base}state`
    this.log = `${this.#base}log`
    this.members = `${this.#base}members`
    this.leases = `${this.#base}leases`
    this.live = `${this.#base}live`
  }

  /** What every script about the channel itself is given first. */
  get all(): readonly [string, string, string, string, string] {
    return [this.state, this.log, this.members, this.leases, this.live]
  }

  /** A hash: the last sequence of a producer, and what its last appends were answered. */
  producer(id: string): string {
    return `${this.#base}producer:${id}`
  }

  /** A cursor: where the event with this key lies. */
  once(key: string): string {
    return `${this.#base}once:${key}`
  }

  /** A cursor: where the append with this tag lies, if it was tried again. */
  again(tag: string): string {
    return `${this.#base}again:${tag}`
  }

  /** A number: with which sequence a member said goodbye. */
  departed(member: string): string {
    return `${this.#base}departed:${member}`
  }

  /** A claim or a reply; also the pub/sub channel on which the reply is announced. */
  command(id: string): string {
    return `${this.#base}command:${id}`
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\0', '{': '\\1', '}': '\\2' }
