export {
  type AnySchema,
  type Channel,
  type EventsOf,
  type PresenceInputOf,
  type PresenceOf,
  TriwireError,
  type WireName,
} from '@triwire/protocol'
export type {
  ChannelEvent,
  ChannelHandle,
  ChannelObserver,
  ChannelReference,
  ChannelReferences,
  ChannelState,
  CommandsOf,
  ConnectionState,
  DataOf,
  EventMeta,
  Gap,
  HandlersOf,
  Member,
  ObserveOptions,
  Observer,
  PresenceObserver,
  PresenceOptions,
  PresenceState,
  PublishFunction,
  ReducersOf,
  ReferencesOf,
  SignalFunction,
  SignalMeta,
  StateOf,
} from './channel-types.ts'
export { type Client, createClient, defaultClient } from './client.ts'
export type { ClientOptions } from './client-options.ts'
export { createCommandFunctions } from './command-functions.ts'
export {
  channelOrIdle,
  idleConnection,
  idleState,
  joiningState,
  type MaybeChannel,
  unsyncedPresence,
} from './idle.ts'
export type { WebSocketConstructor, WebSocketLike } from './wire.ts'
