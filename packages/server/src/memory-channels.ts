/**
 * The channels a broker keeps in this process's memory: they come into being when they are used, one timer serves them
 * all, and they are dropped when nothing of them is needed any more. For the memory broker that is everything it has; a
 * broker whose log lives elsewhere keeps here what dies with the process anyway: subscriptions, presence and claims.
 */
import { TriwireError } from '@triwire/protocol'
import { MemoryChannel } from './memory-channel.ts'
import { DeadlineQueue } from './memory-deadlines.ts'
import { DEFAULT_MEMORY_LIMITS, type MemoryBrokerLimits } from './memory-limits.ts'
import type { PresenceStore } from './memory-presence.ts'

/** What `memory()` takes, and whoever else keeps channels in memory. With the first three, a simulation drives it on virtual time and one seed. */
export interface MemoryBrokerOptions {
  /** Milliseconds on a clock that never runs backwards far. Default `Date.now`. */
  readonly now?: () => number
  /** A new name on every call: 1–32 characters of `A–Z a–z 0–9 _ -`. Default 8 characters, 48 random bits. */
  readonly random?: () => string
  /**
   * Calls back once after `delayMs`; returns how to cancel that. At most one is pending per broker. Default
   * `setTimeout`, which does not keep a Node process alive.
   */
  readonly setTimer?: (callback: () => void, delayMs: number) => () => void
  /** Told what a listener threw, which it must not; the others are told regardless. Default `console.error`. */
  readonly onListenerError?: (error: unknown) => void
  /** Bounds that differ from the defaults. */
  readonly limits?: Partial<MemoryBrokerLimits>
  /** Keeps presence sets beyond this process. Left out: they end with it. */
  readonly presenceStore?: PresenceStore
}

/** The channels. */
export class MemoryChannels {
  /** A new name on every call. */
  readonly random: () => string
  readonly now: () => number
  /** Calls back once after `delayMs`, without keeping the process alive; returns how to cancel that. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void
  readonly #channels = new Map<string, MemoryChannel>()
  readonly #deadlines = new DeadlineQueue<MemoryChannel>()
  readonly #limits: MemoryBrokerLimits
  readonly #onListenerError: (error: unknown) => void
  readonly #presenceStore: PresenceStore | undefined
  #timer: { readonly dueAt: number; readonly cancel: () => void } | undefined
  #isClosed = false

  constructor(options: MemoryBrokerOptions) {
    this.now = options.now ?? Date.now
    this.random = options.random ?? createRandom()
    this.setTimer = options.setTimer ?? setUnrefTimer
    this.#onListenerError = options.onListenerError ?? ((error) => console.error('A broker listener threw.', error))
    this.#presenceStore = options.presenceStore
    this.#limits = { ...DEFAULT_MEMORY_LIMITS, ...options.limits }
  }

  /** Channels, subscriptions and waiting calls held at this moment. */
  stats(): { readonly channels: number; readonly subscriptions: number; readonly waiting: number } {
    let subscriptions = 0
    let waiting = 0
    for (const channel of this.#channels.values()) {
      subscriptions += channel.subscriptions
      waiting += channel.commands.waiting
    }
    return { channels: this.#channels.size, subscriptions, waiting }
  }

  /** Runs an operation on a channel, which comes into being where it is not there yet. */
  use<TResult>(name: string, operate: (channel: MemoryChannel, now: number) => TResult): TResult {
    this.assertOpen()
    const now = this.now()
    let channel = this.#channels.get(name)
    if (channel === undefined) {
      if (this.#channels.size >= this.#limits.channels) this.#makeRoom()
      channel = new MemoryChannel(name, this.random(), this.#limits, this.#onListenerError, this.#presenceStore)
      this.#channels.set(name, channel)
    }
    return this.#operate(channel, now, operate)
  }

  /** Runs an operation that means nothing to a channel nobody has used. */
  useExisting<TResult>(
    name: string,
    operate: (channel: MemoryChannel, now: number) => TResult,
  ): TResult | undefined {
    this.assertOpen()
    const channel = this.#channels.get(name)
    return channel && this.#operate(channel, this.now(), operate)
  }

  #operate<TResult>(
    channel: MemoryChannel,
    now: number,
    operate: (channel: MemoryChannel, now: number) => TResult,
  ): TResult {
    try {
      channel.expire(now)
      return operate(channel, now)
    } finally {
      this.touch(channel, now)
    }
  }

  /** Takes note that a channel was used: it is looked at again when something of it is due. */
  touch(channel: MemoryChannel, now: number): void {
    channel.usedAt = now
    if (this.#channels.get(channel.name) !== channel) return
    this.#deadlines.hasten(channel, Math.min(channel.urgentAt, now + this.#limits.sweepMs))
    this.#arm()
  }

  /** Keeps the one timer at the first deadline. One that is early is left: moving it costs more than waking up. */
  #arm(): void {
    const dueAt = this.#deadlines.first?.dueAt
    if (this.#timer !== undefined && dueAt !== undefined && this.#timer.dueAt <= dueAt) return
    this.#timer?.cancel()
    this.#timer = undefined
    if (dueAt === undefined) return
    const delayMs = Math.min(LONGEST_TIMER_MS, Math.max(1, dueAt - this.now()))
    this.#timer = { dueAt, cancel: this.setTimer(() => this.#handleTimer(), delayMs) }
  }

  #handleTimer(): void {
    this.#timer = undefined
    const now = this.now()
    for (
      let channel = this.#deadlines.first;
      channel !== undefined && channel.dueAt <= now;
      channel = this.#deadlines.first
    ) {
      this.#deadlines.delete(channel)
      channel.sweep(now)
      // A listener may have closed the broker meanwhile.
      if (this.#channels.get(channel.name) !== channel) continue
      if (channel.isDroppable(now)) this.#drop(channel)
      else this.#deadlines.set(channel, channel.nextDueAt(now))
    }
    this.#arm()
  }

  /** Drops the sixteenth part that was unused for longest, so that the search is paid for once in a while. */
  #makeRoom(): void {
    const evictable = [...this.#channels.values()].filter((channel) => channel.isEvictable)
    if (evictable.length === 0) {
      throw new TriwireError(
        'unavailable',
        `This server holds at most ${this.#limits.channels} channels. Try again later.`,
      )
    }
    evictable.sort((one, other) => one.usedAt - other.usedAt)
    for (const channel of evictable.slice(0, Math.ceil(evictable.length / 16))) this.#drop(channel)
  }

  #drop(channel: MemoryChannel): void {
    this.#channels.delete(channel.name)
    this.#deadlines.delete(channel)
    channel.close()
  }

  assertOpen(): void {
    if (this.#isClosed) throw new TriwireError('unavailable', 'The broker is closed.')
  }

  /** The channel, if it is in memory now. */
  peek(name: string): MemoryChannel | undefined {
    return this.#channels.get(name)
  }

  /** Calls no listener any more, lets every wait end, and leaves no timer. */
  close(): void {
    this.#isClosed = true
    const channels = [...this.#channels.values()]
    this.#channels.clear()
    this.#deadlines.clear()
    this.#arm()
    for (const channel of channels) channel.close()
  }
}

/** Within what every runtime's timers take (2^31 − 1); a deadline further away is looked at in between. */
const LONGEST_TIMER_MS = 3_600_000

function setUnrefTimer(callback: () => void, delayMs: number): () => void {
  const timer: unknown = setTimeout(callback, delayMs)
  // Browsers, workerd and Deno hand out numbers; in Node and Bun the timer must not keep the process alive.
  if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref: () => void }).unref()
  return () => clearTimeout(timer as number)
}

/** Names of 6 random bytes; the generator is asked for many at a time, because one name goes into every append. */
function createRandom(): () => string {
  const bytes = new Uint8Array(6 * 128)
  let used = bytes.length
  return () => {
    if (used === bytes.length) {
      crypto.getRandomValues(bytes)
      used = 0
    }
    let name = ''
    for (const end = used + 6; used < end; used += 3) {
      const word =
        ((bytes[used] as number) << 16) | ((bytes[used + 1] as number) << 8) | (bytes[used + 2] as number)
      for (let shift = 18; shift >= 0; shift -= 6) name += ALPHABET[(word >> shift) & 63]
    }
    return name
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
