/** A hub with fake hosts around it: sinks that a test can stall, requests that a test writes by hand. */
import { TriwireError } from '@triwire/protocol'
import { expect } from 'vitest'
import type { Broker } from '../src/broker.ts'
import type { Chunk } from '../src/chunk.ts'
import type { FrozenSocket } from '../src/frozen.ts'
import { Gate } from '../src/gate.ts'
import { fieldsOf, type HeaderFields } from '../src/header-fields.ts'
import { handleExchange } from '../src/http.ts'
import { Hub } from '../src/hub.ts'
import type { AuthRequest } from '../src/identity.ts'
import type { ErasedImplementation } from '../src/implementation.ts'
import { type Limits, resolveLimits } from '../src/limits.ts'
import { memory } from '../src/memory-broker.ts'
import type { Exchange, Sink, SinkListener } from '../src/sink.ts'
import { Socket } from '../src/socket.ts'
import { api } from './api.ts'

/** A line as a client reads it. */
export type Line = { readonly t: string } & Readonly<Record<string, unknown>>

export interface StageOptions {
  readonly broker?: Broker
  readonly limits?: Partial<Limits>
  readonly auth?: (request: AuthRequest) => unknown
  readonly implementations?: Readonly<Record<string, ErasedImplementation>>
  readonly origins?: readonly string[]
}

/** A logger that keeps what it is told. */
export function createLog() {
  const entries: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = []
  return {
    entries,
    warn: (fields: Readonly<Record<string, unknown>>, message: string) =>
      void entries.push({ level: 'warn', message, fields }),
    error: (fields: Readonly<Record<string, unknown>>, message: string) =>
      void entries.push({ level: 'error', message, fields }),
  }
}

export class HubStage {
  readonly hub: Hub
  readonly broker: Broker
  readonly log = createLog()

  constructor(options: StageOptions = {}) {
    const limits = resolveLimits(options.limits)
    this.broker = options.broker ?? memory()
    const auth = options.auth ?? (({ token }) => (token === undefined ? null : { id: token }))
    const gate = new Gate({ auth, deadlineMs: limits.authMs, logger: this.log })
    const origins = options.origins ?? []
    const implementations = new Map(Object.entries(options.implementations ?? {}))
    this.hub = new Hub({
      contract: api,
      broker: this.broker,
      implementations,
      gate,
      limits,
      logger: this.log,
      origins,
    })
  }

  /** Connections that are counted. */
  get connections(): number {
    return this.hub.connections.size
  }

  /** Server code emits an event. */
  async emit(channel: string, event: string, data: unknown): Promise<void> {
    await this.hub.app.emit(this.hub.app.resolve(channel), event, data)
  }

  /** Server code, or a member, sends a signal. */
  signal(
    channel: string,
    signal: string,
    data: unknown,
    options: { key?: string; member?: string },
  ): Promise<void> {
    return this.hub.app.signal(this.hub.app.resolve(channel), signal, data, { key: undefined, ...options })
  }

  /** The process is gone: nothing is renewed any more, and nobody is told. */
  die(): void {
    this.hub.wheel.close()
  }

  close(): Promise<void> {
    return this.hub.close()
  }

  /** Connects a WebSocket and says hello. */
  async connect(user = 'ann', options: { session?: string; remoteAddress?: string } = {}): Promise<FakeSocket> {
    const socket = this.open(options.remoteAddress)
    socket.send(hello(user, options.session))
    await until(() => socket.lines.length > 0)
    return socket
  }

  /** Connects a WebSocket that says nothing. */
  open(remoteAddress?: string): FakeSocket {
    const sink = new FakeSink('socket')
    return new FakeSocket(sink, new Socket(this.hub, sink, { headers: {}, remoteAddress }))
  }

  /** Goes on with a WebSocket that stayed open while another process slept, from what that one left of it. */
  async revive(frozen: FrozenSocket): Promise<FakeSocket> {
    const sink = new FakeSink('socket')
    return new FakeSocket(sink, await Socket.revive(this.hub, sink, JSON.parse(JSON.stringify(frozen))))
  }

  /** Makes a request. */
  request(
    path: string,
    lines: readonly object[] | string = [],
    options: { method?: string; headers?: Record<string, string>; remoteAddress?: string } = {},
  ): FakeExchange {
    const exchange = new FakeExchange(path, lines, options)
    void handleExchange(this.hub, exchange)
    return exchange
  }
}

let sessions = 0

/** A session id nobody else has. */
export function newSession(): string {
  return `session${(sessions++).toString().padStart(15, '0')}`
}

/** A hello line. */
export function hello(user: string | undefined, session: string = newSession(), wait?: number): object {
  return { t: 'hello', v: 1, s: session, k: user, wait }
}

/** Where text goes, at the pace a test sets. */
class FakeSink implements Sink {
  readonly written: string[] = []
  /** The host cannot tell how much it has buffered. */
  blind = false
  /** While true nothing leaves the host. */
  stalled = false
  closed: { readonly code: number; readonly reason: string } | undefined
  terminated = false
  probes = 0
  /** HTTP responses have no such thing. */
  probe?: () => void
  /** Present where a test has it: whether the host reads. */
  listen?: (reads: boolean) => void
  /** The most that ever waited. */
  peakBytes = 0
  #waiting = 0

  constructor(kind: 'socket' | 'response') {
    if (kind === 'socket') this.probe = () => void this.probes++
  }

  write({ text }: Chunk): void {
    this.written.push(text)
    if (!this.stalled) return
    this.#waiting += text.length
    this.peakBytes = Math.max(this.peakBytes, this.#waiting)
  }

  buffered(): number | undefined {
    return this.blind ? undefined : this.#waiting
  }

  close(code: number, reason: string): void {
    this.closed ??= { code, reason }
  }

  terminate(): void {
    this.terminated = true
  }

  /** The host takes a part of what waited. */
  take(bytes: number): void {
    this.#waiting = Math.max(0, this.#waiting - bytes)
  }

  /** The host takes what waited. */
  drain(listener: SinkListener): void {
    this.stalled = false
    this.#waiting = 0
    listener.handleDrain()
  }

  get lines(): Line[] {
    return this.written
      .flatMap((text) => text.split('\n'))
      .map((text) => (text.startsWith('data: ') ? text.slice('data: '.length) : text))
      .filter((text) => text.startsWith('{'))
      .map((text) => JSON.parse(text) as Line)
  }
}

/** A WebSocket from its client's side. */
export class FakeSocket {
  readonly sink: FakeSink
  readonly socket: Socket

  constructor(sink: FakeSink, socket: Socket) {
    this.sink = sink
    this.socket = socket
  }

  send(...lines: (object | string)[]): void {
    void this.socket.handleText(
      lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
    )
  }

  leave(): void {
    this.socket.handleClosed()
  }

  get lines(): Line[] {
    return this.sink.lines
  }

  linesOf(t: string): Line[] {
    return this.lines.filter((line) => line.t === t)
  }

  /** Waits for so many lines of a type; returns them. */
  async take(t: string, count = 1): Promise<Line[]> {
    await until(() => this.linesOf(t).length >= count)
    return this.linesOf(t)
  }
}

/** A request and what became of it. */
export class FakeExchange implements Exchange {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly search: string
  readonly headers: HeaderFields
  readonly remoteAddress: string | undefined
  readonly sink = new FakeSink('response')
  status: number | undefined
  responseHeaders: Readonly<Record<string, string>> = {}
  body = ''
  listener: SinkListener | undefined
  readonly #text: string

  constructor(
    url: string,
    lines: readonly object[] | string,
    options: { method?: string; headers?: Record<string, string>; remoteAddress?: string },
  ) {
    const [path = '/', query] = url.split('?')
    this.path = path
    this.query = new URLSearchParams(query)
    this.search = query === undefined || query === '' ? '' : `?${query}`
    this.method = options.method ?? (/^\/(?:stream|poll|send)$/.test(path) ? 'POST' : 'GET')
    this.headers = fieldsOf(new Headers(options.headers))
    this.remoteAddress = options.remoteAddress
    this.#text = typeof lines === 'string' ? lines : lines.map((line) => JSON.stringify(line)).join('\n')
  }

  async readText(maxBytes: number): Promise<string> {
    if (this.#text.length > maxBytes) throw new TriwireError('body_too_large', 'Too large.')
    return this.#text
  }

  respond(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    this.status = status
    this.responseHeaders = headers
    this.body = body
  }

  open(status: number, headers: Readonly<Record<string, string>>, listener: SinkListener): Sink {
    this.status = status
    this.responseHeaders = headers
    this.listener = listener
    return this.sink
  }

  get code(): string | undefined {
    return this.body === '' ? undefined : (JSON.parse(this.body) as { code: string }).code
  }

  /** Waits until it has been answered; for streams, until the answer has begun. */
  async answered(): Promise<this> {
    await until(() => this.status !== undefined)
    return this
  }

  /** Waits until the response has ended. */
  async ended(): Promise<this> {
    await until(() => this.sink.closed !== undefined || this.body !== '')
    return this
  }
}

/** Waits for something that needs no time, only turns of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  // Hashing runs on other threads, so turns alone do not bound it.
  const givenUpAt = performance.now() + 4000
  while (!condition()) {
    if (performance.now() > givenUpAt) expect.fail('what was waited for did not happen')
    await turnOfTheLoop()
  }
}

/** Lets everything that is on its way arrive; no time passes. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await turnOfTheLoop()
}

// Kept from before any test replaces the timers.
const immediate = setImmediate
const turnOfTheLoop = (): Promise<void> => new Promise((resolve) => void immediate(resolve))
