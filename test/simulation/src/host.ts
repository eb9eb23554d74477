/**
 * The host as the product sees it: every source of time, chance and asynchrony that is not a promise. The product is
 * loaded once, as a function of these names, and the stage behind them is exchanged for every schedule. Nothing of the
 * real process is patched, so the simulator itself keeps its own clock.
 */
import { createHash } from 'node:crypto'
import { Clock, createActor, type Random } from '@triwire/test/parts'

/** What the host shows at the moment. */
export interface Stage {
  clock: Clock
  random: Random
}

/** Names that the product would find globally. */
export type Host = Readonly<Record<string, unknown>>

/** An empty stage, for the time between loading and the first schedule. */
export function createStage(random: Random): Stage {
  const clock = new Clock(
    () => {},
    (error) => {
      throw error
    },
  )
  clock.current = createActor('loader')
  return { clock, random }
}

/** Makes the host around a stage. */
export function createHost(stage: Stage): Host {
  const now = (): number => Math.floor(stage.clock.now)
  const setTimer = (callback: (...values: unknown[]) => void, delayMs = 0, ...values: unknown[]) =>
    stage.clock.setTimer(delayMs, () => callback(...values))
  const clearTimer = (timer: unknown): void => {
    if (timer !== undefined && timer !== null) stage.clock.clearTimer(timer as ReturnType<Clock['setTimer']>)
  }
  const digests = new Map<string, ArrayBuffer>()
  const digest = async (_name: string, data: Uint8Array): Promise<ArrayBuffer> => {
    const key = Buffer.from(data).toString('latin1')
    let known = digests.get(key)
    if (known === undefined) {
      if (digests.size > 1000) digests.clear()
      known = new Uint8Array(createHash('sha256').update(data).digest()).buffer
      digests.set(key, known)
    }
    return known
  }
  const getRandomValues = (bytes: Uint8Array): Uint8Array => {
    for (let index = 0; index < bytes.length; index++) bytes[index] = Math.floor(stage.random.next() * 256)
    return bytes
  }
  class VirtualDate extends Date {
    constructor(...values: []) {
      if (values.length === 0) super(now())
      else super(...values)
    }
    static override now = now
  }
  const math = Object.create(Math) as Math
  math.random = () => stage.random.next()
  const known = {
    Date: VirtualDate,
    Math: math,
    performance: { now },
    setTimeout: setTimer,
    clearTimeout: clearTimer,
    setInterval: forbidden('setInterval'),
    clearInterval: forbidden('clearInterval'),
    setImmediate: (callback: () => void) => stage.clock.after(0, stage.clock.current, callback),
    crypto: { subtle: { digest }, getRandomValues, randomUUID: forbidden('randomUUID') },
    fetch: forbidden('fetch'),
    WebSocket: undefined,
    EventSource: undefined,
    BroadcastChannel: undefined,
    MessageChannel: undefined,
    navigator: undefined,
    localStorage: undefined,
    document: undefined,
    window: undefined,
    location: undefined,
    requestAnimationFrame: undefined,
  }
  // What is not named above (URL, TextEncoder, AbortController …) is pure, or as deterministic as its caller.
  const globalThat = Object.create(globalThis) as Record<string, unknown>
  Object.defineProperties(
    globalThat,
    Object.fromEntries(
      Object.entries(known).map(([name, value]) => [name, { value, writable: true, configurable: true }]),
    ),
  )
  return { ...known, globalThis: globalThat, self: globalThat }
}

function forbidden(name: string): () => never {
  return () => {
    throw new Error(`The product has called ${name}, which the simulation does not have. Model it in host.ts.`)
  }
}
