/**
 * The open connections of one node: counted per user and per address, so that nobody costs more than the limits say,
 * and found again by the session they belong to.
 */
import { type Code, TriwireError } from '@triwire/protocol'
import type { Limits } from './limits.ts'
import type { Speaker } from './speaker.ts'

/** What is known of an attachment here. */
export interface Attached {
  readonly kind: 'socket' | 'stream' | 'poll' | 'send'
  /** Undefined for whoever reads a public log: nobody asks who that is. */
  readonly speaker: Speaker | undefined
  /** In its one form (remote-address.ts). */
  readonly remoteAddress: string | undefined
  /** Says why and ends the connection. */
  close(code: Code, retryMs?: number): void
  /**
   * Asks the client to attach elsewhere after `retryMs`. A lasting connection goes on working for `leftMs`, so that its
   * client can do that before it lets go. A poll ends when it is due, and so does the stream of a client that comes back
   * by itself.
   */
  sendOff(code: 'rotate' | 'draining', retryMs: number, leftMs: number): void
  /** Its user was let go: ends the connection, and what shows of the user with it. */
  revoke(): void
  /** Takes the answer to a mark; false where it was none of this connection. */
  handleSeen(mark: number): boolean
  /** Ends a poll with what it has. */
  finish(): void
  /** Says that the server is there, and looks whether the client is. Nothing where there are no heartbeats. */
  beat(): void
}

/** The connections. */
export class Connections {
  readonly #limits: Limits
  readonly #all = new Set<Attached>()
  /** By session: mostly one, while wires change two. */
  readonly #sessions = new Map<string, Attached | Set<Attached>>()
  readonly #whenEmpty: (() => void)[] = []
  readonly #perUser = new Map<string, number>()
  readonly #perAddress = new Map<string, number>()

  constructor(limits: Limits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#all.size
  }

  /** All of them, at this moment. */
  list(): Attached[] {
    return [...this.#all]
  }

  /** Goes through them, and through those that come meanwhile. */
  walk(): Iterator<Attached> {
    return this.#all.values()
  }

  /** Resolves when there is none. */
  async empty(): Promise<void> {
    if (this.#all.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve))
  }

  /**
   * Counts a connection in. A session has one poll outstanding: a new one ends the one before.
   * @throws TriwireError `too_many_connections`
   */
  admit(attachment: Attached): void {
    const { speaker } = attachment
    const address = attachment.remoteAddress
    if (speaker !== undefined && attachment.kind === 'poll') this.#pollOf(speaker.member)?.finish()
    const ofUser = speaker === undefined ? 0 : (this.#perUser.get(speaker.identity.principal) ?? 0)
    const ofAddress = address === undefined ? 0 : (this.#perAddress.get(address) ?? 0)
    if (ofUser >= this.#limits.connectionsPerUser || ofAddress >= this.#limits.connectionsPerAddress) {
      throw new TriwireError(
        'too_many_connections',
        'You have too many connections open. Close some and try again.',
        { retryMs: 5000 },
      )
    }
    if (address !== undefined) this.#perAddress.set(address, ofAddress + 1)
    this.#all.add(attachment)
    if (speaker === undefined) return
    const { member, identity } = speaker
    this.#perUser.set(identity.principal, ofUser + 1)
    const others = this.#sessions.get(member)
    if (others === undefined) this.#sessions.set(member, attachment)
    else if (others instanceof Set) others.add(attachment)
    else this.#sessions.set(member, new Set([others, attachment]))
  }

  /** Counts a connection out; harmless for one that never was counted in. */
  dismiss(attachment: Attached): void {
    if (!this.#all.delete(attachment)) return
    const { speaker } = attachment
    if (speaker !== undefined) {
      const { member, identity } = speaker
      const session = this.#sessions.get(member)
      if (session instanceof Set) session.delete(attachment)
      if (session === attachment || (session instanceof Set && session.size === 0)) this.#sessions.delete(member)
      decrement(this.#perUser, identity.principal)
    }
    const address = attachment.remoteAddress
    if (address !== undefined) decrement(this.#perAddress, address)
    if (this.#all.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }

  /** Takes an answer to a mark, from whichever connection of its session it came. False where it answers none. */
  handleSeen(member: string, mark: number): boolean {
    return this.#of(member).some((attachment) => attachment.handleSeen(mark))
  }

  #pollOf(member: string): Attached | undefined {
    return this.#of(member).find(({ kind }) => kind === 'poll')
  }

  #of(member: string): Attached[] {
    const session = this.#sessions.get(member)
    if (session === undefined) return []
    return session instanceof Set ? [...session] : [session]
  }
}

function decrement(counts: Map<string, number>, key: string): void {
  const left = (counts.get(key) ?? 0) - 1
  if (left > 0) counts.set(key, left)
  else counts.delete(key)
}
