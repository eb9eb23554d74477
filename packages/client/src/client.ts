/** `createClient`: channels by name, promises for what was asked, and the driver that does the rest. */
import {
  type Contract,
  type Delivery,
  formatAddress,
  type Params,
  type Session,
  type TriwireError,
  type WireName,
} from '@triwire/protocol'
import { type Answer, type Asked, createHandle, type HandleHost } from './channel-handle.ts'
import { ChannelStore } from './channel-store.ts'
import type { ChannelHandle, ChannelSnapshot, ConnectionState, Observer, ReferencesOf } from './channel-types.ts'
import type { ClientOptions } from './client-options.ts'
import { createNamed } from './command-functions.ts'
import { Driver } from './driver.ts'

/** A client: one session with one server. */
export interface Client<TContract extends Contract> {
  /** Channels by the keys of the contract: `client.channels.chat({ roomId })`. */
  readonly channels: ReferencesOf<TContract>
  readonly connection: Observer<ConnectionState>
  /**
   * Changes which wires may be used, from now on; undefined restores those of the options. The one in use goes on until
   * the best of them has taken over.
   */
  setWires(wires: readonly WireName[] | undefined): void
  /** Ends the session. What is pending rejects with `closed`; nothing can be asked of this client afterwards. */
  close(): void
}

/** Makes a client. Nothing is opened before something is asked of it. */
export function createClient<TContract extends Contract>(options: ClientOptions): Client<TContract> {
  const host = new Host(options)
  clients.add(host)
  const references = createNamed((key) => (params?: Params) => host.handleOf(formatAddress(key, params)))
  return {
    channels: references as unknown as ReferencesOf<TContract>,
    connection: host.connection,
    setWires: (wires) => host.driver.setWires(wires),
    close: () => host.close(),
  }
}

/** The first client that was created and is not closed: the one hooks show where no provider names another. */
export function defaultClient(): { readonly connection: Observer<ConnectionState> } | undefined {
  return clients.values().next().value
}

const clients = new Set<Host>()

interface Promised {
  readonly store: ChannelStore
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: TriwireError) => void
}

/** What handles and stores need of their client. */
class Host implements HandleHost {
  readonly driver: Driver
  readonly session: Session
  readonly connection: Observer<ConnectionState>
  readonly #channels = new Map<string, { readonly store: ChannelStore; readonly handle: ChannelHandle }>()
  readonly #promised = new Map<string, Promised>()

  constructor(options: ClientOptions) {
    const handleDelivery = (delivery: Delivery): void => this.#handleDelivery(delivery)
    this.driver = options.tabs?.(options, handleDelivery) ?? new Driver(options, handleDelivery)
    this.session = this.driver.session
    this.connection = this.driver.connection.observer
  }

  handleOf(address: string): ChannelHandle {
    let channel = this.#channels.get(address)
    if (channel === undefined) {
      const store = new ChannelStore(address, this)
      channel = { store, handle: createHandle(store, this) }
      this.#channels.set(address, channel)
    }
    return channel.handle
  }

  ask(store: ChannelStore, ask: (now: number) => string): Asked {
    const key = ask(Date.now())
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#promised.set(key, { store, resolve, reject })
    })
    store.countPending(1)
    this.pump()
    return { key, answer }
  }

  pump(): void {
    this.driver.pump()
  }

  snapshot(address: string): Promise<ChannelSnapshot<unknown>> {
    return this.driver.snapshot(address)
  }

  close(): void {
    clients.delete(this)
    for (const address of this.#channels.keys()) this.session.setPresence(address, undefined)
    this.driver.close()
  }

  #handleDelivery(delivery: Delivery): void {
    if (delivery.type === 'settled') this.#settle(delivery.key)?.resolve(delivery)
    else if (delivery.type === 'failed') this.#settle(delivery.key)?.reject(delivery.error)
    else if ('channel' in delivery) this.#channels.get(delivery.channel)?.store.handleDelivery(delivery)
  }

  #settle(key: string): Promised | undefined {
    const promised = this.#promised.get(key)
    this.#promised.delete(key)
    promised?.store.countPending(-1)
    return promised
  }
}
