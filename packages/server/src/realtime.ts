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
import { Gate } from './gate.ts'
import { handleExchange, upgradeStatus } from './http.ts'
import { Hub } from './hub.ts'
import type { AuthRequest } from './identity.ts'
import type {
  ChannelImplementation,
  ErasedImplementation,
  NeedsImplementation,
  ServerChannel,
} from './implementation.ts'
import { type Limits, resolveLimits } from './limits.ts'
import { consoleLogger, type Logger } from './logger.ts'
import { memory } from './memory-broker.ts'
import { type AllowedOrigins, checkAllowedOrigins } from './origin.ts'
import type { Exchange, RequestHead, Sink } from './sink.ts'
import { Socket } from './socket.ts'
import { WebExchange } from './web-exchange.ts'

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

/** What a host adapter needs of a server. Apps have no use for it. */
export interface Engine {
  readonly limits: Limits
  readonly logger: Logger
  /** Answers a request that is no upgrade. Never rejects. */
  handle(exchange: Exchange): Promise<void>
  /** The status to answer a WebSocket upgrade with: 101 where it may be made, otherwise what refuses it. */
  upgradeStatus(head: RequestHead): number
  /** Takes an upgraded connection. */
  acceptSocket(sink: Sink, head: RequestHead): Socket
}

/**
 * A server. `TMissing` names the channels that still need an implementation; adapters accept only a server where it
 * is empty, so a forgotten one does not compile.
 */
export interface Realtime<TChannels extends ChannelMap, TUser, TMissing extends string> {
  /** Channels for server code: `realtime.channels.chat({ roomId }).emit(…)` from any route, job or script. */
  readonly channels: ServerChannels<TChannels>
  /** For host adapters. */
  readonly engine: Engine
  /** Phantom: which implementations are missing. */
  readonly missing: readonly TMissing[]
  /**
   * Implements a channel.
   * @throws TriwireError `unknown_channel`, `already_implemented`
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
  const { auth, principal, broker = memory(), origins = [], logger = consoleLogger } = options
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
  const hub = new Hub({ contract: typed, broker, gate, limits, logger, origins })
  const realtime: Realtime<TChannels, UserOf<TAuth>, never> = {
    channels: serverChannels(hub, typed),
    engine: {
      limits,
      logger,
      handle: (exchange) => handleExchange(hub, exchange),
      upgradeStatus: (head) => upgradeStatus(hub, head),
      acceptSocket: (sink, head) => new Socket(hub, sink, head),
    },
    missing: [],
    on(key, implementation) {
      hub.app.implement(key, implementation as ErasedImplementation)
      return realtime
    },
    revoke: (principal) => hub.control.publish({ type: 'revoke', subject: principal }),
    drain({ spreadMs = 5000 } = {}) {
      if (!(spreadMs >= 0 && spreadMs < Number.POSITIVE_INFINITY))
        throw new TriwireError('bad_limit', '`spreadMs` is a number of milliseconds from 0.')
      return hub.drain(spreadMs)
    },
    close: () => hub.close(),
  }
  return realtime as Realtime<TChannels, UserOf<TAuth>, Unimplemented<TChannels>>
}

/**
 * Answers a request on hosts that speak `Request → Response`. WebSocket upgrades are not for this function.
 * @param path below the mount path, beginning with `/`
 */
export function handleRequest(
  engine: Engine,
  request: Request,
  options: { readonly path: string; readonly remoteAddress?: string | undefined },
): Promise<Response> {
  const exchange = new WebExchange(request, options)
  void engine.handle(exchange)
  return exchange.response
}

function serverChannels<TChannels extends ChannelMap>(
  hub: Hub,
  contract: Contract<TChannels>,
): ServerChannels<TChannels> {
  const entries = Object.keys(contract.channels).map((key) => [
    key,
    (params?: Readonly<Record<string, string | number>>) =>
      serverChannel(hub, contract, formatAddress(key, params)),
  ])
  return Object.fromEntries(entries) as ServerChannels<TChannels>
}

function serverChannel(hub: Hub, contract: Contract, address: string): ServerChannel<Channel> {
  const resolved = resolveAddress(contract, address)
  return {
    address,
    emit: (event, data) => hub.app.emit(resolved, event, data),
    signal: (signal, data, options = {}) => hub.app.signal(resolved, signal, data, { key: options.key }),
    reauthorize: () => hub.control.publish({ type: 'reauthorize', subject: address }),
    members: async () => {
      const { members } = await hub.broker.members(address)
      return members.map(({ member, data }) => ({ id: member, value: JSON.parse(data) as never }))
    },
  }
}
