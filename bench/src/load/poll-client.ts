// Long polling by hand: one connection that is kept alive, one request after another. A response is read as text, because
// what the next request says depends on it; a poll costs a server so much more that this is light enough.

import type { Socket } from 'node:net'
import { clockUs, MARK, stampOf } from '../message.ts'
import { type Client, type ClientOptions, openSocket } from './client.ts'
import type { SendWords } from './send-client.ts'
import type { Tally } from './tally.ts'

/** What a peer's clients say. */
export interface PollWords {
  /** A fresh conversation. */
  converse(channels: readonly number[], index: number): PollTalk
  /** How they publish, which their polls cannot. */
  readonly send?: SendWords
}

/** One conversation. */
export interface PollTalk {
  readonly first: string
  /** The next request, given the body of the last response. */
  next(body: string): string
  /** Whether the last request that was handed out is a poll that waits for messages. */
  readonly ready: boolean
}

const mark = String.fromCharCode(MARK)

/** The connection. */
export class PollClient implements Client {
  delivered = 0
  /** Requests it has made. */
  requests = 1
  readonly #options: ClientOptions
  readonly #tally: Tally
  readonly #talk: PollTalk
  readonly #socket: Socket
  #text = ''
  #ready = false

  constructor(words: PollWords, options: ClientOptions, tally: Tally) {
    this.#options = options
    this.#tally = tally
    this.#talk = words.converse(options.channels, options.index)
    this.#socket = openSocket(options, (bytes, length) => this.#read(bytes, length))
    this.#socket.write(this.#talk.first)
  }

  close(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  #read(bytes: Buffer, length: number): void {
    this.#text += bytes.toString('latin1', 0, length)
    const body = bodyOf(this.#text)
    if (body === undefined) return
    if (!this.#text.startsWith('HTTP/1.1 200')) {
      this.#options.onBroken(new Error(`A request was answered with: ${this.#text.slice(0, 400)}`))
      return
    }
    this.#text = ''
    this.#socket.write(this.#talk.next(body))
    this.requests++
    this.#count(body)
    if (this.#ready || !this.#talk.ready) return
    this.#ready = true
    this.#options.onReady()
  }

  #count(body: string): void {
    let count = 0
    for (let at = body.indexOf(mark); at !== -1; at = body.indexOf(mark, at + 1)) {
      count++
      if (this.#options.sampled) this.#tally.latenciesUs.push(clockUs() - stampOf(body, at))
    }
    if (count === 0) return
    this.delivered += count
    this.#tally.add(count)
  }
}

/** The body of a response, once all of it is there (RFC 9112 §6). One response at a time: nothing is pipelined. */
export function bodyOf(text: string): string | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1]
  if (length !== undefined) return text.length >= end + 4 + Number(length) ? text.slice(end + 4) : undefined
  if (!text.endsWith('0\r\n\r\n')) return undefined
  let body = ''
  for (let at = end + 4; ; ) {
    const line = text.indexOf('\r\n', at)
    if (line === -1) return undefined
    const size = Number.parseInt(text.slice(at, line), 16)
    if (size === 0) return body
    body += text.slice(line + 2, line + 2 + size)
    at = line + 2 + size + 2
    if (at > text.length) return undefined
  }
}
