/**
 * The smallest server that keeps the protocol's promises, for property tests of the session: one process, logs in
 * arrays, lines as objects. It acts on whatever lines reach it, so cuts and losses are up to the test.
 */
import {
  DEFAULT_WIRE_LIMITS,
  type DownstreamLine,
  decodeUpstream,
  formatCursor,
  type JoinLine,
  type PublishLine,
  parseCursor,
} from '../src/index.ts'

/** One wire: what is on its way up and down, and the channels it has joined. */
export class ModelWire {
  up: string[] = []
  down: DownstreamLine[] = []
  readonly joins = new Map<string, number>()
}

export interface LogEntry {
  readonly offset: number
  readonly data: unknown
  readonly cause: string | undefined
}

export interface ModelChannel {
  epoch: string
  head: number
  /** Events up to here are gone. */
  trimmedTo: number
  log: LogEntry[]
  /** The last number accepted from the session. */
  last: number
  /** Numbers in the order they were logged, over all epochs. */
  readonly logged: number[]
}

export class ModelServer {
  readonly channels = new Map<string, ModelChannel>()
  readonly wires = new Set<ModelWire>()
  /** How often each command took effect. */
  readonly effects = new Map<string, number>()
  /** Publishes that are still to be answered with `rate_limited`. */
  throttled = 0
  #epochs = 0

  channel(name: string): ModelChannel {
    let channel = this.channels.get(name)
    if (channel === undefined) {
      channel = { epoch: `e${this.#epochs++}`, head: 0, trimmedTo: 0, log: [], last: 0, logged: [] }
      this.channels.set(name, channel)
    }
    return channel
  }

  open(): ModelWire {
    const wire = new ModelWire()
    this.wires.add(wire)
    wire.down.push({ t: 'welcome', v: 1, m: 'me', hb: 25_000, max: DEFAULT_WIRE_LIMITS })
    return wire
  }

  /** Handles the first `count` lines that are on their way up. */
  serve(wire: ModelWire, count: number): void {
    for (const text of wire.up.splice(0, count)) {
      const line = decodeUpstream(text)
      if (line.t === 'join') this.#join(wire, line)
      else if (line.t === 'leave') wire.joins.delete(line.ch)
      else if (line.t === 'pub') wire.down.push(this.#publish(line))
      else if (line.t === 'cmd') {
        if (!this.effects.has(line.id)) this.effects.set(line.id, 1)
        wire.down.push({ t: 'res', id: line.id, d: line.d })
      }
    }
  }

  append(name: string, data: unknown, cause?: string): void {
    const channel = this.channel(name)
    const entry = { offset: ++channel.head, data, cause }
    channel.log.push(entry)
    for (const wire of this.wires) if (wire.joins.has(name)) this.#push(wire, name, entry)
  }

  trim(name: string): void {
    const channel = this.channel(name)
    channel.trimmedTo = channel.head
    channel.log = []
  }

  /** The log is lost and starts again; readers are told in mid-stay. Who published what is remembered. */
  restart(name: string): void {
    const channel = this.channel(name)
    const from = this.#at(channel, channel.head)
    Object.assign(channel, { epoch: `e${this.#epochs++}`, head: 0, trimmedTo: 0, log: [] })
    for (const wire of this.wires) {
      const j = wire.joins.get(name)
      if (j === undefined) continue
      wire.down.push({ t: 'gap', ch: name, from, to: null, reason: 'new_epoch' })
      wire.down.push({ t: 'joined', ch: name, j, at: this.#at(channel, 0), head: 0, how: 'fresh' })
    }
  }

  #join(wire: ModelWire, { ch, j, after, tail = 0, fresh }: JoinLine): void {
    const channel = this.channel(ch)
    const start = Math.max(channel.trimmedTo, channel.head - tail)
    const { epoch, offset } = parseCursor(after ?? this.#at(channel, start))
    const resumes = epoch === channel.epoch && offset >= channel.trimmedTo && offset <= channel.head
    if (after !== undefined && !resumes) {
      const reason = epoch === channel.epoch ? 'trimmed' : 'new_epoch'
      const to = reason === 'trimmed' ? this.#at(channel, channel.trimmedTo) : null
      wire.down.push({ t: 'gap', ch, from: after, to, reason })
    }
    const from = !resumes ? start : fresh ? Math.min(start, offset) : offset
    const how = after !== undefined && resumes ? 'resumed' : 'fresh'
    wire.joins.set(ch, j)
    wire.down.push({ t: 'joined', ch, j, at: this.#at(channel, from), head: channel.head, how })
    for (const entry of channel.log) if (entry.offset > from) this.#push(wire, ch, entry)
  }

  #publish({ ch, n, lo = n, d }: PublishLine): DownstreamLine {
    const channel = this.channel(ch)
    const refuse = (code: string, more: { retry?: number; want?: number }): DownstreamLine => ({
      t: 'err',
      code,
      msg: '',
      of: 'pub',
      ch,
      n,
      ...more,
    })
    if (n <= channel.last) return { t: 'ack', ch, n }
    if (d === 'forbidden') return refuse('forbidden', {})
    if (n !== channel.last + 1 && n !== lo) return refuse('sequence_gap', { want: channel.last + 1, retry: 0 })
    if (this.throttled > 0) {
      this.throttled--
      return refuse('rate_limited', { retry: 50 })
    }
    channel.last = n
    channel.logged.push(n)
    this.append(ch, d, `me#${n}`)
    return { t: 'ack', ch, n, at: this.#at(channel, channel.head) }
  }

  #push(wire: ModelWire, ch: string, { offset, data, cause }: LogEntry): void {
    const at = this.#at(this.channel(ch), offset)
    wire.down.push({ t: 'ev', ch, at, e: 'x', ...(cause === undefined ? {} : { c: cause }), d: data })
  }

  #at({ epoch }: ModelChannel, offset: number): string {
    return formatCursor({ epoch, offset, tag: offset === 0 ? '0' : `t${offset}` })
  }
}
