/** A handle: one channel, named, with everything an app can do to it. */
import type { Channel } from '@triwire/protocol'
import { createChannelObserver } from './channel-observer.ts'
import type { ChannelStore } from './channel-store.ts'
import type { ChannelHandle, ConnectionState, Observer } from './channel-types.ts'
import { createCommandFunctions } from './command-functions.ts'
import { iterateEvents } from './event-iterator.ts'
import { createPresenceObserver } from './presence-observer.ts'

/** What a handle needs of its client. */
export interface HandleHost {
  readonly connection: Observer<ConnectionState>
  /** The store of an address; made when first asked for. */
  storeOf(address: string): ChannelStore
  publish(address: string, event: string, data: unknown): Promise<void>
  command(address: string, name: string, input: unknown): Promise<unknown>
  signal(address: string, signal: string, data: unknown, key: string | undefined): void
}

/** Makes the handle of an address. */
export function createHandle(address: string, host: HandleHost): ChannelHandle {
  const handle = {
    address,
    client: { connection: host.connection },
    on(handlers: Readonly<Record<string, unknown>>) {
      const observer = createChannelObserver(host.storeOf(address), { on: handlers as never })
      return observer.subscribe(() => {})
    },
    events: (options: { readonly after?: string } = {}) => iterateEvents(host.storeOf(address), options.after),
    publish: (event: string, data: unknown) => host.publish(address, event, data),
    signal: (signal: string, data: unknown, options: { readonly key?: string } = {}) =>
      host.signal(address, signal, data, options.key),
    commands: createCommandFunctions((name, input) => host.command(address, name, input)),
    observe: (options: Parameters<typeof createChannelObserver>[1]) =>
      createChannelObserver(host.storeOf(address), options),
    observePresence: (options = {}) => createPresenceObserver(host.storeOf(address), options),
  }
  // Types follow from the contract, of which nothing exists at run time: this is where the two meet.
  return handle as unknown as ChannelHandle<Channel>
}
