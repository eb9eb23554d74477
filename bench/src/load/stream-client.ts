// Server-sent events by hand: one request, and marks counted in whatever follows. Neither chunks nor events are parsed, so
// the load costs the same however the server cuts them.

import type { Socket } from 'node:net'
import { type Client, type ClientOptions, openSocket } from './client.ts'
import type { SendWords } from './send-client.ts'
import type { Tally } from './tally.ts'

/** What a peer's clients say to be let in. */
export interface StreamWords {
  request(channels: readonly number[], index: number): string
  /** Whether a beginning of the response says that all channels are followed. */
  ready(text: string, channels: readonly number[], index: number): boolean
  /** How they publish, which their streams cannot. */
  readonly send?: SendWords
}

/** The connection. */
export class StreamClient implements Client {
  delivered = 0
  readonly #words: StreamWords
  readonly #options: ClientOptions
  readonly #tally: Tally
  readonly #socket: Socket
  /** The beginning of the response; undefined once it has said enough. */
  #beginning: string | undefined = ''

  constructor(words: StreamWords, options: ClientOptions, tally: Tally) {
    this.#words = words
    this.#options = options
    this.#tally = tally
    this.#socket = openSocket(options, (bytes, length) => this.#read(bytes, length))
    this.#socket.write(words.request(options.channels, options.index))
  }

  close(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  #read(bytes: Buffer, length: number): void {
    const count = this.#tally.count(bytes, 0, length, this.#options.sampled)
    if (count > 0) {
      this.delivered += count
      this.#tally.add(count)
    }
    if (this.#beginning === undefined) return
    this.#beginning += bytes.toString('latin1', 0, length)
    if (this.#beginning.length > 12 && !this.#beginning.startsWith('HTTP/1.1 200')) {
      this.#options.onBroken(new Error(`The stream was answered with: ${this.#beginning.slice(0, 300)}`))
    } else if (this.#words.ready(this.#beginning, this.#options.channels, this.#options.index)) {
      this.#beginning = undefined
      this.#options.onReady()
    }
  }
}
