/**
 * A channel as the contract describes it: its path and the five words an app may say in it. Plain data, shared by
 * server code and, as a type only, by browsers.
 */
import { decodeValue, encodeValue, NAME } from './address.ts'
import { TriwireError } from './codes.ts'
import type { Jsonify } from './json.ts'
import { type AnySchema, type InputOf, isSchema, type OutputOf } from './standard-schema.ts'

/** Schemas by name. */
export type SchemaMap = Readonly<Record<string, AnySchema>>

/** A command's two schemas. The client gives `input`'s input; the handler gives `output`'s input. */
export interface CommandSchema {
  readonly input: AnySchema
  readonly output: AnySchema
}

/** Commands by name. */
export type CommandMap = Readonly<Record<string, CommandSchema>>

/** A length of time: `'500ms'`, `'30s'`, `'5m'`, `'24h'`, `'7d'`. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** How much of the log a broker keeps for readers that come back. Whichever bound is met first trims. */
export interface HistoryOptions {
  /** Events. Default 100; at least 1, at most 100,000. */
  readonly keep?: number
  /** Age. Default `'300s'`. */
  readonly ttl?: Duration
}

/** History in numbers, defaults filled in. */
export interface History {
  readonly keep: number
  readonly ttlMs: number
  /** Bytes of payload. 1 MiB. */
  readonly bytes: number
}

/** What `channel()` takes. */
export interface ChannelOptions<
  TEvents extends SchemaMap,
  TSignals extends SchemaMap,
  TPresence extends AnySchema | undefined,
  TCommands extends CommandMap,
  TSnapshot extends AnySchema | undefined,
  TPublish extends string,
  TPublic extends boolean = boolean,
> {
  /** Events: logged, ordered, delivered once or reported missing. */
  readonly events?: TEvents
  /** Names of the events that authorised clients may publish themselves. Default none. */
  readonly publish?: readonly TPublish[]
  /** Signals: lossy, never logged. */
  readonly signals?: TSignals
  /** The value each present member shows. */
  readonly presence?: TPresence
  /** Typed requests from client to server. */
  readonly commands?: TCommands
  /** The state a newcomer starts from. */
  readonly snapshot?: TSnapshot
  readonly history?: HistoryOptions
  /**
   * Whether anybody may read its log with `GET /log`, without a token, in pages that caches keep for all (PROTOCOL.md
   * §7.3). Default false. Such a channel has no `authorize`: on its other wires, whom `auth` lets in may do everything that
   * `onPublish` and its commands do not refuse. Cached pages outlive the history by as long again.
   */
  readonly public?: TPublic
}

/** One channel of a contract, made by `channel()`. */
export interface Channel<
  TPath extends string = string,
  TEvents extends SchemaMap = SchemaMap,
  TSignals extends SchemaMap = SchemaMap,
  TPresence extends AnySchema | undefined = AnySchema | undefined,
  TCommands extends CommandMap = CommandMap,
  TSnapshot extends AnySchema | undefined = AnySchema | undefined,
  TPublish extends string = string,
  TPublic extends boolean = boolean,
> {
  readonly path: TPath
  readonly events: TEvents
  readonly publish: readonly TPublish[]
  readonly signals: TSignals
  readonly presence: TPresence
  readonly commands: TCommands
  readonly snapshot: TSnapshot
  readonly history: History
  readonly public: TPublic
}

/** The parameter names in a path: `'chat/:roomId'` has `'roomId'`. */
export type ParamNames<TPath extends string> = TPath extends `${infer TSegment}/${infer TRest}`
  ? ParamName<TSegment> | ParamNames<TRest>
  : ParamName<TPath>
type ParamName<TSegment extends string> = TSegment extends `:${infer TName}` ? TName : never

/** The parameters a caller passes to name one channel: strings, or numbers for convenience. */
export type ParamsOf<TChannel extends Channel> = Readonly<Record<ParamNames<TChannel['path']>, string | number>>

/** The parameters as server code sees them. */
export type ParsedParamsOf<TChannel extends Channel> = Readonly<Record<ParamNames<TChannel['path']>, string>>

/** Event payloads as clients see them: validated, then through JSON. */
export type EventsOf<TChannel extends Channel> = {
  readonly [TName in keyof TChannel['events']]: Jsonify<OutputOf<TChannel['events'][TName]>>
}

/** Event payloads as `emit` takes them. */
export type EmitsOf<TChannel extends Channel> = {
  readonly [TName in keyof TChannel['events']]: InputOf<TChannel['events'][TName]>
}

/** Payloads of the events clients may publish, as `publish` takes them. */
export type PublishesOf<TChannel extends Channel> = {
  readonly [TName in TChannel['publish'][number]]: InputOf<TChannel['events'][TName]>
}

/** Signal payloads as receivers see them. */
export type SignalsOf<TChannel extends Channel> = {
  readonly [TName in keyof TChannel['signals']]: Jsonify<OutputOf<TChannel['signals'][TName]>>
}

/** Signal payloads as senders give them. */
export type SignalInputsOf<TChannel extends Channel> = {
  readonly [TName in keyof TChannel['signals']]: InputOf<TChannel['signals'][TName]>
}

/** The presence value as other members see it. */
export type PresenceOf<TChannel extends Channel> = TChannel['presence'] extends AnySchema
  ? Jsonify<OutputOf<TChannel['presence']>>
  : never

/** The presence value as a member sets it. */
export type PresenceInputOf<TChannel extends Channel> = TChannel['presence'] extends AnySchema
  ? InputOf<TChannel['presence']>
  : never

/** The snapshot as clients see it. */
export type SnapshotOf<TChannel extends Channel> = TChannel['snapshot'] extends AnySchema
  ? Jsonify<OutputOf<TChannel['snapshot']>>
  : never

/** What a command takes, as the client gives it. */
export type CommandInputOf<TCommand extends CommandSchema> = InputOf<TCommand['input']>

/** What a command answers, as the client sees it. */
export type CommandOutputOf<TCommand extends CommandSchema> = Jsonify<OutputOf<TCommand['output']>>

/**
 * Describes a channel.
 *
 * @param path segments separated by `/`; a segment that starts with `:` is a parameter, as in Hono
 * @throws TriwireError `bad_channel` for a malformed path, name, schema or history
 */
export function channel<
  const TPath extends string,
  TEvents extends SchemaMap = Record<never, never>,
  TSignals extends SchemaMap = Record<never, never>,
  TPresence extends AnySchema | undefined = undefined,
  TCommands extends CommandMap = Record<never, never>,
  TSnapshot extends AnySchema | undefined = undefined,
  const TPublish extends keyof TEvents & string = never,
  TPublic extends boolean = false,
>(
  path: TPath,
  options: ChannelOptions<TEvents, TSignals, TPresence, TCommands, TSnapshot, TPublish, TPublic>,
): Channel<TPath, TEvents, TSignals, TPresence, TCommands, TSnapshot, TPublish, TPublic> {
  const { events = {}, publish = [], signals = {}, presence, commands = {}, snapshot, history = {} } = options
  const isPublic: boolean = options.public ?? false
  checkPath(path)
  const misuse = (what: string): TriwireError => new TriwireError('bad_channel', `Channel "${path}": ${what}`)
  for (const [kind, schemas] of [
    ['event', events],
    ['signal', signals],
  ] as const) {
    for (const [name, schema] of Object.entries(schemas)) {
      if (!NAME.test(name))
        throw misuse(
          `"${name}" cannot name ${kind === 'event' ? 'an event' : 'a signal'}. Use a letter, then letters, digits, "_", "." or "-".`,
        )
      if (!isSchema(schema))
        throw misuse(
          `the schema of ${kind} "${name}" is no Standard Schema. Pass one of zod, valibot, arktype or the like.`,
        )
    }
  }
  for (const name of Object.keys(signals)) {
    if (Object.hasOwn(events, name))
      throw misuse(`"${name}" is both an event and a signal. Handlers are called by name, so rename one.`)
  }
  for (const [name, command] of Object.entries(commands as CommandMap)) {
    if (!NAME.test(name))
      throw misuse(`"${name}" cannot name a command. Use a letter, then letters, digits, "_", "." or "-".`)
    if (!isSchema(command.input) || !isSchema(command.output))
      throw misuse(`command "${name}" needs an input and an output schema.`)
  }
  for (const [name, schema] of [
    ['presence', presence],
    ['snapshot', snapshot],
  ] as const) {
    if (schema !== undefined && !isSchema(schema)) throw misuse(`the schema of ${name} is no Standard Schema.`)
  }
  for (const name of publish) {
    if (!Object.hasOwn(events, name)) throw misuse(`publish names "${name}", which is not among its events.`)
  }
  const { keep = 100, ttl = '300s' } = history
  if (!Number.isInteger(keep) || keep < 1 || keep > 100_000)
    throw misuse('history.keep is a whole number from 1 to 100,000.')
  if (typeof isPublic !== 'boolean') throw misuse('public is true or false.')
  return {
    path,
    events: events as TEvents,
    publish,
    signals: signals as TSignals,
    presence: presence as TPresence,
    commands: commands as TCommands,
    snapshot: snapshot as TSnapshot,
    history: { keep, ttlMs: parseDuration(ttl), bytes: 1024 * 1024 },
    public: isPublic as TPublic,
  }
}

/**
 * Milliseconds of a duration.
 * @throws TriwireError `bad_channel`
 */
export function parseDuration(duration: Duration): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)$/.exec(duration)
  const ms = Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ''] ?? Number.NaN)
  if (!(ms >= 1 && Number.isFinite(ms)))
    throw new TriwireError(
      'bad_channel',
      `"${String(duration)}" is no duration. Write a number and ms, s, m, h or d, as in "24h".`,
    )
  return ms
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The parameter names of a path, in path order. */
export function paramNames(path: string): string[] {
  return path.split('/').flatMap((segment) => (segment.startsWith(':') ? [segment.slice(1)] : []))
}

/** Fills a path with parameters: `chat/:roomId` and `{ roomId: 'a/b' }` give `chat/a%2Fb`. */
export function formatPath(path: string, params: Readonly<Record<string, string | number>>): string {
  return path
    .split('/')
    .map((segment) => (segment.startsWith(':') ? encodeValue(segment.slice(1), params[segment.slice(1)]) : segment))
    .join('/')
}

/** Reads parameters out of a filled path; undefined where it does not match. The strict encoding of addresses applies. */
export function matchPath(path: string, filled: string): Record<string, string> | undefined {
  const pattern = path.split('/')
  const segments = filled.split('/')
  if (pattern.length !== segments.length) return undefined
  const params: Record<string, string> = Object.create(null) as Record<string, string>
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index] as string
    if (!expected.startsWith(':')) {
      if (segment !== expected) return undefined
    } else if (segment === '') return undefined
    else params[expected.slice(1)] = decodeValue(segment)
  }
  return formatPath(path, params) === filled ? params : undefined
}

/** Whether one filled path could match both: then `chat/:id` and `chat/lobby` would be two channels of one name. */
export function pathsOverlap(left: string, right: string): boolean {
  const a = left.split('/')
  const b = right.split('/')
  return (
    a.length === b.length &&
    a.every(
      (segment, index) => segment === b[index] || segment.startsWith(':') || (b[index] as string).startsWith(':'),
    )
  )
}

function checkPath(path: string): void {
  const names = paramNames(path)
  const wellFormed = path
    .split('/')
    .every((segment) => /^(?:[A-Za-z0-9_~-][A-Za-z0-9_~.-]*|:[A-Za-z][A-Za-z0-9_]{0,63})$/.test(segment))
  if (!wellFormed || new Set(names).size !== names.length) {
    throw new TriwireError(
      'bad_channel',
      `"${path}" is no channel path. Write segments like "chat/:roomId", each parameter once.`,
    )
  }
}
