/**
 * Where the channels of a Worker live: in Durable Objects. Server code emits, signals, reads the end of a log and asks
 * who is present from any Worker, and the object that has the channel does it.
 */
import {
  type Append,
  type AppendOutcome,
  type Broker,
  type PresenceMember,
  type ReadRequest,
  type ReadResult,
  type SignalMessage,
  TriwireError,
} from '@triwire/server'
import type { CallOutcome } from './hub-object.ts'
import type { ObjectStub } from './platform.ts'

/** Notices about permissions; what is let go may be connected to any object. */
const CONTROL = '_control'

/** Finds objects. */
export interface Objects {
  /** The one that has a channel. */
  ofChannel(address: string): ObjectStub
  /** All that there have ever been. */
  all(): Promise<readonly ObjectStub[]>
}

/** The broker, as far as a process without connections needs one. */
export class RemoteBroker implements Broker {
  readonly acknowledges = 'durable-object'
  readonly #objects: Objects

  constructor(objects: Objects) {
    this.#objects = objects
  }

  async append(channel: string, append: Append): Promise<AppendOutcome> {
    if (channel !== CONTROL) return await call(this.#objects.ofChannel(channel), 'append', [channel, append])
    const subject = JSON.parse(append.data) as string
    const stubs = append.event === 'reauthorize' ? [this.#objects.ofChannel(subject)] : await this.#objects.all()
    const [outcome] = await Promise.all(stubs.map((stub) => call<AppendOutcome>(stub, 'append', [channel, append])))
    return outcome ?? { status: 'duplicate', cursor: undefined }
  }

  async signal(channel: string, signal: SignalMessage): Promise<void> {
    await call(this.#objects.ofChannel(channel), 'signal', [channel, signal])
  }

  async members(
    channel: string,
  ): Promise<{ readonly version: string; readonly members: readonly PresenceMember[] }> {
    return await call(this.#objects.ofChannel(channel), 'members', [channel])
  }

  async read(channel: string, request: ReadRequest): Promise<ReadResult> {
    return await call(this.#objects.ofChannel(channel), 'read', [channel, request])
  }

  async close(): Promise<void> {}

  // The rest is for whoever has connections, which no Worker does.
  readonly refuse: Broker['refuse'] = nobodyIsConnectedHere
  readonly subscribe: Broker['subscribe'] = nobodyIsConnectedHere
  readonly hold: Broker['hold'] = nobodyIsConnectedHere
  readonly release: Broker['release'] = nobodyIsConnectedHere
  readonly depart: Broker['depart'] = nobodyIsConnectedHere
  readonly claim: Broker['claim'] = nobodyIsConnectedHere
  readonly renew: Broker['renew'] = nobodyIsConnectedHere
  readonly settle: Broker['settle'] = nobodyIsConnectedHere
  readonly settled: Broker['settled'] = nobodyIsConnectedHere
}

async function nobodyIsConnectedHere(): Promise<never> {
  throw new TriwireError('unavailable', 'Connections on Cloudflare belong to Durable Objects: see cloudflare().')
}

async function call<TResult>(
  stub: ObjectStub,
  operation: string,
  parameters: readonly unknown[],
): Promise<TResult> {
  let outcome: CallOutcome
  try {
    outcome = (await stub.callBroker(operation, parameters)) as CallOutcome
  } catch (cause) {
    throw new TriwireError('unavailable', 'The object with this channel cannot be reached. Try again later.', {
      cause,
    })
  }
  if (!outcome.ok) throw new TriwireError(outcome.code, outcome.message)
  return outcome.result as TResult
}
