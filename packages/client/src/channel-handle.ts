/** A handle: one channel, named, with everything an app can do to it. */
import type { Session } from '@triwire/protocol'
import { createChannelObserver } from './channel-observer.ts'
import type { ChannelStore } from './channel-store.ts'
import type { ChannelHandle, ChannelSnapshot, ConnectionState, Observer, SignalOptions } from './channel-types.ts'
import { createCommandFunctions } from './command-functions.ts'
import { iterateEvents } from './event-iterator.ts'
import { createPresenceObserver } from './presence-observer.ts'

/** What a handle needs of its client. */
export interface HandleHost {
  readonly connection: Observer<ConnectionState>
  readonly session: Session
  /** Something was asked of the session: write it. */
  pump(): void
  /**
   * Asks the session for a publish or a command.
   * @throws TriwireError what the session refuses at once: `queue_full`, `bad_payload`, `line_too_large`
   */
  ask(store: ChannelStore, ask: (now: number) => string): Asked
  snapshot(address: string): Promise<ChannelSnapshot<unknown>>
}

/** The answer to a publish or a command. */
export interface Answer {
  readonly data: unknown
  /** The cursor behind the last event that it brought about, where the server has named one. */
  readonly at: string | undefined
}

/** What was asked: its key in the session, and the answer to come. */
export interface Asked {
  readonly key: string
  readonly answer: Promise<Answer>
}

/** What a handle is made of, for views, which know handles alone. */
export interface HandleParts {
  readonly store: ChannelStore
  readonly host: HandleHost
}

const parts = new WeakMap<object, HandleParts>()

/** What this handle is made of; undefined where it is none of ours. */
export function partsOf(handle: object): HandleParts | undefined {
  return parts.get(handle)
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
    publish: async (event: string, data: unknown) => {
      await host.ask(store, (now) => session.publish(address, event, data, now)).answer
    },
    signal(signal: string, data: unknown, { key, everyMs }: SignalOptions = {}) {
      session.signal(address, signal, data, key, everyMs)
      host.pump()
    },
    commands: createCommandFunctions(async (name, input) => {
      const { answer } = host.ask(store, (now) => session.command(address, name, input, now))
      return (await answer).data
    }),
    snapshot: () => host.snapshot(address),
    observe,
    observePresence: (options = {}) => createPresenceObserver(store, options),
  }
  parts.set(handle, { store, host })
  // Types follow from the contract, of which nothing exists at run time: this is where the two meet.
  return handle as unknown as ChannelHandle
}
