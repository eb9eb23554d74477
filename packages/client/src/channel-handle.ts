/** A handle: one channel, named, with everything an app can do to it. */
import type { Session } from '@triwire/protocol'
import { createChannelObserver } from './channel-observer.ts'
import type { ChannelStore } from './channel-store.ts'
import type { ChannelHandle, ConnectionState, Observer } from './channel-types.ts'
import { createCommandFunctions } from './command-functions.ts'
import { iterateEvents } from './event-iterator.ts'
import { createPresenceObserver } from './presence-observer.ts'

/** What a handle needs of its client. */
export interface HandleHost {
  readonly connection: Observer<ConnectionState>
  readonly session: Session
  /** Something was asked of the session: write it. */
  pump(): void
  /** Asks the session for a publish or a command, and promises its answer. */
  promise(store: ChannelStore, ask: (now: number) => string): Promise<unknown>
}

/** Makes the handle of a channel. */
export function createHandle(store: ChannelStore, host: HandleHost): ChannelHandle {
  const { address } = store
  const { session } = host
  const observe = (options: Parameters<typeof createChannelObserver>[1]) => createChannelObserver(store, options)
  const handle = {
    address,
    client: { connection: host.connection },
    on: (handlers: object) => observe({ on: handlers }).subscribe(() => {}),
    events: (options: { readonly after?: string } = {}) => iterateEvents(store, options.after),
    publish: (event: string, data: unknown) =>
      host.promise(store, (now) => session.publish(address, event, data, now)),
    signal(signal: string, data: unknown, options: { readonly key?: string } = {}) {
      session.signal(address, signal, data, options.key)
      host.pump()
    },
    commands: createCommandFunctions((name, input) =>
      host.promise(store, (now) => session.command(address, name, input, now)),
    ),
    observe,
    observePresence: (options = {}) => createPresenceObserver(store, options),
  }
  // Types follow from the contract, of which nothing exists at run time: this is where the two meet.
  return handle as unknown as ChannelHandle
}
