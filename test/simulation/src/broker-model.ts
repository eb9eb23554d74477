/**
 * The broker as one node holds it: the port of `@triwire/server`, with a journey between every call and its answer.
 * Calls of a node take effect in their order, answers and news come in theirs, but the two lines are independent, as a
 * request connection and a subscription connection are. What can go wrong on the way is in `trouble`.
 */
import type { Broker, BrokerListener, BrokerSubscription } from '@triwire/server'
import type { Actor, Clock, Random } from '@triwire/test/parts'
import type { BrokerStore, Subscriber } from './broker-store.ts'

/** What is wrong with the store or the way to it, for all nodes; times are virtual. */
export interface BrokerTrouble {
  /** Until when no call is answered; those that are made fail. */
  downUntil: number
  /** Milliseconds added to each way. */
  slowMs: number
  /** Probability that a call takes effect and its answer is lost. */
  loseAnswers: number
}

/** What a broker model is made of. */
export interface BrokerModelOptions {
  readonly store: BrokerStore
  readonly clock: Clock
  /** The node. */
  readonly node: Actor
  /** The store's side. */
  readonly far: Actor
  readonly random: Random
  readonly trouble: BrokerTrouble
  /** Milliseconds of one way, at most; 0 answers at once. */
  readonly latencyMs: number
  readonly unavailable: (message: string) => Error
  readonly onClose?: () => void
}

interface Subscription extends Subscriber {
  readonly channel: string
  readonly listener: BrokerListener
  open: boolean
  arrivedAt: number
}

const NOWHERE = { epoch: '-', offset: 0, tag: '0' }

/** Milliseconds after which a call without an answer counts as failed. */
const PATIENCE_MS = 1500

/** A broker of one node. */
export class BrokerModel implements Broker {
  readonly acknowledges = 'memory of a simulation'
  readonly #options: BrokerModelOptions
  readonly #subscriptions = new Set<Subscription>()
  readonly #waiting = new Set<() => void>()
  #closed = false
  #deaf = false
  #calledAt = 0
  #answeredAt = 0

  constructor(options: BrokerModelOptions) {
    this.#options = options
  }

  get subscriptions(): number {
    // The engine's own channel is followed for as long as the node lives.
    return [...this.#subscriptions].filter(({ channel }) => channel !== '_control').length
  }

  /** The subscription line is down: nothing comes through it, and nobody knows. */
  deafen(): void {
    this.#deaf = true
  }

  /** The subscription line is back; whoever listens is told that something may be missing. */
  recover(): void {
    this.#deaf = false
    const { clock, node } = this.#options
    for (const subscription of this.#subscriptions) {
      subscription.arrivedAt = Math.max(subscription.arrivedAt, clock.now)
      clock.at(subscription.arrivedAt, node, () => {
        if (subscription.open) subscription.listener.onInterrupted()
      })
    }
  }

  /** The node is gone: nothing is delivered any more, and no promise settles. */
  abandon(): void {
    for (const subscription of [...this.#subscriptions]) this.#unsubscribe(subscription)
    this.#waiting.clear()
  }

  append: Broker['append'] = (channel, append) => this.#call((store) => store.append(channel, append))
  refuse: Broker['refuse'] = (channel, producer, code) =>
    this.#call((store) => store.refuse(channel, producer, code))
  read: Broker['read'] = (channel, request) => this.#call((store) => store.read(channel, request))
  signal: Broker['signal'] = (channel, signal) => this.#call((store) => store.signal(channel, signal))
  hold: Broker['hold'] = (channel, hold, { maxMembers }) =>
    this.#call((store) => store.hold(channel, hold, maxMembers))
  release: Broker['release'] = (channel, member, holder, graceMs) =>
    this.#call((store) => store.release(channel, member, holder, graceMs))
  depart: Broker['depart'] = (channel, member, sequence) =>
    this.#call((store) => store.depart(channel, member, sequence))
  members: Broker['members'] = (channel) => this.#call((store) => store.members(channel))
  claim: Broker['claim'] = (channel, id, leaseMs) => this.#call((store) => store.claim(channel, id, leaseMs))
  renew: Broker['renew'] = (channel, id, fence, leaseMs) =>
    this.#call((store) => store.renew(channel, id, fence, leaseMs))
  settle: Broker['settle'] = (channel, id, fence, reply, rememberMs) =>
    this.#call((store) => store.settle(channel, id, fence, reply, rememberMs))

  settled: Broker['settled'] = (channel, id, timeoutMs) =>
    this.#ask<Awaited<ReturnType<Broker['settled']>>>((store, answer) =>
      store.settled(channel, id, timeoutMs, answer),
    )

  async subscribe(channel: string, listener: BrokerListener): Promise<BrokerSubscription> {
    const { node } = this.#options
    const subscription: Subscription = {
      channel,
      listener,
      open: true,
      arrivedAt: 0,
      tell: (news) => this.#deliver(subscription, news),
    }
    const head = await this.#call((store) => {
      // A node may have died or closed while its call was on the way.
      if (node.alive && !this.#closed) this.#subscriptions.add(subscription)
      else return NOWHERE
      return store.subscribe(channel, subscription)
    }).catch((error: unknown) => {
      this.#unsubscribe(subscription)
      throw error
    })
    return {
      head,
      close: async () => this.#unsubscribe(subscription),
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const subscription of [...this.#subscriptions]) this.#unsubscribe(subscription)
    for (const fail of [...this.#waiting]) fail()
    this.#waiting.clear()
    this.#options.onClose?.()
  }

  #unsubscribe(subscription: Subscription): void {
    subscription.open = false
    this.#subscriptions.delete(subscription)
    this.#options.store.unsubscribe(subscription.channel, subscription)
  }

  #deliver(subscription: Subscription, news: (listener: BrokerListener) => void): void {
    const { clock, node, latencyMs } = this.#options
    if (this.#deaf) return
    const tell = (): void => {
      // A line that went down lost what was on it.
      if (!subscription.open || this.#deaf) return
      if (latencyMs > 0) news(subscription.listener)
      else attempt(() => news(subscription.listener))
    }
    if (latencyMs === 0 && clock.now >= subscription.arrivedAt) tell()
    else {
      subscription.arrivedAt = Math.max(subscription.arrivedAt, clock.now + this.#journey())
      clock.at(subscription.arrivedAt, node, tell)
    }
  }

  #journey(): number {
    const { latencyMs, random, trouble } = this.#options
    return latencyMs * (0.2 + 0.8 * random.next()) + trouble.slowMs
  }

  /** Takes a call to the store and its answer back. */
  #call<TResult>(act: (store: BrokerStore) => TResult): Promise<TResult> {
    return this.#ask((store, answer) => answer(act(store)))
  }

  /** The same for what the store answers later. */
  #ask<TResult>(act: (store: BrokerStore, answer: (result: TResult) => void) => void): Promise<TResult> {
    const { clock, node, far, store, trouble, random, latencyMs, unavailable } = this.#options
    if (this.#closed) return Promise.reject(unavailable('The broker is closed.'))
    return new Promise((resolve, reject) => {
      const fail = (): void => {
        this.#waiting.delete(fail)
        reject(unavailable('The broker does not answer.'))
      }
      this.#waiting.add(fail)
      const answer = (result: TResult): void => {
        const settle = (): void => {
          if (this.#waiting.delete(fail)) resolve(result)
        }
        this.#answeredAt = Math.max(this.#answeredAt, clock.now + this.#journey())
        if (latencyMs === 0) settle()
        else clock.at(this.#answeredAt, node, settle)
      }
      const perform = (): void => {
        const isDown = trouble.downUntil > clock.now
        const isLost = !isDown && trouble.loseAnswers > 0 && random.chance(trouble.loseAnswers)
        if (isDown || isLost) clock.after(PATIENCE_MS, node, fail)
        if (isDown) return
        act(store, isLost ? () => {} : answer)
      }
      this.#calledAt = Math.max(this.#calledAt, clock.now + this.#journey())
      if (latencyMs === 0) perform()
      else clock.at(this.#calledAt, far, perform)
    })
  }
}

function attempt(callback: () => void): void {
  try {
    callback()
  } catch {
    // Whoever listens must not throw; what it throws is its own.
  }
}
