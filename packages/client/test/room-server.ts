/**
 * A server of one channel whose every step is a test's decision: when a handler emits, when it replies, which line goes
 * out next. Items are kept by a store that the snapshot is read from, and that changes with each event; so what clients
 * must end up with is known. It offers itself as a WebSocket constructor.
 */
import type { JoinLine, UpstreamLine } from '@triwire/protocol'
import type { WebSocketConstructor, WebSocketLike } from '../src/wire.ts'

const ROOM = 'chat?roomId=1'
const MEMBER = 'me'

interface Entry {
  readonly offset: number
  readonly tag: string
  readonly id: string
  readonly cause: string | undefined
}

/** What a handler does, one step at a time: emit so many events and reply, or refuse. */
interface Job {
  readonly call: string
  readonly cause: string
  readonly events: number
  readonly fails: boolean
  emitted: number
  at: string | undefined
  reply: object | undefined
}

/** The server. */
export class RoomServer {
  /** What the store holds: ids of items, in order. */
  readonly items: string[] = []
  /** What the store held before it was lost. */
  readonly lost = new Set<string>()
  readonly jobs: Job[] = []
  /** Lines that wait to be delivered; replies overtake events and the other way round, as on different requests. */
  readonly waiting: Record<'events' | 'replies', object[]> = { events: [], replies: [] }
  /** Joins of the channel that were asked for, by how the client stood. */
  joins = 0
  /** How many events the next snapshots are behind their own position: what is logged while one is read. */
  snapshotLag = 0
  /** Whether sockets open. */
  reachable = true
  /** Tells who answered joins lie. */
  #socket: RoomSocket | undefined
  #epoch = 1
  #log: Entry[] = []
  #head = 0
  #appends = 0
  #trimmedTo = 0
  #trimmedTag = 't0'
  #joined = false

  get connected(): boolean {
    return this.#socket !== undefined
  }

  // ── What happens on the server ──────────────────────────────────────────────────────────────────────────────

  /** Somebody else says something. */
  emit(id: string): void {
    this.#append(id, undefined)
  }

  /** A handler goes one step further. */
  step(job: Job): void {
    if (job.reply) return
    if (job.emitted < job.events) {
      this.#append(`${job.cause}:${job.emitted++}`, job.cause)
      job.at = this.#cursor(this.#head)
      return
    }
    job.reply = job.fails
      ? { t: 'err', code: 'refused', msg: 'No.', of: 'cmd', id: job.call }
      : { t: 'res', id: job.call, at: job.at, d: { id: job.cause, at: '' } }
    if (this.connected) this.waiting.replies.push(job.reply)
  }

  /** Forgets all of the log: whoever comes back from before meets a gap. */
  trim(): void {
    this.#trimmedTag = this.#log.at(-1)?.tag ?? this.#trimmedTag
    this.#trimmedTo = this.#head
    this.#log = []
  }

  /** The log begins anew; the store stays. */
  restart(): void {
    this.cut()
    this.#epoch++
    this.#log = []
    this.#head = this.#trimmedTo = 0
  }

  /** The log loses its last two events, which were acknowledged, and the store what they brought. */
  loseTail(): void {
    this.cut()
    for (const { id } of this.#log.splice(-2)) {
      this.#head--
      this.items.splice(this.items.indexOf(id), 1)
      this.lost.add(id)
    }
  }

  /** The wire is lost, with everything on it. */
  cut(): void {
    const socket = this.#socket
    this.#forget()
    socket?.onclose?.({ code: 1006, reason: '' })
  }

  /** The oldest line of a kind arrives. */
  deliver(kind: 'events' | 'replies'): void {
    const line = this.waiting[kind].shift()
    if (line) this.#write(line)
  }

  /** Every handler finishes, and all lines arrive. */
  settle(): void {
    for (const job of this.jobs) while (!job.reply) this.step(job)
    this.deliverAll()
  }

  /** All lines arrive, those that they are answered with as well. */
  deliverAll(): void {
    for (let lines = 0; this.waiting.events.length + this.waiting.replies.length > 0; lines++) {
      if (lines > 1000) throw new Error('The client asks without end.')
      this.deliver(this.waiting.events.length > 0 ? 'events' : 'replies')
    }
  }

  #append(id: string, cause: string | undefined): void {
    const entry = { offset: ++this.#head, tag: `t${++this.#appends}`, id, cause }
    this.#log.push(entry)
    this.items.push(id)
    if (this.#joined) this.waiting.events.push(this.#eventLine(entry))
  }

  // ── Lines ───────────────────────────────────────────────────────────────────────────────────────────────────

  handle(socket: RoomSocket, text: string): void {
    this.#socket = socket
    for (const one of text.split('\n')) this.#handleLine(JSON.parse(one) as UpstreamLine)
  }

  #handleLine(line: UpstreamLine): void {
    switch (line.t) {
      case 'hello':
        this.#write({ t: 'welcome', v: 1, m: MEMBER, hb: 25_000, max: LIMITS })
        return
      case 'ping':
        this.#write({ t: 'pong', n: line.n })
        return
      case 'join':
        this.#join(line)
        return
      case 'leave':
        this.#joined = false
        return
      case 'cmd': {
        const known = this.jobs.find(({ call }) => call === line.id)
        const { events, fails = false } = line.d as { events: number; fails?: boolean }
        const cause = `${MEMBER}.${line.id}`
        if (known === undefined)
          this.jobs.push({
            call: line.id,
            cause,
            events: fails ? 0 : events,
            fails,
            emitted: 0,
            at: undefined,
            reply: undefined,
          })
        else if (known.reply) this.waiting.replies.push(known.reply)
      }
    }
  }

  /** Answered at once; the events that it brings are delivered when the test says so. */
  #join({ ch, j, after, snap, fresh }: JoinLine): void {
    this.joins++
    this.waiting.events = []
    this.#joined = true
    const [epoch = '', offset] = after?.split(':') ?? []
    const from = Number(offset ?? 0)
    const isOurs = epoch === this.#epochName
    const isLost = isOurs && (from > this.#head || (from >= this.#trimmedTo && this.#cursor(from) !== after))
    const continues = after !== undefined && isOurs && !isLost && from >= this.#trimmedTo
    if (continues || !snap) {
      const start = continues ? from : this.#head
      this.waiting.events.push({ t: 'joined', ch, j, at: this.#cursor(start), head: this.#head, how: 'resumed' })
      if (snap && fresh)
        this.waiting.events.push(this.#snapshotLine(ch, Math.max(start, this.#head - this.snapshotLag)))
      this.#replay(start)
      return
    }
    const at = Math.max(this.#trimmedTo, this.#head - this.snapshotLag)
    if (after !== undefined) {
      const reason = isLost ? 'lost_tail' : isOurs ? 'trimmed' : 'new_epoch'
      this.waiting.events.push({ t: 'gap', ch, from: after, to: this.#cursor(at), reason })
    }
    this.waiting.events.push(
      { t: 'joined', ch, j, at: this.#cursor(at), head: this.#head, how: 'fresh' },
      this.#snapshotLine(ch, at),
    )
    this.#replay(at)
  }

  #snapshotLine(ch: string, at: number): object {
    const to = at < this.#head ? { to: this.#head } : {}
    return { t: 'snap', ch, at: this.#cursor(at), ...to, d: { messages: this.items.map((id) => ({ id, at: '' })) } }
  }

  #replay(from: number): void {
    for (const entry of this.#log) if (entry.offset > from) this.waiting.events.push(this.#eventLine(entry))
  }

  #eventLine({ offset, id, cause }: Entry): object {
    return { t: 'ev', ch: ROOM, at: this.#cursor(offset), e: 'message', c: cause, d: { id, at: '' } }
  }

  get #epochName(): string {
    return `e${this.#epoch}`
  }

  #cursor(offset: number): string {
    const tag = this.#log.find((entry) => entry.offset === offset)?.tag ?? this.#trimmedTag
    return `${this.#epochName}:${offset}:${offset === 0 ? '0' : tag}`
  }

  #write(line: object): void {
    this.#socket?.onmessage?.({ data: JSON.stringify(line) })
  }

  #forget(): void {
    this.#socket = undefined
    this.#joined = false
    this.waiting.events = []
    this.waiting.replies = []
  }

  /** Called by a socket that the client has closed. */
  handleClose(socket: RoomSocket): void {
    if (this.#socket === socket) this.#forget()
  }

  readonly webSocket: WebSocketConstructor = ((server: RoomServer) =>
    class extends RoomSocket {
      constructor() {
        super(server)
      }
    })(this) as unknown as WebSocketConstructor
}

class RoomSocket implements WebSocketLike {
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  onerror: ((event: never) => void) | null = null
  readonly #server: RoomServer

  constructor(server: RoomServer) {
    this.#server = server
    queueMicrotask(() => {
      if (server.reachable) this.onopen?.(undefined as never)
      else this.onclose?.({ code: 1006, reason: '' })
    })
  }

  send(data: string): void {
    this.#server.handle(this, data)
  }

  close(): void {
    this.#server.handleClose(this)
  }
}

const LIMITS = { line: 65_536, body: 262_144, batch: 1024, channels: 128, rate: 1000, burst: 1000 }
