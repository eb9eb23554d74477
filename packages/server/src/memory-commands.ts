/**
 * Running commands and remembered replies of one channel in memory. Waiting callers are woken by `settle`, by the
 * end of the claim, or by `expire` at their own deadline; no timer is held here.
 */
import { TriwireError, utf8Length } from '@triwire/protocol'
import { AgingMap } from './aging-map.ts'
import type { ClaimOutcome, CommandReply, SettledOutcome } from './broker.ts'
import type { MemoryBrokerLimits } from './memory-limits.ts'

interface Claim {
  readonly fence: string
  lapsesAt: number
  readonly waiters: Set<Waiter>
}

interface Waiter {
  readonly endsAt: number
  readonly wake: (outcome: SettledOutcome) => void
}

interface Remembered {
  readonly reply: CommandReply
  readonly bytes: number
  readonly forgetAt: number
}

/** Claims, replies and those who wait for them. */
export class MemoryCommands {
  readonly #claims = new Map<string, Claim>()
  readonly #replies = new AgingMap<Remembered>()
  readonly #limits: MemoryBrokerLimits
  #replyBytes = 0
  #waiting = 0
  #dueAt = Number.POSITIVE_INFINITY

  constructor(limits: MemoryBrokerLimits) {
    this.#limits = limits
  }

  get isEmpty(): boolean {
    return this.#claims.size === 0 && this.#replies.size === 0
  }

  get running(): number {
    return this.#claims.size
  }

  get waiting(): number {
    return this.#waiting
  }

  /** No claim lapses and no wait ends before this; Infinity where there is none. */
  get dueAt(): number {
    return this.#dueAt
  }

  /** When the first reply may be forgotten; Infinity where there is none. */
  get nextExpiryAt(): number {
    return this.#replies.oldest?.value.forgetAt ?? Number.POSITIVE_INFINITY
  }

  /** @throws TriwireError `unavailable` beyond `limits.commands` running ones */
  claim(id: string, fence: string, leaseMs: number, now: number): ClaimOutcome {
    const reply = this.#replyTo(id, now)
    if (reply !== undefined) return { status: 'settled', reply }
    if (this.#claims.has(id)) return { status: 'running' }
    if (this.#claims.size >= this.#limits.commands) {
      throw new TriwireError(
        'unavailable',
        `A channel runs at most ${this.#limits.commands} commands at a time. Try again later.`,
      )
    }
    this.#claims.set(id, { fence, lapsesAt: now + leaseMs, waiters: new Set() })
    this.#dueAt = Math.min(this.#dueAt, now + leaseMs)
    return { status: 'claimed', fence }
  }

  renew(id: string, fence: string, leaseMs: number, now: number): boolean {
    const claim = this.#claims.get(id)
    if (claim?.fence !== fence) return false
    claim.lapsesAt = now + leaseMs
    this.#dueAt = Math.min(this.#dueAt, claim.lapsesAt)
    return true
  }

  /** Whether this fence is the current one. */
  holds(id: string, fence: string): boolean {
    return this.#claims.get(id)?.fence === fence
  }

  /** Ends a claim with its reply, without remembering it: for brokers that remember replies elsewhere. */
  finish(id: string, fence: string, reply: CommandReply): boolean {
    const claim = this.#claims.get(id)
    if (claim?.fence !== fence) return false
    this.#end(id, claim, { status: 'settled', reply })
    return true
  }

  settle(id: string, fence: string, reply: CommandReply, rememberMs: number, now: number): boolean {
    if (!this.finish(id, fence, reply)) return false
    const bytes = utf8Length(reply.ok ? reply.data : reply.message)
    this.#forget(id)
    this.#replies.set(id, { reply, bytes, forgetAt: now + rememberMs })
    this.#replyBytes += bytes
    const { commands, replyBytes } = this.#limits
    while (this.#replies.size > commands || this.#replyBytes > replyBytes) {
      const oldest = this.#replies.oldest?.key
      if (oldest === undefined || oldest === id) break
      this.#forget(oldest)
    }
    return true
  }

  settled(id: string, timeoutMs: number, now: number): Promise<SettledOutcome> {
    const reply = this.#replyTo(id, now)
    if (reply !== undefined) return Promise.resolve({ status: 'settled', reply })
    const claim = this.#claims.get(id)
    if (claim === undefined) return Promise.resolve({ status: 'lapsed' })
    if (timeoutMs <= 0 || this.#waiting >= this.#limits.waiters) return Promise.resolve({ status: 'running' })
    const endsAt = now + timeoutMs
    this.#dueAt = Math.min(this.#dueAt, endsAt)
    this.#waiting++
    return new Promise((wake) => claim.waiters.add({ endsAt, wake }))
  }

  /** Lets claims lapse, waits end and replies be forgotten. */
  expire(now: number): void {
    for (let next = this.#replies.oldest; next && next.value.forgetAt <= now; next = this.#replies.oldest)
      this.#forget(next.key)
    if (this.#dueAt > now) return
    this.#dueAt = Number.POSITIVE_INFINITY
    for (const [id, claim] of this.#claims) {
      if (claim.lapsesAt <= now) {
        this.#end(id, claim, { status: 'lapsed' })
        continue
      }
      this.#dueAt = Math.min(this.#dueAt, claim.lapsesAt)
      for (const waiter of claim.waiters) {
        if (waiter.endsAt > now) this.#dueAt = Math.min(this.#dueAt, waiter.endsAt)
        else if (claim.waiters.delete(waiter)) this.#wake(waiter, { status: 'running' })
      }
    }
  }

  /** Forgets everything; whoever waits is told that there is no reply yet. */
  close(): void {
    for (const [id, claim] of this.#claims) this.#end(id, claim, { status: 'running' })
    this.#replies.clear()
    this.#replyBytes = 0
    this.#dueAt = Number.POSITIVE_INFINITY
  }

  #replyTo(id: string, now: number): CommandReply | undefined {
    const remembered = this.#replies.get(id)
    return remembered !== undefined && remembered.forgetAt > now ? remembered.reply : undefined
  }

  #end(id: string, claim: Claim, outcome: SettledOutcome): void {
    this.#claims.delete(id)
    for (const waiter of claim.waiters) this.#wake(waiter, outcome)
  }

  #wake(waiter: Waiter, outcome: SettledOutcome): void {
    this.#waiting--
    waiter.wake(outcome)
  }

  #forget(id: string): void {
    this.#replyBytes -= this.#replies.get(id)?.bytes ?? 0
    this.#replies.delete(id)
  }
}
