export { formatAddress, type Params, parseAddress } from './address.ts'
export { type BackoffOptions, backoffMs } from './backoff.ts'
export {
  type Channel,
  type ChannelOptions,
  type CommandInputOf,
  type CommandMap,
  type CommandOutputOf,
  type CommandSchema,
  channel,
  type Duration,
  type EmitsOf,
  type EventsOf,
  formatPath,
  type History,
  type HistoryOptions,
  matchPath,
  type ParamNames,
  type ParamsOf,
  type ParsedParamsOf,
  type PresenceInputOf,
  type PresenceOf,
  type PublishesOf,
  paramNames,
  parseDuration,
  type SchemaMap,
  type SignalInputsOf,
  type SignalsOf,
  type SnapshotOf,
} from './channel.ts'
export { adviceFor, CODES, closeCodeFor, isCode, statusFor } from './code-table.ts'
export { decodeDownstream, encodeBatch, encodeEvent, encodeLine, utf8Length } from './codec.ts'
export { type Advice, type Code, TriwireError } from './codes.ts'
export {
  type ChannelMap,
  type ChannelsOf,
  type Contract,
  contract,
  type ResolvedChannel,
  resolveAddress,
  resolvePath,
} from './contract.ts'
export { type Cursor, formatCursor, parseCursor, startOf } from './cursor.ts'
export type { Json, Jsonify } from './json.ts'
export { DEFAULT_WIRE_LIMITS, HEARTBEAT_MS, POLL_HOLD_MS, type WireLimits } from './limits.ts'
export {
  type AckLine,
  type ByeLine,
  type CommandLine,
  type DownstreamLine,
  type EndLine,
  type ErrorLine,
  type EventLine,
  type ExpiresLine,
  type GapLine,
  type GapReason,
  type HeartbeatLine,
  type HelloLine,
  type JoinedLine,
  type JoinLine,
  type LeaveLine,
  type MarkLine,
  type PingLine,
  type PongLine,
  PROTOCOL_VERSION,
  type PresenceDeliveryLine,
  type PresenceLine,
  type PublishLine,
  type ResultLine,
  type SeenLine,
  type SignalDeliveryLine,
  type SignalLine,
  type SnapshotLine,
  type UpstreamLine,
  WEBSOCKET_SUBPROTOCOL,
  type WelcomeLine,
  type WireName,
} from './line.ts'
export type { OutboxOptions, OutgoingLine } from './outbox.ts'
export { Pacer } from './pacer.ts'
export { type Delivery, type EventDelivery, Session, type SessionOptions } from './session.ts'
export { formatSseEvent, formatSsePadding, type SseEvent, SseParser } from './sse.ts'
export {
  type AnySchema,
  type InputOf,
  isSchema,
  type OutputOf,
  type SchemaIssue,
  type SchemaResult,
  type StandardSchema,
} from './standard-schema.ts'
export type { Want } from './subscription.ts'
export { decodeUpstream, splitBatch } from './upstream-codec.ts'
