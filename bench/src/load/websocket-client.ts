// A WebSocket by hand (RFC 6455): the upgrade, then frames, of which only the lengths are looked at once the connection is
// ready. A library would make the load heavier than the servers it is to measure.

import type { Socket } from 'node:net'
import { type Client, type ClientOptions, openSocket } from './client.ts'
import type { Tally } from './tally.ts'

/** What a peer's clients say to be let in. */
export interface WebSocketWords {
  /** The path and query of the upgrade. */
  path(channels: readonly number[]): string
  readonly protocol?: string
  /** A fresh conversation, which ends when the connection follows its channels. */
  greet(channels: readonly number[], index: number): Greeting
  /** Frames that publish the texts in one channel, the first under number `n`; put on the wire in one write. */
  publish?(channel: number, n: number, texts: readonly string[]): readonly string[]
  /** Calls a command that answers with what it is told. */
  command?(channel: number, n: number, text: string): string
  /** Changes what everybody sees of this member. */
  announce?(channel: number, n: number, text: string): string
  /** Takes it out of what they see; where there is nothing to be taken out of, tells them so. */
  depart?(channel: number, n: number, text: string): string
  /** Texts of the server that are answered at any time: the pings of engine.io. */
  readonly pings?: Readonly<Record<string, string>>
}

/** One conversation. */
export interface Greeting {
  /** What is said right after the upgrade, if the client begins. */
  readonly first?: string
  /** Whether there is nothing to say or hear: the upgrade is all. */
  readonly silent?: boolean
  /** A text came. @returns what to say to it; `true` when the connection is ready; undefined to go on listening */
  hear(text: string): string | true | undefined
}

const TEXT = 0x1
const CLOSE = 0x8
const PING = 0x9

/** The connection. */
export class WebSocketClient implements Client {
  delivered = 0
  /** Called when something was counted. */
  onCounted: (() => void) | undefined
  readonly words: WebSocketWords
  readonly channels: readonly number[]
  /** Numbers of what it has said, from 1. */
  said = 0
  readonly #options: ClientOptions
  readonly #tally: Tally
  readonly #greeting: Greeting
  readonly #socket: Socket
  #state: 'upgrading' | 'greeting' | 'ready' = 'upgrading'
  /** Text of the frame under way, where it is looked at. */
  #text = ''
  #opcode = 0
  /** Payload bytes of the frame under way that have not come yet. */
  #left = 0
  /** The beginning of a frame's head that ended with its chunk. */
  #head: Buffer | undefined

  constructor(words: WebSocketWords, options: ClientOptions, tally: Tally) {
    this.words = words
    this.channels = options.channels
    this.#options = options
    this.#tally = tally
    this.#greeting = words.greet(options.channels, options.index)
    this.#socket = openSocket(options, (bytes, length) => this.#read(bytes, length))
    const protocol = words.protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${words.protocol}\r\n`
    this.#socket.write(
      `GET ${words.path(options.channels)} HTTP/1.1\r\nHost: 127.0.0.1:${options.port}\r\nUpgrade: websocket\r\n` +
        `Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${protocol}\r\n`,
    )
  }

  say(text: string): void {
    this.#socket.write(clientFrame(TEXT, text))
  }

  /** All frames in one write. */
  sayAll(texts: readonly string[]): void {
    this.#socket.write(Buffer.concat(texts.map((text) => clientFrame(TEXT, text))))
  }

  close(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  #read(bytes: Buffer, length: number): void {
    if (this.#state === 'upgrading') this.#handleUpgrade(bytes, length)
    else if (this.#head === undefined) this.#handleFrames(bytes, 0, length)
    else {
      const whole = Buffer.concat([this.#head, bytes.subarray(0, length)])
      this.#head = undefined
      this.#handleFrames(whole, 0, whole.length)
    }
  }

  #handleUpgrade(bytes: Buffer, length: number): void {
    this.#text += bytes.toString('latin1', 0, length)
    const end = this.#text.indexOf('\r\n\r\n')
    if (end === -1) return
    if (!this.#text.startsWith('HTTP/1.1 101 ')) {
      this.#options.onBroken(new Error(`The upgrade was answered with: ${this.#text.slice(0, 300)}`))
      return
    }
    // The head of the response came in earlier chunks too; what is behind it is frames.
    const rest = this.#text.length - end - 4
    this.#text = ''
    this.#state = 'greeting'
    if (this.#greeting.first !== undefined) this.say(this.#greeting.first)
    if (this.#greeting.silent === true) {
      this.#state = 'ready'
      this.#options.onReady()
    }
    this.#handleFrames(bytes, length - rest, length)
  }

  #handleFrames(bytes: Buffer, start: number, end: number): void {
    const tally = this.#tally
    let at = start
    let count = 0
    while (at < end) {
      if (this.#left === 0) {
        const second = at + 1 < end ? (bytes[at + 1] as number) : 0
        const size = second < 126 ? 2 : second === 126 ? 4 : 10
        if (at + size > end || at + 1 >= end) {
          this.#head = Buffer.from(bytes.subarray(at, end))
          break
        }
        this.#opcode = (bytes[at] as number) & 0xf
        this.#left =
          size === 2 ? second : size === 4 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
        at += size
        if (this.#left === 0) this.#handleEnd()
        continue
      }
      const stop = Math.min(at + this.#left, end)
      const isData = this.#opcode <= 2
      if (isData) count += tally.count(bytes, at, stop, this.#options.sampled)
      // A text of one character may be a ping of engine.io. Whatever else comes to one that is ready was counted, and is
      // forgotten.
      if (!isData || this.#state === 'greeting' || this.#left === 1)
        this.#text += bytes.toString('latin1', at, stop)
      this.#left -= stop - at
      at = stop
      if (this.#left === 0) this.#handleEnd()
    }
    if (count === 0) return
    this.delivered += count
    this.onCounted?.()
    tally.add(count)
  }

  /** A frame is complete. Its text is there while the greeting lasts, of control frames, and of texts of one character. */
  #handleEnd(): void {
    const text = this.#text
    this.#text = ''
    if (this.#opcode === PING) this.#socket.write(clientFrame(0xa, text))
    else if (this.#opcode === CLOSE) this.#options.onBroken(new Error(`A close frame came: ${text.slice(2)}`))
    else if (this.#opcode <= 2 && text !== '') this.#handleText(text)
  }

  #handleText(text: string): void {
    const pong = this.words.pings?.[text]
    if (pong !== undefined) {
      this.say(pong)
      return
    }
    if (this.#state !== 'greeting') return
    let answer: string | true | undefined
    try {
      answer = this.#greeting.hear(text)
    } catch (error) {
      this.#options.onBroken(error as Error)
      return
    }
    if (answer === true) {
      this.#state = 'ready'
      this.#options.onReady()
    } else if (answer !== undefined) this.say(answer)
  }
}

/** A masked frame (RFC 6455 §5.3) whose mask is 0: the server unmasks it like any other, and we need not mask. */
export function clientFrame(opcode: number, text: string): Buffer {
  const bytes = Buffer.byteLength(text)
  const head = bytes < 126 ? 6 : bytes < 65_536 ? 8 : 14
  const frame = Buffer.alloc(head + bytes)
  frame[0] = 0x80 | opcode
  if (head === 6) frame[1] = 0x80 | bytes
  else if (head === 8) {
    frame[1] = 0x80 | 126
    frame.writeUInt16BE(bytes, 2)
  } else {
    frame[1] = 0x80 | 127
    frame.writeBigUInt64BE(BigInt(bytes), 2)
  }
  frame.write(text, head)
  return frame
}
