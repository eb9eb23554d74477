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
  ChannelFace,
  ChannelHandle,
  ChannelObserver,
  ChannelReference,
  ChannelReferences,
  ChannelSnapshot,
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
  SignalOptions,
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
  type MaybeFace,
  type MaybeView,
  unsyncedPresence,
} from './idle.ts'
export {
  createSelection,
  type SelectedState,
  type SelectOptions,
  type Shown,
  type ShownPresence,
} from './selection.ts'
export { view } from './view.ts'
export type {
  FailedCommand,
  OptimisticOf,
  PendingCommand,
  ViewCommands,
  ViewDefinition,
  ViewHandle,
  ViewObserver,
  ViewOptions,
  ViewState,
} from './view-types.ts'
export type { WebSocketConstructor, WebSocketLike } from './wire.ts'
