/**
 * `cloudflare()`: a server on Cloudflare. A Worker takes every request and hands it to a Durable Object, because only objects can
 * hold connections; the object is the whole server, asleep while nothing happens.
 */
/// <reference path="./cloudflare-workers.d.ts" />
import { DurableObject, env } from 'cloudflare:workers'
import { type Engine, type HomeEngine, parseAddress, type Servable, TriwireError } from '@triwire/server'
import { type MountOptions, mount } from '../mount.ts'
import { type CallOutcome, HubObject } from './hub-object.ts'
import type { ObjectNamespace, ObjectSocket, ObjectState, ObjectStub } from './platform.ts'
import { type Objects, RemoteBroker } from './remote-broker.ts'

/** Which object has what. Requests and channels of the same name are together; a connection reaches the channels of one. */
export interface Shards {
  /** The object a client is connected to: by its path, host or a header, which is all that is known of it before `hello`. */
  readonly ofRequest: (request: Request) => string
  /** The object that has a channel, for server code that emits. */
  readonly ofChannel: (channel: {
    readonly key: string
    readonly params: Readonly<Record<string, string>>
  }) => string
}

/** What `cloudflare()` takes. */
export interface CloudflareOptions extends MountOptions {
  /** The name of the Durable Object's binding. Default `REALTIME`. */
  readonly binding?: string
  /** Splits users over several objects. Default one object for all: some thousand connections, about a thousand requests a second. */
  readonly shards?: Shards
}

/** What a Worker exports. */
export interface CloudflareExports {
  /** Answers a request: 404 beyond `base`, or what `otherwise` says. */
  readonly fetch: (request: Request) => Promise<Response>
  /** The Durable Object's class: export it under the name that `wrangler.jsonc` gives. */
  readonly RealtimeHub: RealtimeHubClass
}

/** The class, for the platform to make objects of. */
export type RealtimeHubClass = new (state: never, env: never) => { fetch(request: Request): Promise<Response> }

/** The name of the object where nothing is split, and of the one that knows the others where it is. */
const ONLY = 'default'
const DIRECTORY = '_shards'

/**
 * Puts a server on Cloudflare. Call it once, at the top of the Worker, before anything is emitted.
 * @throws TriwireError `bad_base`; `bad_broker` where the server was given a broker: on Cloudflare its objects are that
 */
export function cloudflare(realtime: Servable, options: CloudflareOptions = {}): CloudflareExports {
  const { engine } = realtime
  if (engine.hasBroker) {
    throw new TriwireError(
      'bad_broker',
      'On Cloudflare channels live in Durable Objects. Leave out `broker`, or use fetchHandler of @triwire/edge/fetch.',
    )
  }
  const objects = new NamedObjects(options)
  engine.configure({ broker: new RemoteBroker(objects) })
  objectsOf.set(engine, objects)
  return {
    fetch: mount(options, (path, request) => objects.forward(request, path)),
    RealtimeHub: hubClass(engine),
  }
}

/**
 * Answers one request of a server that `cloudflare()` was given. For adapters that find the path themselves.
 * @throws TriwireError `no_objects` where it was not given it
 */
export async function handleCloudflare(
  engine: Engine,
  request: Request,
  { path }: { readonly path: string },
): Promise<Response> {
  const objects = objectsOf.get(engine)
  if (objects === undefined) {
    const message =
      'On Cloudflare channels live in Durable Objects. Add `export const { RealtimeHub } = cloudflare(realtime)`.'
    throw new TriwireError('no_objects', message)
  }
  return await objects.forward(request, path)
}

/** The objects of each server. */
const objectsOf = new WeakMap<Engine, NamedObjects>()

function hubClass(engine: HomeEngine): RealtimeHubClass {
  return class RealtimeHub extends DurableObject {
    readonly #hub: HubObject

    constructor(state: never, env: never) {
      super(state, env)
      this.#hub = new HubObject(state as ObjectState, engine)
    }

    fetch(request: Request): Promise<Response> {
      return this.#hub.fetch(request)
    }

    webSocketMessage(socket: ObjectSocket, message: string | ArrayBuffer): Promise<void> {
      return this.#hub.handleMessage(socket, message)
    }

    webSocketClose(socket: ObjectSocket): void {
      this.#hub.handleClosed(socket)
    }

    webSocketError(socket: ObjectSocket): void {
      this.#hub.handleClosed(socket)
    }

    alarm(): Promise<void> {
      return this.#hub.handleAlarm()
    }

    callBroker(operation: string, parameters: readonly unknown[]): Promise<CallOutcome> {
      return this.#hub.callBroker(operation, parameters)
    }
  }
}

/** The objects behind a binding, by their names. */
class NamedObjects implements Objects {
  readonly #binding: string
  readonly #shards: Shards | undefined
  /** Names that the directory has, as far as this process knows. */
  readonly #registered = new Set<string>()

  constructor({ binding = 'REALTIME', shards }: CloudflareOptions) {
    this.#binding = binding
    this.#shards = shards
  }

  /** Hands a request to its object. */
  async forward(request: Request, path: string): Promise<Response> {
    const url = new URL(request.url)
    url.pathname = path
    const name = this.#shards?.ofRequest(request) ?? ONLY
    // Before anybody is connected there, so that whoever is to be let go is found.
    if (this.#shards !== undefined && !this.#registered.has(name)) await this.#register(name)
    return await this.#get(name).fetch(new Request(url, request))
  }

  ofChannel(address: string): ObjectStub {
    return this.#get(this.#shards?.ofChannel(parseAddress(address)) ?? ONLY)
  }

  async all(): Promise<readonly ObjectStub[]> {
    if (this.#shards === undefined) return [this.#get(ONLY)]
    const outcome = (await this.#get(DIRECTORY).callBroker('names', [])) as CallOutcome
    if (!outcome.ok) throw new TriwireError(outcome.code, outcome.message)
    return (outcome.result as readonly string[]).map((name) => this.#get(name))
  }

  async #register(name: string): Promise<void> {
    const outcome = (await this.#get(DIRECTORY).callBroker('register', [name])) as CallOutcome
    if (!outcome.ok) throw new TriwireError(outcome.code, outcome.message)
    if (this.#registered.size < MOST_REMEMBERED) this.#registered.add(name)
  }

  #get(name: string): ObjectStub {
    const namespace = env[this.#binding] as ObjectNamespace | undefined
    if (namespace === undefined) {
      throw new TriwireError(
        'bad_binding',
        `There is no binding "${this.#binding}". Add it under durable_objects in wrangler.jsonc.`,
      )
    }
    return namespace.get(namespace.idFromName(name))
  }
}

/** Names remembered by one process of a Worker; beyond it the directory is asked each time. */
const MOST_REMEMBERED = 10_000
