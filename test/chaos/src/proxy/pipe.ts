// One direction of one connection: bytes wait their delay, leave in the pieces and at the pace they are given, in
// order, and the source is not read faster than that. So a reader that stalls behind the proxy stalls the server.

import type { Socket } from 'node:net'

/** How bytes travel. */
export interface Pace {
  readonly delayMs: number
  readonly slice: boolean
  /** Infinity for no bound. */
  readonly bytesPerSecond: number
}

/** Bytes that may wait in a pipe before its source is paused. */
const HIGH_WATER = 64 * 1024
/** Milliseconds between two pieces of a throttled pipe. */
const TICK_MS = 10
/** Pieces of a sliced pipe between two pauses; the others follow in the next turn of the event loop. */
const SLICES_PER_PAUSE = 8

/** The pipe. */
export class Pipe {
  readonly #source: Socket
  readonly #target: Socket
  readonly #pace: Pace
  #queue: { bytes: Buffer; readonly at: number }[] = []
  #queuedBytes = 0
  #slices = 0
  /** A timer, a turn or a drain calls `#next`. */
  #busy = false
  #blocked = false
  #dead = false
  #end: (() => void) | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(source: Socket, target: Socket, pace: Pace) {
    this.#source = source
    this.#target = target
    this.#pace = pace
    target.on('drain', () => {
      if (!this.#blocked) return
      this.#blocked = false
      this.#next()
    })
  }

  /** @param notBefore when the bytes can have left at the earliest: before, there was no connection */
  push(bytes: Buffer, notBefore = 0): void {
    if (this.#dead || bytes.length === 0) return
    this.#queue.push({ bytes, at: Math.max(performance.now(), notBefore) + this.#pace.delayMs })
    this.#queuedBytes += bytes.length
    if (this.#queuedBytes > HIGH_WATER) this.#source.pause()
    if (!this.#busy) this.#next()
  }

  /** Calls back when everything before it has left, and its own delay is over. */
  end(callback: () => void): void {
    if (this.#dead) return
    this.#end = callback
    if (!this.#busy) this.#next()
  }

  /** Forgets what waits; nothing leaves any more. */
  stop(): void {
    this.#dead = true
    this.#queue = []
    clearTimeout(this.#timer)
  }

  #next(): void {
    this.#busy = false
    if (this.#dead) return
    if (this.#target.writableNeedDrain) {
      this.#busy = true
      this.#blocked = true
      return
    }
    const first = this.#queue[0]
    if (first === undefined) {
      const end = this.#end
      if (end !== undefined) this.#wait(this.#pace.delayMs, end)
      return
    }
    const early = first.at - performance.now()
    // Timers are whole milliseconds; what is due within one would otherwise always be late by one.
    if (early > 0.5) this.#wait(early)
    else this.#leave(first)
  }

  #leave(first: { bytes: Buffer }): void {
    const { slice, bytesPerSecond } = this.#pace
    const most = slice
      ? 1 + Math.floor(Math.random() * 7)
      : bytesPerSecond === Number.POSITIVE_INFINITY
        ? first.bytes.length
        : Math.max(1, Math.floor((bytesPerSecond * TICK_MS) / 1000))
    const piece = first.bytes.subarray(0, most)
    first.bytes = first.bytes.subarray(piece.length)
    if (first.bytes.length === 0) this.#queue.shift()
    this.#queuedBytes -= piece.length
    this.#target.write(piece)
    if (this.#queuedBytes <= HIGH_WATER && this.#source.isPaused()) this.#source.resume()
    if (slice) {
      if (++this.#slices % SLICES_PER_PAUSE === 0) this.#wait(1)
      else {
        this.#busy = true
        setImmediate(() => this.#next())
      }
    } else if (bytesPerSecond < Number.POSITIVE_INFINITY) this.#wait(TICK_MS)
    else this.#next()
  }

  #wait(ms: number, then: () => void = () => this.#next()): void {
    this.#busy = true
    this.#timer = setTimeout(then, ms)
  }
}
