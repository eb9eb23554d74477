/** Runs one case on one wire: the interpreter of its steps. */
import { randomBytes } from 'node:crypto'
import { type Code, closeCodeFor, statusFor } from '@triwire/protocol'
import type { Case, Step } from './case.ts'
import { type End, Inbox, type Line } from './inbox.ts'
import { fill, fillString, isRecord, match, type Names } from './pattern.ts'
import { type Exchange, sendRaw } from './raw-http.ts'
import {
  openPlainStream,
  openPolling,
  openStream,
  openWebSocket,
  parseBatch,
  type Wire,
  type WireName,
  type WireOptions,
} from './wire.ts'

/** The server under test. */
export interface Target {
  readonly base: string
  /** Server-side emit; without it, a session of its own publishes. */
  readonly emit?: (address: string, event: string, data: unknown) => Promise<void>
  /** Lets everybody go over a time; resolves when that has begun. */
  readonly drain?: (spreadMs: number) => Promise<void>
  /** Ends every connection at once. */
  readonly leave?: () => Promise<void>
  /** It has no WebSocket. Clients that a case opens on one beside its own wire are opened as streams. */
  readonly hasNoWebSocket?: boolean
}

/** What a run has seen, for the report: codes with how they came. */
export type Observed = readonly string[]

/** Milliseconds an expectation waits, unless its step says otherwise. */
const WITHIN_MS = 5000

/** Runs a case. @throws Error where an expectation is not met */
export async function runCase(one: Case, wire: WireName | 'http', target: Target): Promise<Observed> {
  const run = new Run(wire, target)
  try {
    for (const [index, step] of one.steps.entries()) {
      try {
        await run.take(step)
      } catch (error) {
        const text = JSON.stringify(step).slice(0, 200)
        throw new Error(`Step ${index + 1} ${text}: ${(error as Error).message}`, { cause: error })
      }
    }
  } finally {
    run.end()
  }
  return run.observed
}

interface Client {
  readonly session: string
  readonly inbox: Inbox
  wire: Wire | undefined
  wireName: WireName | undefined
  hello: (extra?: Readonly<Record<string, unknown>>) => string
  headers: Readonly<Record<string, string>>
  answersMarks: boolean
  /** The joins and presence values that the next stream or poll carries. */
  joins: Map<string, Line>
  present: Map<string, Line>
}

class Run {
  readonly observed: string[] = []
  readonly #wire: WireName | 'http'
  readonly #target: Target
  readonly #names: Names
  readonly #clients = new Map<string, Client>()
  readonly #exchanges = new Map<string, Exchange>()
  readonly #published = new Map<string, number>()

  constructor(wire: WireName | 'http', target: Target) {
    this.#wire = wire
    this.#target = target
    const { host } = new URL(target.base)
    const user = `u-${newSession().slice(0, 8)}`
    const room = `r${randomBytes(6).toString('hex')}`
    this.#names = { wire, room, user, host, token: `conformance-${user}`, origin: new URL(target.base).origin }
    this.#clientOf({})
  }

  /** Takes one step. */
  async take(step: Step): Promise<void> {
    const names = this.#names
    if (Array.isArray(step.on) && !step.on.includes(this.#wire)) return
    if ('set' in step) Object.assign(names, fill(step.set, names))
    else if ('open' in step) await this.#open(step)
    else if ('get' in step) await this.#get(step)
    else if ('send' in step) await this.#send(step)
    else if ('expect' in step) await this.#expect(step)
    else if ('never' in step) this.#never(step)
    else if ('equal' in step) {
      const [left, right] = fill(step.equal, names) as readonly unknown[]
      if (left !== right) throw new Error(`${JSON.stringify(left)} is not ${JSON.stringify(right)}.`)
    } else if ('frame' in step) this.#clientOf(step).wire?.sendBinary?.(fillString(step.frame, names))
    else if ('pause' in step) this.#clientOf({ as: step.pause }).wire?.pause?.()
    else if ('resume' in step) this.#clientOf({ as: step.resume }).wire?.resume?.()
    else if ('drop' in step) this.#drop(this.#clientOf({ as: step.drop }))
    else if ('refused' in step) await this.#refused(step)
    else if ('ended' in step) await this.#ended(step)
    else if ('http' in step) await this.#answer(this.#start(step.http), step)
    else if ('start' in step) {
      const exchange = this.#start(step.with)
      this.#exchanges.set(String(step.start), exchange)
      // The head of some answers comes with what is in them.
      if (step.begun !== false) await exchange.begun
    } else if ('finish' in step) await this.#answer(this.#exchanges.get(String(step.finish)) as Exchange, step)
    else if ('abort' in step) this.#exchanges.get(String(step.abort))?.abort()
    else if ('emit' in step) await this.#emit(step)
    else if ('drain' in step) await this.#target.drain?.((step.drain as { spreadMs: number }).spreadMs)
    else if ('leave' in step) await this.#target.leave?.()
    else throw new Error('There is no such step.')
  }

  /** Lets go of everything. */
  end(): void {
    for (const client of this.#clients.values()) this.#drop(client)
    for (const exchange of this.#exchanges.values()) exchange.abort()
  }

  #clientOf(step: { readonly as?: unknown }): Client {
    const name = typeof step.as === 'string' ? step.as : 'me'
    let client = this.#clients.get(name)
    if (client === undefined) {
      const session = newSession()
      client = {
        session,
        inbox: new Inbox(),
        wire: undefined,
        wireName: undefined,
        hello: () => '',
        headers: {},
        answersMarks: true,
        joins: new Map(),
        present: new Map(),
      }
      this.#clients.set(name, client)
      this.#names[name] = { session, hello: { t: 'hello', v: 1, s: session, k: this.#names.token } }
    }
    return client
  }

  async #open(step: Step): Promise<void> {
    const client = this.#clientOf(step)
    const names = this.#names
    const options = fill(step.open, names) as {
      readonly wire?: WireName
      readonly session?: string
      readonly token?: string | null
      readonly hello?: Line
      /** The text in place of `hello`; on WebSocket, an empty one sends nothing. */
      readonly opening?: string
      readonly headers?: Record<string, string>
      readonly lines?: readonly (Line | string)[]
      readonly answersMarks?: boolean
    }
    this.#drop(client)
    const { session = client.session, token = names.token, lines = [] } = options
    const asked = options.wire ?? (this.#wire as WireName)
    const wire = asked === 'websocket' && this.#target.hasNoWebSocket ? 'sse' : asked
    client.wireName = wire
    client.headers = options.headers ?? {}
    client.answersMarks = options.answersMarks ?? true
    client.hello = (extra = {}) =>
      options.opening ??
      JSON.stringify({
        t: 'hello',
        v: 1,
        s: session,
        ...(token === null ? {} : { k: token }),
        ...options.hello,
        ...extra,
      })
    client.joins = new Map()
    client.present = new Map()
    remember(client, lines)
    await this.#connect(client, wire, lines.map(toText))
  }

  async #connect(client: Client, wire: WireName, texts: readonly string[]): Promise<void> {
    const options = this.#wireOptions(client)
    if (wire === 'websocket') client.wire = await openWebSocket(options, texts)
    else if (wire === 'sse') client.wire = await openStream(options, texts)
    else client.wire = await openPolling(options, texts, () => nextTexts(client))
  }

  async #get(step: Step): Promise<void> {
    const client = this.#clientOf(step)
    this.#drop(client)
    const { query, headers = {} } = fill(step.get, this.#names) as {
      readonly query: string
      readonly headers?: Record<string, string>
    }
    client.wireName = 'sse'
    client.headers = { authorization: `Bearer ${String(this.#names.token)}`, ...headers }
    const known = this.#names[nameOf(step)] as Names
    client.wire = await openPlainStream(this.#wireOptions(client), query, (id) => {
      known.lastEventId = id
    })
  }

  #wireOptions(client: Client): WireOptions {
    const { inbox, headers, answersMarks, hello } = client
    return { base: this.#target.base, inbox, headers, answersMarks, hello }
  }

  async #send(step: Step): Promise<void> {
    const client = this.#clientOf(step)
    const lines = fill(step.send, this.#names) as readonly (Line | string)[]
    if (client.wire === undefined) throw new Error('This client has no wire.')
    const isChange = (line: Line | string): boolean =>
      typeof line !== 'string' && (line.t === 'join' || line.t === 'leave')
    if (client.wireName === 'websocket' || !lines.some(isChange)) {
      for (let time = 1; time <= Number(step.times ?? 1); time++) await client.wire.send(lines.map(toText))
      return
    }
    // On the HTTP wires the set of channels changes with the next request, which replaces the one before.
    const before = client.wire
    remember(client, lines)
    const fresh = new Set(lines)
    const others = nextTexts(client, (line) => fresh.has(line))
    await this.#connect(client, client.wireName as WireName, [...others, ...lines.filter(isJoin).map(toText)])
    before.drop()
    const rest = lines.filter((line) => !isChange(line))
    if (rest.length > 0) await client.wire.send(rest.map(toText))
  }

  async #expect(step: Step): Promise<void> {
    const { inbox } = this.#clientOf(step)
    const { expect, anyOrder = false, strict = false, within = WITHIN_MS, repeat } = step
    const patterns = Array.isArray(expect) ? expect : [expect]
    const makers = patterns.flatMap((pattern: unknown) => {
      // A list of many is unrolled here, because its items may not be filled before their turn.
      const isMany = isRecord(pattern) && '$each' in pattern
      if (!isMany) return [(names: Names) => fill(pattern, names)]
      return (fill([pattern], this.#names) as unknown[]).map((filled) => () => filled)
    })
    const take = (withinMs: number): Promise<Line[]> =>
      inbox.take(makers, this.#names, { anyOrder: anyOrder === true, strict: strict === true, withinMs })
    const lines = isRecord(repeat)
      ? await this.#repeatUntil(repeat, take, Number(within))
      : await take(Number(within))
    for (const { t, code } of lines) if (t === 'err' || t === 'end') this.#observe(`${t} ${String(code)}`)
    if (step.continues === true) this.#observe('session goes on')
  }

  /** Signals may be lost on purpose, so they are sent again until one arrives. */
  async #repeatUntil(
    repeat: Record<string, unknown>,
    take: (withinMs: number) => Promise<Line[]>,
    withinMs: number,
  ): Promise<Line[]> {
    const deadline = Date.now() + withinMs
    for (;;) {
      await this.#send(repeat)
      try {
        return await take(250)
      } catch (error) {
        if (Date.now() > deadline) throw error
      }
    }
  }

  #never(step: Step): void {
    const found = this.#clientOf(step).inbox.search(fill(step.never, this.#names))
    if (found !== undefined) throw new Error(`There is ${JSON.stringify(found)}.`)
  }

  #drop(client: Client): void {
    client.wire?.drop()
    client.wire = undefined
  }

  /** The wire, or what was sent over it, has been refused with a code, in the way of the wire. */
  async #refused(step: Step): Promise<void> {
    const { inbox, wireName } = this.#clientOf(step)
    const { refused, atUpgrade = false, silent = false } = step
    const code = String(fill(refused, this.#names)) as Code
    const end = await inbox.takeEnd(Number(step.within ?? WITHIN_MS))
    const isSocket = wireName === 'websocket' && atUpgrade !== true
    const expected: End = isSocket ? { close: closeCodeFor(code) } : { status: statusFor(code) }
    if (match(expected, end) === undefined) {
      throw new Error(`Expected ${JSON.stringify(expected)}, got ${JSON.stringify(end)}.`)
    }
    const hasLine = silent !== true && !(wireName === 'websocket' && atUpgrade === true)
    if (hasLine) await inbox.take([() => ({ t: 'err', code })], this.#names, TAKE_ONE)
    this.#observe(`${isSocket ? `close ${String(end.close)}` : String(end.status)} ${code}`)
  }

  /**
   * The server has ended the wire with a `bye` and, on WebSocket, the code's close code. A client that polls may have been
   * between two polls just then; the next one is refused with the same code. With null the wire has ended, and no more is
   * said: of a client that is not listened to, not everything may reach it.
   */
  async #ended(step: Step): Promise<void> {
    const { inbox, wireName } = this.#clientOf(step)
    const code = String(step.ended) as Code
    const end = await inbox.takeEnd(Number(step.within ?? WITHIN_MS))
    if (step.ended === null) return
    const isRefused = wireName === 'polling' && end.status !== 200
    await inbox.take([() => ({ t: isRefused ? 'err' : 'bye', code })], this.#names, TAKE_ONE)
    const expected: End =
      wireName === 'websocket' ? { close: closeCodeFor(code) } : { status: isRefused ? statusFor(code) : 200 }
    if (match(expected, end) === undefined) {
      throw new Error(`Expected ${JSON.stringify(expected)}, got ${JSON.stringify(end)}.`)
    }
  }

  #start(template: unknown): Exchange {
    const names = this.#names
    const { lines, body, base64, method = 'POST', path, headers = {}, chunkBytes } = template as Step
    const filled =
      lines !== undefined
        ? (fill(lines, names) as readonly (Line | string)[]).map(toText).join('\n')
        : body === undefined
          ? undefined
          : fillString(body, names)
    return sendRaw(this.#target.base, {
      method: String(method),
      path: fillString(path, names),
      headers: fill(headers, names) as Record<string, string>,
      body: typeof base64 === 'string' ? Buffer.from(base64, 'base64') : filled,
      chunkBytes: chunkBytes as number | undefined,
    })
  }

  async #answer(exchange: Exchange, step: Step): Promise<void> {
    const { code, status = code === undefined ? 200 : statusFor(code as Code), headers = {}, lines, says } = step
    const response = await withDeadline(exchange.response, Number(step.within ?? WITHIN_MS))
    const answered = parseBatch(response.body)
    const seen = `${response.status} ${response.body.slice(0, 300)}`
    if (response.status !== status) throw new Error(`Expected status ${String(status)}, got ${seen}.`)
    if (code !== undefined && match({ t: 'err', code, msg: { $type: 'string' } }, answered[0]) === undefined) {
      throw new Error(`Expected code ${String(code)}, got ${seen}.`)
    }
    const captures = match(fill(headers, this.#names), response.headers)
    if (captures === undefined) throw new Error(`These are not the headers: ${JSON.stringify(response.headers)}.`)
    Object.assign(this.#names, captures)
    if (typeof says === 'string' && !new RegExp(says, 'u').test(response.body)) throw new Error(`Got ${seen}.`)
    let from = 0
    for (const template of (lines as unknown[] | undefined) ?? []) {
      const pattern = fill(template, this.#names)
      const index = answered.findIndex((line, at) => at >= from && match(pattern, line) !== undefined)
      if (index === -1) throw new Error(`Expected ${JSON.stringify(pattern)} in ${seen}.`)
      Object.assign(this.#names, match(pattern, answered[index]))
      from = index + 1
    }
    if (typeof step.count === 'number') {
      const events = answered.filter((line) => line.t === 'ev')
      if (events.length !== step.count) throw new Error(`Expected ${step.count} events, got ${events.length}.`)
    }
    if (code !== undefined) this.#observe(`${response.status} ${String(code)}`)
    else if (status !== 200 && status !== 101) this.#observe(String(status))
  }

  async #emit(step: Step): Promise<void> {
    const times = Number(step.times ?? 1)
    const publishes: Line[] = []
    for (let index = 1; index <= times; index++) {
      const { ch, e, d } = fill(step.emit, { ...this.#names, i: index }) as { ch: string; e: string; d: unknown }
      if (this.#target.emit !== undefined) {
        await this.#target.emit(ch, e, d)
        continue
      }
      const n = (this.#published.get(ch) ?? 0) + 1
      this.#published.set(ch, n)
      publishes.push({ t: 'pub', ch, n, e, d })
    }
    if (publishes.length === 0) return
    this.#clientOf({ as: 'emitter' })
    const { hello } = this.#names.emitter as { hello: Line }
    const lines = [hello, ...publishes]
    const { response } = this.#start({ path: '/send', lines })
    const { status, body } = await response
    const acks = parseBatch(body).filter((line) => line.t === 'ack')
    if (status !== 200 || acks.length !== publishes.length) throw new Error(`The emitter got ${status} ${body}.`)
  }

  #observe(what: string): void {
    if (!this.observed.includes(what)) this.observed.push(what)
  }
}

const TAKE_ONE = { anyOrder: false, strict: false, withinMs: WITHIN_MS }

/** 128 random bits as 22 characters of base64url. */
function newSession(): string {
  return randomBytes(16).toString('base64url')
}

function nameOf(step: Step): string {
  return typeof step.as === 'string' ? step.as : 'me'
}

function toText(line: Line | string): string {
  return typeof line === 'string' ? line : JSON.stringify(line)
}

function isJoin(line: Line | string): boolean {
  return typeof line !== 'string' && line.t === 'join'
}

/** Takes note of what later requests of an HTTP wire must carry. */
function remember(client: Client, lines: readonly (Line | string)[]): void {
  for (const line of lines) {
    if (typeof line === 'string') continue
    const ch = String(line.ch)
    if (line.t === 'join') client.joins.set(ch, line)
    else if (line.t === 'leave') client.joins.delete(ch)
    else if (line.t === 'pres') client.present.set(ch, line)
  }
}

/** The lines of the next poll: every join with the cursor and the presence version that the inbox leads to. */
function nextTexts(client: Client, isLeftOut: (line: Line) => boolean = () => false): string[] {
  const cursors = new Map<string, unknown>()
  const versions = new Map<string, unknown>()
  const ended = new Set<string>()
  for (const { t, ch, at, v } of client.inbox.lines) {
    if (t === 'joined' || t === 'ev') cursors.set(String(ch), at)
    else if (t === 'pres') versions.set(String(ch), v)
    else if (t === 'end') ended.add(String(ch))
  }
  const joins = [...client.joins].flatMap(([ch, join]) => {
    if (ended.has(ch) || isLeftOut(join)) return []
    const { fresh: _fresh, pres, ...rest } = join
    const after = cursors.get(ch)
    return JSON.stringify({
      ...rest,
      ...(after === undefined ? {} : { after }),
      ...(pres === undefined ? {} : { pres: versions.get(ch) ?? pres }),
    })
  })
  if (joins.length === 0) return []
  return [...joins, ...[...client.present.values()].map(toText)]
}

async function withDeadline<TResult>(promise: Promise<TResult>, withinMs: number): Promise<TResult> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`There was no response within ${withinMs} ms.`)), withinMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
