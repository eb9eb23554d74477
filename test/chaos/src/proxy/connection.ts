// One connection through the proxy: what the client asks decides which faults meet the answer.

import type { Socket } from 'node:net'
import type { Fault, RequestKind } from './fault.ts'
import { Pipe } from './pipe.ts'
import { RequestReader } from './request-reader.ts'

/** What a connection needs of its proxy. */
export interface ConnectionHost {
  readonly faults: readonly Fault[]
  readonly rttMs: number
  /** Counts a request; returns its number among all of the proxy. */
  readonly count: (kind: RequestKind, line: string) => number
}

/** What becomes of the bytes of the current answer. */
type Answer = 'pass' | 'hold' | 'hold-first-event' | 'head-only'

/** The connection. */
export class Connection {
  readonly #client: Socket
  readonly #server: Socket
  readonly #host: ConnectionHost
  readonly #reader = new RequestReader()
  readonly #up: Pipe
  readonly #down: Pipe
  /** When a TCP handshake over this distance would be over: before, the client can have sent nothing. */
  readonly #openAt: number
  #kind: RequestKind = 'other'
  #answer: Answer = 'pass'
  #dropAnswer = false
  #answered = false
  /** Nothing is forwarded any more, and nobody is told of the other's end. */
  #silent = false
  #held: Buffer[] = []
  #timers = new Set<ReturnType<typeof setTimeout>>()

  constructor(client: Socket, server: Socket, host: ConnectionHost, acceptedAt: number) {
    this.#client = client
    this.#server = server
    this.#host = host
    this.#openAt = acceptedAt + host.rttMs
    const slice = host.faults.some(({ kind }) => kind === 'slice')
    const throttle = host.faults.find((fault) => fault.kind === 'throttle')
    const bytesPerSecond = throttle?.bytesPerSecond ?? Number.POSITIVE_INFINITY
    const pace = { delayMs: host.rttMs / 2, slice, bytesPerSecond }
    this.#up = new Pipe(client, server, pace)
    this.#down = new Pipe(server, client, pace)
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', () => this.#handleGone(socket, true))
      socket.on('end', () => this.#handleGone(socket, false))
      socket.on('close', () => this.#handleGone(socket, false))
    }
    client.on('data', (chunk) => this.#handleUp(chunk))
    server.on('data', (chunk) => this.#handleDown(chunk))
    client.resume()
  }

  /** Resets both sides, now. */
  reset(): void {
    this.#stop()
    for (const socket of [this.#client, this.#server]) socket.resetAndDestroy()
  }

  /** From now on nothing passes, and neither side learns of it. */
  silence(): void {
    this.#silent = true
    this.#stop()
    this.#client.pause()
    this.#server.pause()
  }

  #handleUp(chunk: Buffer): void {
    if (this.#silent) return
    for (const piece of this.#reader.handleChunk(chunk)) {
      if (piece.begins !== undefined && !this.#begin(piece.begins.kind, piece.begins.line)) return
      this.#up.push(piece.bytes, this.#openAt)
    }
  }

  /** A request begins; false where it goes nowhere. */
  #begin(kind: RequestKind, line: string): boolean {
    const number = this.#host.count(kind, line)
    this.#kind = kind
    this.#answer = 'pass'
    this.#answered = false
    for (const fault of this.#host.faults) {
      if (fault.kind === 'drop-answers') this.#dropAnswer = number % fault.every === 0
      if (fault.kind === 'hold-first-event' && kind === 'stream') this.#answer = 'hold-first-event'
      if (!('of' in fault) || fault.of !== kind) continue
      if (fault.kind === 'hold-answer') this.#answer = 'hold'
      if (fault.kind === 'silence-after-head') this.#answer = 'head-only'
      if (fault.kind === 'swallow') {
        this.#silent = true
        return false
      }
      if (fault.kind === 'refuse') {
        this.#refuse(fault.status)
        return false
      }
    }
    return true
  }

  #refuse(status: number): void {
    this.#silent = true
    const text = `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`
    // The request takes a round trip like any other, only to the proxy.
    const wait = Math.max(0, this.#openAt - performance.now()) + this.#host.rttMs
    this.#after(wait, () => {
      this.#client.end(text)
      this.#server.destroy()
    })
  }

  #handleDown(chunk: Buffer): void {
    if (this.#silent) return
    if (this.#dropAnswer) {
      this.reset()
      return
    }
    if (this.#answer === 'hold') return
    if (this.#answer === 'pass') {
      this.#down.push(chunk)
      this.#handleHead()
      return
    }
    this.#held.push(chunk)
    const bytes = Buffer.concat(this.#held)
    const head = bytes.indexOf('\r\n\r\n') + 4
    if (head < 4) return
    if (this.#answer === 'head-only') {
      this.#down.push(bytes.subarray(0, head))
      this.#silent = true
      this.#held = []
      return
    }
    if (!this.#answered) this.#down.push(bytes.subarray(0, head))
    this.#handleHead()
    const rest = bytes.subarray(head)
    // Comments are no events. Seen in the raw bytes, since each write of a server is a chunk of its own.
    if ((rest.toString('latin1').match(/(?:^|\n)data:[^\n]*\n\n/g)?.length ?? 0) < 2) return
    this.#down.push(rest)
    this.#held = []
    this.#answer = 'pass'
  }

  /** The first bytes of an answer have passed. */
  #handleHead(): void {
    if (this.#answered) return
    this.#answered = true
    for (const fault of this.#host.faults)
      if (fault.kind === 'kill-after-head' && fault.of === this.#kind)
        this.#after(fault.afterMs, () => this.reset())
  }

  #handleGone(socket: Socket, broken: boolean): void {
    const other = socket === this.#client ? this.#server : this.#client
    if (this.#silent) {
      // A client that gives up is gone; that the server gave up is what a client behind silence cannot know.
      if (socket === this.#client) this.#server.destroy()
      return
    }
    const pipe = socket === this.#client ? this.#up : this.#down
    if (broken) {
      this.#stop()
      other.resetAndDestroy()
    } else if (socket === this.#client) {
      // Nobody here sends a request and half-closes: who ends has gone.
      pipe.end(() => other.destroy())
    } else pipe.end(() => other.end(() => other.destroySoon()))
  }

  #after(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      then()
    }, ms)
    this.#timers.add(timer)
  }

  #stop(): void {
    this.#up.stop()
    this.#down.stop()
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}
