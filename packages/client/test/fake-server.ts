/**
 * A server that speaks lines, in memory and just large enough for a client: one log per channel, answers to joins as
 * PROTOCOL.md has them, acknowledgements once per number, commands by handler. It offers itself as a WebSocket
 * constructor and as `fetch`, so a client is driven through its public options alone.
 */
import {
  type Cursor,
  formatCursor,
  type JoinLine,
  parseCursor,
  type UpstreamLine,
  type WireLimits,
} from '@triwire/protocol'
import type { WebSocketConstructor, WebSocketLike } from '../src/wire.ts'

interface Entry {
  readonly cursor: Cursor
  readonly event: string
  readonly data: unknown
  readonly cause: string | undefined
}

interface Log {
  epoch: string
  /** The offset below which nothing is kept. */
  trimmedTo: number
  entries: Entry[]
}

/** One open wire on the server's side. */
export class FakeAttachment {
  readonly received: UpstreamLine[] = []
  readonly joined = new Set<string>()
  session = ''
  readonly #server: FakeServer
  readonly #write: (text: string) => void

  constructor(server: FakeServer, write: (text: string) => void) {
    this.#server = server
    this.#write = write
  }

  write(...lines: object[]): void {
    this.#write(lines.map((line) => JSON.stringify(line)).join('\n'))
  }

  handle(text: string): void {
    for (const one of text.split('\n')) {
      const line = JSON.parse(one) as UpstreamLine
      this.received.push(line)
      this.#server.received.push(line)
      this.#server.handleLine(this, line)
    }
  }
}

/** The server. */
export class FakeServer {
  /** Every line of every wire, in the order it came. */
  readonly received: UpstreamLine[] = []
  readonly attachments = new Set<FakeAttachment>()
  readonly sockets: FakeSocket[] = []
  /** Requests under way or done, as `POST /stream`. */
  readonly requests: { readonly path: string; readonly body: string; readonly signal: AbortSignal }[] = []
  /** What a request is answered with instead, by path. */
  readonly failures = new Map<string, () => Response>()
  readonly commands: Record<string, (input: never) => unknown> = {}
  readonly members = new Map<string, unknown>()
  presenceVersion = '1'
  /** What `welcome` announces. */
  limits: WireLimits = { line: 65_536, body: 262_144, batch: 1024, channels: 128, rate: 50, burst: 100 }
  /** The snapshot of every channel. */
  snapshot: () => unknown = () => ({ messages: [] })
  /** Whether sockets open at all; `false` is a proxy that refuses them. */
  webSocketWorks = true
  /** A proxy that takes upgrades and never answers; each is answered after all by the function that it leaves here. */
  swallowedUpgrades: (() => void)[] | undefined
  /** Whether joins and the rest get an answer. */
  answers = true
  readonly #logs = new Map<string, Log>()
  readonly #acked = new Set<string>()

  // ── What a test does ────────────────────────────────────────────────────────────────────────────────────────

  emit(ch: string, event: string, data: unknown, cause?: string): void {
    const log = this.#logOf(ch)
    const offset = this.headOf(ch) + 1
    const entry: Entry = { cursor: { epoch: log.epoch, offset, tag: `t${offset}` }, event, data, cause }
    log.entries.push(entry)
    for (const attachment of [...this.attachments])
      if (attachment.joined.has(ch)) attachment.write(eventLine(ch, entry))
  }

  /** Appends without telling anybody, as while a wire is down. */
  append(ch: string, event: string, data: unknown): void {
    const attachments = [...this.attachments]
    this.attachments.clear()
    this.emit(ch, event, data)
    for (const attachment of attachments) this.attachments.add(attachment)
  }

  /** Forgets the log up to an offset. */
  trim(ch: string, to: number): void {
    this.#logOf(ch).trimmedTo = to
  }

  broadcast(line: object): void {
    for (const attachment of this.attachments) attachment.write(line)
  }

  headOf(ch: string): number {
    return this.#logOf(ch).entries.at(-1)?.cursor.offset ?? 0
  }

  /** Lines of one type that have come. */
  linesOf<TType extends UpstreamLine['t']>(type: TType): Extract<UpstreamLine, { readonly t: TType }>[] {
    return this.received.filter((line): line is Extract<UpstreamLine, { readonly t: TType }> => line.t === type)
  }

  // ── Lines ───────────────────────────────────────────────────────────────────────────────────────────────────

  handleLine(from: FakeAttachment, line: UpstreamLine): void {
    if (!this.answers) return
    switch (line.t) {
      case 'hello':
        from.session = line.s
        from.write({ ...welcomeLine, max: this.limits })
        return
      case 'join':
        this.#join(from, line)
        return
      case 'leave':
        from.joined.delete(line.ch)
        return
      case 'pub': {
        const key = `${from.session} ${line.ch} ${line.n}`
        if (!this.#acked.has(key)) this.emit(line.ch, line.e, line.d, `me#${line.n}`)
        this.#acked.add(key)
        from.write({ t: 'ack', ch: line.ch, n: line.n })
        return
      }
      case 'cmd': {
        const handler = this.commands[line.c]
        if (handler === undefined)
          from.write({ t: 'err', code: 'unknown_command', msg: 'No such command.', of: 'cmd', id: line.id })
        else from.write({ t: 'res', id: line.id, d: handler(line.d as never) })
        return
      }
      case 'pres':
        this.presenceVersion = `n${line.n}`
        if (line.d === undefined) this.members.delete('me')
        else this.members.set('me', line.d)
        this.broadcast(
          line.d === undefined
            ? { t: 'pres', ch: line.ch, v: this.presenceVersion, op: 'leave', m: 'me' }
            : { t: 'pres', ch: line.ch, v: this.presenceVersion, op: 'update', m: 'me', d: line.d },
        )
        return
      case 'ping':
        from.write({ t: 'pong', n: line.n })
        return
      case 'sig':
        return
    }
  }

  #join(to: FakeAttachment, line: JoinLine): void {
    const { ch, j, tail = 0 } = line
    const log = this.#logOf(ch)
    const head = this.headOf(ch)
    let after = line.after === undefined ? undefined : parseCursor(line.after)
    if (after !== undefined && (after.epoch !== log.epoch || after.offset < log.trimmedTo)) {
      const reason = after.epoch === log.epoch ? 'trimmed' : 'new_epoch'
      to.write({ t: 'gap', ch, from: line.after, to: this.#cursor(ch, log.trimmedTo), reason })
      after = undefined
    }
    const isNew = after === undefined
    const tailFrom = Math.max(log.trimmedTo, head - tail)
    let from = after?.offset ?? (line.snap ? head : tailFrom)
    if (!isNew && line.fresh && !line.snap) from = Math.min(from, tailFrom)
    to.write({ t: 'joined', ch, j, at: this.#cursor(ch, from), head, how: isNew ? 'fresh' : 'resumed' })
    if (line.snap && (isNew || line.fresh))
      to.write({ t: 'snap', ch, at: this.#cursor(ch, head), d: this.snapshot() })
    for (const entry of log.entries) if (entry.cursor.offset > from) to.write(eventLine(ch, entry))
    if (line.pres !== undefined && line.pres !== this.presenceVersion) {
      const members = [...this.members].map(([m, d]) => ({ m, d }))
      to.write({ t: 'pres', ch, v: this.presenceVersion, op: 'all', d: members })
    }
    to.joined.add(ch)
  }

  #cursor(ch: string, offset: number): string {
    return formatCursor({ epoch: this.#logOf(ch).epoch, offset, tag: offset === 0 ? '0' : `t${offset}` })
  }

  #logOf(ch: string): Log {
    let log = this.#logs.get(ch)
    if (log === undefined) {
      log = { epoch: 'e1', trimmedTo: 0, entries: [] }
      this.#logs.set(ch, log)
    }
    return log
  }

  // ── As a WebSocket and as `fetch` ───────────────────────────────────────────────────────────────────────────

  readonly webSocket: WebSocketConstructor = ((server: FakeServer) =>
    class extends FakeSocket {
      constructor(url: string, protocols: string | string[]) {
        super(server, url, protocols)
      }
    })(this)

  readonly fetch: typeof fetch = async (input, init) => {
    const path = new URL(String(input)).pathname.replace(/^\/rt/, '')
    const body = String(init?.body)
    const signal = init?.signal as AbortSignal
    this.requests.push({ path, body, signal })
    if (signal.aborted) throw signal.reason
    const failure = this.failures.get(path)
    if (failure !== undefined) return failure()
    if (path === '/stream') return this.#stream(body, signal)
    return await this.#once(path, body, signal)
  }

  #stream(body: string, signal: AbortSignal): Response {
    const encoder = new TextEncoder()
    let attachment: FakeAttachment
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        attachment = new FakeAttachment(this, (text) => {
          for (const line of text.split('\n')) controller.enqueue(encoder.encode(`data: ${line}\n\n`))
        })
        this.attachments.add(attachment)
        signal.addEventListener('abort', () => {
          this.attachments.delete(attachment)
          controller.error(signal.reason)
        })
        attachment.handle(body)
      },
    })
    return new Response(stream)
  }

  async #once(path: string, body: string, signal: AbortSignal): Promise<Response> {
    const lines: string[] = []
    let wake: () => void = () => {}
    const attachment = new FakeAttachment(this, (text) => {
      lines.push(text)
      wake()
    })
    attachment.handle(body)
    if (!this.answers)
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    if (signal.aborted) throw signal.reason
    const waits = (attachment.received[0] as { readonly wait?: number }).wait ?? 0
    const quiet = (): boolean => lines.every((line) => /^\{"t":"welcome"|"how":"resumed"\}$/.test(line))
    if (path === '/poll' && waits > 0 && quiet()) {
      this.attachments.add(attachment)
      await new Promise<void>((resolve, reject) => {
        wake = resolve
        signal.addEventListener('abort', () => reject(signal.reason))
      }).finally(() => this.attachments.delete(attachment))
    }
    return new Response(lines.join('\n'))
  }
}

/** A WebSocket whose other end is a fake server. */
export class FakeSocket implements WebSocketLike {
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  onerror: ((event: never) => void) | null = null
  readonly url: string
  readonly protocols: string | string[]
  /** Text frames the client has sent. */
  readonly frames: string[] = []
  /** The code the client closed with. */
  closedWith: number | undefined
  readonly attachment: FakeAttachment
  readonly #server: FakeServer

  constructor(server: FakeServer, url: string, protocols: string | string[]) {
    this.#server = server
    this.url = url
    this.protocols = protocols
    this.attachment = new FakeAttachment(server, (text) => this.onmessage?.({ data: text }))
    server.sockets.push(this)
    queueMicrotask(() => {
      if (!server.webSocketWorks) return this.break(1006)
      const open = (): void => {
        server.attachments.add(this.attachment)
        this.onopen?.(undefined as never)
      }
      if (server.swallowedUpgrades) server.swallowedUpgrades.push(open)
      else open()
    })
  }

  send(data: string): void {
    this.frames.push(data)
    this.attachment.handle(data)
  }

  close(code?: number): void {
    this.closedWith = code
    this.#server.attachments.delete(this.attachment)
  }

  /** The connection ends from the other side. */
  break(code = 1006, reason = ''): void {
    this.#server.attachments.delete(this.attachment)
    this.onclose?.({ code, reason })
  }
}

/** What every answer begins with. */
const welcomeLine = {
  t: 'welcome',
  v: 1,
  m: 'me',
  hb: 25_000,
}

function eventLine(ch: string, { cursor, event, data, cause }: Entry): object {
  return { t: 'ev', ch, at: formatCursor(cursor), e: event, c: cause, d: data }
}
