/** `createRealtime`: the one object an app makes on the server, typed by its contract. */
import {
  type Channel,
  type ChannelMap,
  type Contract,
  formatAddress,
  type ParamNames,
  type ParamsOf,
  resolveAddress,
  TriwireError,
} from '@triwire/protocol'
import type { Broker } from './broker.ts'
import { type Engine, Home, type HomeEngine } from './engine.ts'
import { Gate } from './gate.ts'
import type { AuthRequest } from './identity.ts'
import type {
  ChannelImplementation,
  ErasedImplementation,
  LastEvents,
  NeedsImplementation,
  ServerChannel,
} from './implementation.ts'
import { type Limits, resolveLimits } from './limits.ts'
import { consoleLogger, type Logger } from './logger.ts'
import { type AllowedOrigins, checkAllowedOrigins } from './origin.ts'
import { WebExchange, type WebExchangeOptions } from './web-exchange.ts'

/** What a server is made of. */
export interface RealtimeOptions<TAuth extends (request: AuthRequest) => unknown> {
  /**
   * Who is it? Returns the user, or null (or undefined, or false) to refuse. Its type is that of `user` everywhere.
   * There are no anonymous users unless this returns one.
   */
  readonly auth: TAuth
  /** Names a user among all users. Default: `user.id`, else `user.sub`, else the user itself. */
  readonly principal?: (user: UserOf<TAuth>) => string
  /** Where channels live. Default `memory()`: this process, no set-up. */
  readonly broker?: Broker
  /** Origins that may connect besides the server's own, exactly as browsers write them. */
  readonly origins?: AllowedOrigins
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<Limits>
  /** Default: JSON lines on stderr. */
  readonly logger?: Logger
}

/** The user type of an `auth` function. */
export type UserOf<TAuth extends (request: AuthRequest) => unknown> = Exclude<
  Awaited<ReturnType<TAuth>>,
  null | undefined | false
>

/** Keys of channels that cannot be served without an implementation. */
export type Unimplemented<TChannels extends ChannelMap> = {
  [TKey in keyof TChannels & string]: NeedsImplementation<TChannels[TKey]> extends true ? TKey : never
}[keyof TChannels & string]

/** Channels by key, for server code. */
export type ServerChannels<TChannels extends ChannelMap> = {
  readonly [TKey in keyof TChannels]: [ParamNames<TChannels[TKey]['path']>] extends [never]
    ? () => ServerChannel<TChannels[TKey]>
    : (params: ParamsOf<TChannels[TKey]>) => ServerChannel<TChannels[TKey]>
}

/**
 * A server. `TMissing` names the channels that still need an implementation; adapters accept only a server where it
 * is empty, so a forgotten one does not compile.
 */
export interface Realtime<TChannels extends ChannelMap, TUser, TMissing extends string> {
  /** Channels for server code: `realtime.channels.chat({ roomId }).emit(…)` from any route, job or script. */
  readonly channels: ServerChannels<TChannels>
  /** For host adapters. */
  readonly engine: HomeEngine
  /** Phantom: which implementations are missing. */
  readonly missing: readonly TMissing[]
  /**
   * Implements a channel.
   * @throws TriwireError `unknown_channel`, `already_implemented`, `bad_channel` for `authorize` of a public channel
   */
  on<TKey extends keyof TChannels & string>(
    key: TKey,
    implementation: ChannelImplementation<TChannels[TKey], TUser>,
  ): Realtime<TChannels, TUser, Exclude<TMissing, TKey>>
  /**
   * Lets a user go, on every node: what was verified of their tokens is forgotten, and all of their connections end with
   * `unauthorized`. Their clients come back with a new token at once, and whether they may is for `auth` to say, so it must
   * refuse them by then. Resolves once the broker has the notice; a node that is cut off meanwhile acts on it as soon as
   * it is back. What their commands are doing goes on.
   * @param principal what `principal` makes of the user: by default its `id`
   */
  revoke(principal: string): Promise<void>
  /**
   * Leaves gently, where another server takes over: lets nobody in any more, and asks every client to attach elsewhere at
   * a moment of its own within the spread. They do that before they let go, so nobody misses anything, and the others
   * are not stormed. Resolves when all have gone, at the latest after the spread and `limits.overlapMs`. What is sent
   * meanwhile is served. Follow it with `close`, which may also cut it short. Repeating it is harmless.
   * @throws TriwireError `bad_limit` where `spreadMs` is no time
   */
  drain(options?: {
    /** Milliseconds over which clients go. Default 5,000. */
    readonly spreadMs?: number
  }): Promise<void>
  /**
   * Ends every connection at once with a goodbye, and closes the broker. Clients attach again within a second; what they
   * had not got an answer to they send again. Repeating it is harmless.
   */
  close(): Promise<void>
}

/**
 * Any contract, said so loosely that it has no say in the inference of a `contract({…})` written in its place: with
 * `Contract` here, every part that a channel leaves out would become the widest there is.
 */
interface AnyContract {
  readonly channels: object
}

type ChannelMapOf<TContract extends AnyContract> = TContract extends Contract<infer TChannels> ? TChannels : never

/**
 * Makes a server from a contract.
 * @throws TriwireError `bad_auth`, `bad_origin`, `bad_limit` where the options cannot work
 */
export function createRealtime<TContract extends AnyContract, TAuth extends (request: AuthRequest) => unknown>(
  contract: TContract,
  options: RealtimeOptions<TAuth>,
): Realtime<ChannelMapOf<TContract>, UserOf<TAuth>, Unimplemented<ChannelMapOf<TContract>>> {
  type TChannels = ChannelMapOf<TContract>
  const typed = contract as unknown as Contract<TChannels>
  const { auth, principal, broker, origins = [], logger = consoleLogger } = options
  if (typeof auth !== 'function') {
    throw new TriwireError(
      'bad_auth',
      'createRealtime needs `auth`. To let everybody in, write auth: () => ({ id: "anonymous" }).',
    )
  }
  checkAllowedOrigins(origins)
  const limits = resolveLimits(options.limits)
  const gate = new Gate({
    auth,
    principal: principal as ((user: unknown) => string) | undefined,
    deadlineMs: limits.authMs,
    logger,
  })
  const implementations = new Map<string, ErasedImplementation>()
  const definition = { contract: typed, implementations, gate, limits, logger, origins }
  const home = new Home(definition, broker)
  const realtime: Realtime<TChannels, UserOf<TAuth>, never> = {
    channels: serverChannels(home, typed),
    engine: home.engine,
    missing: [],
    on(key, implementation) {
      if (!Object.hasOwn(typed.channels, key)) {
        throw new TriwireError('unknown_channel', `.on("${key}"): the contract has no channel of that key.`)
      }
      if (implementations.has(key)) {
        const message = `.on("${key}") was called twice. Put all of a channel into one call.`
        throw new TriwireError('already_implemented', message)
      }
      const erased = implementation as ErasedImplementation
      if (typed.channels[key]?.public && erased.authorize !== undefined) {
        const message = `.on("${key}"): the channel is public, so nobody is asked who they are. Take \`authorize\` away, or \`public\`.`
        throw new TriwireError('bad_channel', message)
      }
      implementations.set(key, erased)
      return realtime
    },
    revoke: (principal) => home.hub.control.publish({ type: 'revoke', subject: principal }),
    drain({ spreadMs = 5000 } = {}) {
      if (!(spreadMs >= 0 && spreadMs < Number.POSITIVE_INFINITY))
        throw new TriwireError('bad_limit', '`spreadMs` is a number of milliseconds from 0.')
      return home.hub.drain(spreadMs)
    },
    close: () => home.hub.close(),
  }
  return realtime as Realtime<TChannels, UserOf<TAuth>, Unimplemented<TChannels>>
}

/** Answers a request on hosts that speak `Request → Response`. WebSocket upgrades are not for this function. */
export function handleRequest(engine: Engine, request: Request, options: WebExchangeOptions): Promise<Response> {
  const exchange = new WebExchange(request, options)
  void engine.handle(exchange)
  return exchange.response
}

function serverChannels<TChannels extends ChannelMap>(
  home: Home,
  contract: Contract<TChannels>,
): ServerChannels<TChannels> {
  const entries = Object.keys(contract.channels).map((key) => [
    key,
    (params?: Readonly<Record<string, string | number>>) =>
      serverChannel(home, contract, formatAddress(key, params)),
  ])
  return Object.fromEntries(entries) as ServerChannels<TChannels>
}

function serverChannel(home: Home, contract: Contract, address: string): ServerChannel<Channel> {
  const resolved = resolveAddress(contract, address)
  return {
    address,
    emit: async (event, data) => {
      await home.hub.app.emit(resolved, event, data)
    },
    signal: (signal, data, options = {}) => home.hub.app.signal(resolved, signal, data, { key: options.key }),
    reauthorize: () => home.hub.control.publish({ type: 'reauthorize', subject: address }),
    last: async (count) => (await home.hub.app.last(resolved, count)) as LastEvents<Channel>,
    members: async () => {
      const { members } = await home.hub.broker.members(address)
      return members.map(({ member, data }) => ({ id: member, value: JSON.parse(data) as never }))
    },
  }
}
