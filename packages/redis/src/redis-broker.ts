/**
 * The broker on Redis: each operation is one script on the keys of one channel, wherever that channel lives. This file
 * translates between the port and the scripts; what they do is said where they are written.
 */
import { randomBytes } from 'node:crypto'
import {
  type Append,
  type AppendOutcome,
  type Broker,
  type BrokerListener,
  type BrokerSubscription,
  type ClaimOutcome,
  type CommandReply,
  type Cursor,
  type GapReason,
  type HoldOutcome,
  type LogEntry,
  type PresenceHold,
  type PresenceMember,
  type Producer,
  parseCursor,
  type ReadRequest,
  type ReadResult,
  type SettledOutcome,
  type SignalMessage,
  TriwireError,
} from '@triwire/server'
import { CLAIM, LOOK, RENEW, SETTLE } from './command-scripts.ts'
import { Connection } from './connection.ts'
import { ChannelKeys } from './keys.ts'
import { APPEND, READ, REFUSE } from './log-scripts.ts'
import { formatSignal, formatWhat, parseEntry } from './message.ts'
import { DEPART, HOLD, MEMBERS, RELEASE, TOUCH } from './presence-scripts.ts'
import type { RedisOptions } from './redis.ts'
import type { Script } from './script.ts'
import { Subscriptions } from './subscriptions.ts'

/** The broker. */
export class RedisBroker implements Broker {
  readonly acknowledges: string
  readonly #options: Required<RedisOptions>
  readonly #connection: Connection
  readonly #subscriptions: Subscriptions
  /** Ends the waits for replies when the broker is closed. */
  readonly #waits = new Set<() => void>()
  #replication: Promise<number> | undefined
  #closed = false

  constructor(options: Required<RedisOptions>) {
    this.#options = options
    const { ack, url, prefix, timeoutMs, onTrouble, idleMs } = options
    this.acknowledges = ack === 'async' ? 'redis' : `redis, ${ack.replicas} replicas`
    this.#connection = new Connection({
      url,
      name: prefix,
      timeoutMs,
      onTrouble,
      onInterrupted: () => this.#subscriptions.handleInterrupted(),
    })
    this.#subscriptions = new Subscriptions({
      subscribe: (channel, listener) => this.#connection.subscribe(this.#keys(channel).live, listener),
      unsubscribe: (channel, listener) => this.#connection.unsubscribe(this.#keys(channel).live, listener),
      touch: (channel) => this.#touch(channel),
      touchMs: idleMs / 4,
      onTrouble,
    })
  }

  async append(channel: string, append: Append): Promise<AppendOutcome> {
    const { event, data, cause, producer, once, history } = append
    const keys = this.#keys(channel)
    const tag = nonce()
    const rest = [
      tag,
      formatWhat(event, cause),
      data,
      String(history.keep),
      String(history.ttlMs),
      String(history.bytes),
      String(this.#options.dedupeMs),
      producer ? String(producer.sequence) : '',
      producer ? String(producer.lowest) : '',
      once === undefined ? '' : '1',
    ]
    const own = [keys.producer(producer?.id ?? ''), once === undefined ? keys.again(tag) : keys.once(once)]
    const reply = await this.#run(APPEND, [...keys.all, ...own], (again) => [...rest, again ? '1' : ''])
    await this.#replicated(keys.state)
    return toOutcome(reply)
  }

  async refuse(channel: string, producer: Producer, code: string): Promise<AppendOutcome> {
    const keys = this.#keys(channel)
    const { id, sequence, lowest } = producer
    const args = [code, String(this.#options.dedupeMs), String(sequence), String(lowest)]
    const reply = await this.#run(REFUSE, [...keys.all, keys.producer(id)], () => args)
    await this.#replicated(keys.state)
    return toOutcome(reply)
  }

  async read(channel: string, { after, tail = 0, limit, bytes }: ReadRequest): Promise<ReadResult> {
    const from = after ? ['after', after.epoch, String(after.offset), after.tag] : ['tail', String(tail)]
    const args = [String(limit), String(bytes), ...from]
    const [status, one = '', other = '', ...rest] = await this.#run(READ, this.#keys(channel).all, () => args)
    if (status === 'gap') {
      const [head = ''] = rest
      return {
        status,
        reason: one as GapReason,
        next: other === '' ? undefined : parseCursor(other),
        head: parseCursor(head),
      }
    }
    const start = parseCursor(one)
    const entries: LogEntry[] = []
    for (let index = 0; index < rest.length; index += 4) {
      const [offset = '', tag = '', what = '', data = ''] = rest.slice(index, index + 4)
      entries.push(parseEntry(`${start.epoch}:${offset}:${tag}`, what, data))
    }
    return { status: 'page', entries, from: start, head: parseCursor(other) }
  }

  async subscribe(channel: string, listener: BrokerListener): Promise<BrokerSubscription> {
    this.#assertOpen()
    return this.#subscriptions.subscribe(channel, listener)
  }

  async signal(channel: string, signal: SignalMessage): Promise<void> {
    const { live } = this.#keys(channel)
    await this.#connection.send(live, ['SPUBLISH', live, formatSignal(signal)])
  }

  async hold(
    channel: string,
    { member, holder, value, leaseMs }: PresenceHold,
    { maxMembers }: { readonly maxMembers: number },
  ): Promise<HoldOutcome> {
    const keys = this.#keys(channel)
    const shown = value === undefined ? [] : [String(value.sequence), value.data]
    const args = [nonce(), member, holder, String(leaseMs), String(maxMembers), ...shown]
    return (await this.#runFor(HOLD, [...keys.all, keys.departed(member)], () => args)) as HoldOutcome
  }

  async release(channel: string, member: string, holder: string, graceMs: number): Promise<void> {
    await this.#runFor(RELEASE, this.#keys(channel).all, () => [nonce(), member, holder, String(graceMs)])
  }

  async depart(channel: string, member: string, sequence: number): Promise<void> {
    const keys = this.#keys(channel)
    const args = [nonce(), member, String(sequence), String(this.#options.dedupeMs)]
    await this.#runFor(DEPART, [...keys.all, keys.departed(member)], () => args)
  }

  async members(
    channel: string,
  ): Promise<{ readonly version: string; readonly members: readonly PresenceMember[] }> {
    const [version = '', ...rest] = await this.#run(MEMBERS, this.#keys(channel).all, () => [nonce()])
    const members: PresenceMember[] = []
    for (let index = 0; index < rest.length; index += 2)
      members.push({ member: rest[index] as string, data: rest[index + 1] as string })
    return { version, members }
  }

  async claim(channel: string, id: string, leaseMs: number): Promise<ClaimOutcome> {
    const fence = nonce()
    const found = await this.#connection.run(CLAIM, [this.#keys(channel).command(id)], () => [
      fence,
      String(leaseMs),
    ])
    if (found === `r${fence}`) return { status: 'claimed', fence }
    return toSettled(String(found)) ?? { status: 'running' }
  }

  async renew(channel: string, id: string, fence: string, leaseMs: number): Promise<boolean> {
    const key = this.#keys(channel).command(id)
    return (await this.#connection.run(RENEW, [key], () => [fence, String(leaseMs)])) === 1
  }

  async settle(
    channel: string,
    id: string,
    fence: string,
    reply: CommandReply,
    rememberMs: number,
  ): Promise<boolean> {
    const key = this.#keys(channel).command(id)
    const args = [fence, JSON.stringify(reply), String(rememberMs)]
    const settled = await this.#connection.run(SETTLE, [key], (again) => [...args, again ? '1' : ''])
    await this.#replicated(key)
    return settled === 1
  }

  async settled(channel: string, id: string, timeoutMs: number): Promise<SettledOutcome> {
    const key = this.#keys(channel).command(id)
    const look = async (): Promise<{ readonly outcome: SettledOutcome; readonly lapsesInMs: number }> => {
      const [found, lapsesInMs] = (await this.#connection.run(LOOK, [key], () => [])) as [string, number]
      if (found === '') return { outcome: { status: 'lapsed' }, lapsesInMs }
      return { outcome: toSettled(found) ?? { status: 'running' }, lapsesInMs }
    }
    const first = await look()
    if (first.outcome.status !== 'running' || timeoutMs <= 0) return first.outcome
    const endsAt = performance.now() + timeoutMs
    let wake = (): void => {}
    // What is published may overtake the answer to a look that was before it: they come on two lines.
    let isWoken = false
    const handleMessage = (): void => {
      isWoken = true
      wake()
    }
    this.#waits.add(handleMessage)
    try {
      await this.#connection.subscribe(key, handleMessage)
      for (;;) {
        isWoken = false
        const { outcome, lapsesInMs } = await look()
        const leftMs = Math.min(endsAt - performance.now(), LONGEST_WAIT_MS)
        if (outcome.status !== 'running' || leftMs <= 0 || this.#closed) return outcome
        await new Promise<void>((resolve) => {
          // The key is gone in the millisecond after its last one.
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
      this.#waits.delete(handleMessage)
      void this.#connection.unsubscribe(key, handleMessage)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#subscriptions.close()
    for (const wake of [...this.#waits]) wake()
    this.#connection.close()
  }

  /** What it holds at this moment, and messages that were none of ours. */
  stats(): { readonly channels: number; readonly malformed: number } {
    return { channels: this.#subscriptions.channels, malformed: this.#subscriptions.malformed }
  }

  async #touch(channel: string): Promise<{ readonly head: Cursor; readonly dueMs: number | undefined }> {
    const [head = '', due] = await this.#run(TOUCH, this.#keys(channel).all, () => [nonce()])
    return { head: parseCursor(head), dueMs: Number(due) < 0 ? undefined : Number(due) }
  }

  /** Runs a script about a channel that answers with a list of texts. */
  async #run(
    script: Script,
    keys: readonly string[],
    args: (again: boolean) => readonly string[],
  ): Promise<readonly string[]> {
    return (await this.#runFor(script, keys, args)) as readonly string[]
  }

  #runFor(script: Script, keys: readonly string[], args: (again: boolean) => readonly string[]): Promise<unknown> {
    const common = [nonce(), String(this.#options.idleMs)]
    return this.#connection.run(script, keys, (again) => [...common, ...args(again)])
  }

  /**
   * Waits until what was written before is on so many replicas. All writes of one turn share one question.
   * @throws TriwireError `unavailable`: it is in the log, but may still be lost; to try again is harmless
   */
  async #replicated(key: string): Promise<void> {
    const { ack } = this.#options
    if (ack === 'async') return
    const { replicas, timeoutMs } = ack
    const ask = async (): Promise<number> => {
      await undefined
      this.#replication = undefined
      return Number(await this.#connection.send(key, ['WAIT', String(replicas), String(timeoutMs)]))
    }
    // In a cluster the next key may live elsewhere.
    const isOne = typeof this.#options.url === 'string'
    const asked = (isOne && this.#replication) || ask()
    if (isOne) this.#replication = asked
    const reached = await asked
    if (reached < replicas) {
      throw new TriwireError('unavailable', `Only ${reached} of ${replicas} replicas have it. Try again later.`)
    }
  }

  #keys(channel: string): ChannelKeys {
    return new ChannelKeys(this.#options.prefix, channel)
  }

  #assertOpen(): void {
    if (this.#closed) throw new TriwireError('unavailable', 'The broker is closed.')
  }
}

/** Within what timers take (2^31 − 1 milliseconds). */
const LONGEST_WAIT_MS = 3_600_000

function toOutcome([status, rest = '']: readonly string[]): AppendOutcome {
  switch (status) {
    case 'appended':
      return { status, cursor: parseCursor(rest) }
    case 'refused':
      return { status, code: rest }
    case 'gap':
      return { status: 'sequence_gap', expected: Number(rest) }
    default:
      return { status: 'duplicate', cursor: rest === '' ? undefined : parseCursor(rest) }
  }
}

/** The reply that lies under the key of a command, if it is one. */
function toSettled(found: string): { readonly status: 'settled'; readonly reply: CommandReply } | undefined {
  if (!found.startsWith('s')) return undefined
  return { status: 'settled', reply: JSON.parse(found.slice(found.indexOf(' ') + 1)) as CommandReply }
}

/** A name nobody else has: 48 random bits, as in every cursor. */
function nonce(): string {
  return randomBytes(6).toString('base64url')
}
