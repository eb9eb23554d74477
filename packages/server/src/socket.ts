/**
 * A WebSocket from the server's side: `hello` within the deadline, then an attachment. The host has checked Origin and
 * subprotocol before the upgrade and brings text frames, one by one.
 */
import {
  closeCodeFor,
  decodeUpstream,
  type HelloLine,
  splitBatch,
  TriwireError,
  type UpstreamLine,
} from '@triwire/protocol'
import { Attachment, type Authenticator, checkHello } from './attachment.ts'
import { Chunk } from './chunk.ts'
import type { FrozenAttachment, FrozenHead, FrozenSocket } from './frozen.ts'
import type { HeaderFields } from './header-fields.ts'
import type { Hub } from './hub.ts'
import type { Identity } from './identity.ts'
import { asTriwireError, codeOf, encodeError } from './refusal.ts'
import type { Sink, SinkListener } from './sink.ts'
import type { Speaker } from './speaker.ts'
import type { Cancel } from './timer-wheel.ts'

/** Characters a waiting frame counts for besides its text. */
const FRAME_OVERHEAD = 64

/** Bodies' worth of frames that wait where a host cannot stop reading: a burst of the largest lines is mostly less. */
const KEPT_BODIES = 4

interface PromiseWithResolvers {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

/** The socket. */
export class Socket implements SinkListener, Authenticator {
  readonly #hub: Hub
  readonly #sink: Sink
  readonly #remoteAddress: string | undefined
  /** The upgrade's header fields, as text: they may be asked for once more, and last as long as the connection. */
  readonly #headers: string
  #deadline: Cancel | undefined
  #attachment: Attachment | undefined
  /** How many lines have no answer yet, and what waits until there is none. */
  #unanswered = 0
  #answered: PromiseWithResolvers | undefined
  /** Whether a frame is handled and not all of its lines have been begun. */
  #busy = false
  /** Frames that wait behind it. */
  #kept: string[] | undefined
  #keptLength = 0
  /** Whether nothing is read, since too much waits. */
  #deaf = false
  #closed = false

  /** Goes on with one from before the process slept; resolves when it does. */
  static async revive(hub: Hub, sink: Sink, frozen: FrozenSocket): Promise<Socket> {
    const socket = new Socket(hub, sink, frozen.head)
    try {
      if (frozen.attachment !== undefined) await socket.#revive(frozen.attachment)
    } catch (error) {
      socket.#refuse(asTriwireError(error))
    }
    return socket
  }

  constructor(hub: Hub, sink: Sink, head: FrozenHead) {
    this.#hub = hub
    this.#sink = sink
    this.#remoteAddress = head.remoteAddress
    this.#headers = JSON.stringify(head.headers)
    this.#deadline = hub.wheel.schedule(hub.limits.authMs, () => {
      if (this.#attachment === undefined) this.#refuse(new TriwireError('auth_timeout', 'No hello came in time.'))
    })
  }

  /** What it takes to go on with `revive` after the process has slept. */
  freeze(): FrozenSocket {
    const attachment = this.#attachment && { attachment: this.#attachment.freeze() }
    return { head: { headers: this.#thawHeaders(), remoteAddress: this.#remoteAddress }, ...attachment }
  }

  /** Takes one text frame; resolves when each of its lines has its answer, and each of those that came meanwhile. */
  async handleText(text: string): Promise<void> {
    if (this.#over) return
    if (this.#busy) {
      this.#keep(text)
      return
    }
    this.#busy = true
    try {
      for (let next: string | undefined = text; next !== undefined && !this.#over; next = this.#takeKept()) {
        const rest = this.#handleFrame(next)
        if (rest !== undefined) await rest
      }
    } catch (error) {
      // A hello that is refused; or a batch over a limit, which says that the peer does not keep to the protocol.
      if (!(error instanceof TriwireError)) this.#hub.logger.error({ err: error }, 'a frame could not be handled')
      this.#refuse(asTriwireError(error))
    } finally {
      this.#busy = false
      if (this.#over) this.#kept = undefined
    }
    if (this.#unanswered > 0) await this.#whenAnswered()
  }

  /** Takes a binary frame: there are none in this version of the protocol. */
  handleBinary(): void {
    this.#refuse(new TriwireError('unsupported_encoding', 'Lines travel in text frames.'))
  }

  handleDrain(): void {
    this.#attachment?.handleDrain()
  }

  handleAlive(): void {
    this.#attachment?.handleAlive()
  }

  handleClosed(): void {
    this.#closed = true
    this.#deadline?.()
    this.#attachment?.handleClosed()
  }

  /** What comes while another frame is handled waits; empty frames cost something, too. */
  #keep(text: string): void {
    this.#kept ??= []
    this.#kept.push(text)
    this.#keptLength += text.length + FRAME_OVERHEAD
    const { body } = this.#hub.limits
    if (this.#attachment === undefined) {
      // Before the welcome there is nothing to say but hello.
      const message = 'Too much was written before the welcome.'
      if (this.#keptLength > body) this.#refuse(new TriwireError('rate_limited', message, { retryMs: 1000 }))
    } else if (this.#sink.listen !== undefined) {
      // What is not read costs nothing.
      if (!this.#deaf) this.#listen(false)
    } else if (this.#keptLength > body * KEPT_BODIES) this.#attachment.letGo()
  }

  #takeKept(): string | undefined {
    const text = this.#kept?.shift()
    if (text !== undefined) this.#keptLength -= text.length + FRAME_OVERHEAD
    else if (this.#deaf) this.#listen(true)
    return text
  }

  #listen(reads: boolean): void {
    this.#deaf = !reads
    this.#sink.listen?.(reads)
  }

  /** Begins to handle the lines of a frame in order; returns what resolves when all are begun, where some have to wait. */
  #handleFrame(text: string): Promise<void> | undefined {
    const lines = splitBatch(text, this.#hub.limits)
    return this.#attachment === undefined ? this.#greet(lines) : this.#beginLines(this.#attachment, lines, false)
  }

  async #greet([first = '', ...rest]: readonly string[]): Promise<void> {
    const hello = decodeUpstream(first)
    if (hello.t !== 'hello') throw new TriwireError('hello_expected', 'The first line is hello.')
    checkHello(hello)
    const identity = await this.authenticate(hello)
    await this.#hub.door.enter(identity.principal, 'socket', rest.length)
    const member = await this.#hub.memberOf(identity.principal, hello.s)
    if (this.#closed) return
    const attachment = this.#attach({ identity, member })
    attachment.welcome()
    await this.#beginLines(attachment, rest, true)
  }

  #beginLines(
    attachment: Attachment,
    texts: readonly string[],
    opening: boolean,
    from = 0,
  ): Promise<void> | undefined {
    for (let index = from; index < texts.length && !this.#over; index++) {
      const line = read(texts[index] ?? '')
      const turn = attachment.takeShare(line)
      if (turn !== undefined)
        return turn.then(() => {
          this.#begin(attachment, line, opening)
          return this.#beginLines(attachment, texts, opening, index + 1)
        })
      this.#begin(attachment, line, opening)
    }
    return undefined
  }

  #begin(attachment: Attachment, line: UpstreamLine | TriwireError, opening: boolean): void {
    if (line instanceof TriwireError) {
      attachment.handleUnreadable(line)
      return
    }
    this.#unanswered++
    attachment.handleLine(line, opening).then(
      () => this.#handleAnswered(),
      (err: unknown) => {
        this.#hub.logger.error({ err }, 'a line could not be handled')
        this.#handleAnswered()
      },
    )
  }

  #handleAnswered(): void {
    if (--this.#unanswered > 0) return
    this.#answered?.resolve()
    this.#answered = undefined
  }

  #whenAnswered(): Promise<void> {
    if (this.#answered === undefined) {
      let resolve = (): void => {}
      const promise = new Promise<void>((settle) => {
        resolve = settle
      })
      this.#answered = { promise, resolve }
    }
    return this.#answered.promise
  }

  async #revive(frozen: FrozenAttachment): Promise<void> {
    const { user, principal, expiresAt, member } = frozen
    // Later notices are heard of from here on; earlier ones have woken the process.
    await this.#hub.control.open()
    await this.#attach({ identity: { user, principal, expiresAt }, member }, frozen).revive()
  }

  #attach(speaker: Speaker, frozen?: FrozenAttachment): Attachment {
    const hub = this.#hub
    const attachment = new Attachment(hub, {
      kind: 'socket',
      speaker,
      remoteAddress: this.#remoteAddress,
      authenticator: this,
      frozen,
    })
    hub.admit(attachment)
    this.#deadline?.()
    this.#deadline = undefined
    this.#attachment = attachment
    attachment.open(this.#sink)
    return attachment
  }

  /** Verifies a token together with what the upgrade has brought. */
  authenticate({ k }: HelloLine): Identity | Promise<Identity> {
    return this.#hub.authenticate(k, this.#thawHeaders())
  }

  #thawHeaders(): HeaderFields {
    return JSON.parse(this.#headers) as HeaderFields
  }

  get #over(): boolean {
    return this.#closed || this.#attachment?.ended === true
  }

  #refuse(error: TriwireError): void {
    if (this.#closed) return
    this.#closed = true
    this.#deadline?.()
    const code = codeOf(error)
    const sink = this.#sink
    const { door } = this.#hub
    this.#attachment?.handleClosed()
    door.refuse(code, (late) => {
      sink.write(new Chunk(encodeError(error)))
      sink.close(closeCodeFor(code), code)
      if (late) door.hangUp(sink)
    })
  }
}

/** A line, or why it is none. */
function read(text: string): UpstreamLine | TriwireError {
  try {
    return decodeUpstream(text)
  } catch (error) {
    return asTriwireError(error)
  }
}
