export {
  type Cursor,
  formatCursor,
  type GapReason,
  type History,
  parseAddress,
  parseCursor,
  startOf,
  TriwireError,
} from '@triwire/protocol'
export type {
  Append,
  AppendOutcome,
  Broker,
  BrokerListener,
  BrokerSubscription,
  ClaimOutcome,
  CommandReply,
  HoldOutcome,
  LogEntry,
  PresenceChange,
  PresenceHold,
  PresenceMember,
  Producer,
  ReadRequest,
  ReadResult,
  SettledOutcome,
  SignalMessage,
} from './broker.ts'
export { Chunk } from './chunk.ts'
export type { Engine, HomeEngine, HostOptions, Servable } from './engine.ts'
export type { FrozenAttachment, FrozenLeases, FrozenSocket, FrozenStay } from './frozen.ts'
export { fieldsOf, type HeaderFields } from './header-fields.ts'
export type { AuthRequest } from './identity.ts'
export type {
  Action,
  AuthorizeContext,
  ChannelImplementation,
  CommandContext,
  Emit,
  Last,
  LastEvents,
  LoggedEvent,
  PublishContext,
  ServerChannel,
  SnapshotAt,
  SnapshotContext,
} from './implementation.ts'
export type { Limits } from './limits.ts'
export { DEFAULT_LIMITS } from './limits.ts'
export type { Logger } from './logger.ts'
export { memory } from './memory-broker.ts'
export type { MemoryBrokerOptions } from './memory-channels.ts'
export type { AllowedOrigins } from './origin.ts'
export {
  createRealtime,
  handleRequest,
  type Realtime,
  type RealtimeOptions,
  type ServerChannels,
  type Unimplemented,
  type UserOf,
} from './realtime.ts'
export type { Exchange, RequestHead, Sink, SinkListener } from './sink.ts'
export type { Socket } from './socket.ts'
export type { Cancel, SetTimer } from './timer-wheel.ts'
