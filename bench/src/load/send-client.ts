// Who publishes over HTTP: one connection that is kept alive, one request after another. What comes while one is under way
// goes into the next. Servers end a connection that was quiet for a while; then there is another one, which says again what
// has no answer.

import type { Socket } from 'node:net'
import { type Client, type ClientOptions, openSocket } from './client.ts'
import { bodyOf } from './poll-client.ts'

/** What a peer's clients say. */
export interface SendWords {
  /** A fresh session: makes the request that publishes the texts in one channel, the first under number `n`. */
  converse(index: number): (channel: number, n: number, texts: readonly string[]) => string
}

/** The connection. It follows nothing. */
export class SendClient implements Client {
  readonly delivered = 0
  readonly #options: ClientOptions
  readonly #request: ReturnType<SendWords['converse']>
  #socket: Socket
  #said = 0
  #waiting: string[] = []
  /** The request that has no answer yet. */
  #underWay: string | undefined
  #text = ''

  constructor(words: SendWords, options: ClientOptions) {
    this.#options = options
    this.#request = words.converse(options.index)
    this.#socket = this.#open()
    this.#socket.on('connect', options.onReady)
  }

  publish(text: string): void {
    this.#waiting.push(text)
    this.#sendNext()
  }

  close(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  #open(): Socket {
    let isOver = false
    const handleEnd = (): void => {
      if (isOver) return
      isOver = true
      this.#text = ''
      this.#socket = this.#open()
      if (this.#underWay !== undefined) this.#socket.write(this.#underWay)
    }
    return openSocket({ ...this.#options, onBroken: handleEnd }, (bytes, length) => this.#read(bytes, length))
  }

  #sendNext(): void {
    if (this.#underWay !== undefined || this.#waiting.length === 0) return
    this.#underWay = this.#request(0, this.#said + 1, this.#waiting)
    this.#socket.write(this.#underWay)
    this.#said += this.#waiting.length
    this.#waiting = []
  }

  #read(bytes: Buffer, length: number): void {
    this.#text += bytes.toString('latin1', 0, length)
    const body = bodyOf(this.#text)
    if (body === undefined) return
    if (!this.#text.startsWith('HTTP/1.1 200') || body.includes('"t":"err"')) {
      this.#options.onBroken(new Error(`A publish was answered with: ${this.#text.slice(0, 400)}`))
      return
    }
    this.#text = ''
    this.#underWay = undefined
    this.#sendNext()
  }
}
