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
import type { Hub } from './hub.ts'
import { type Identity, memberOf } from './identity.ts'
import { asTriwireError, codeOf, encodeError } from './refusal.ts'
import type { Sink, SinkListener } from './sink.ts'
import type { Speaker } from './speaker.ts'
import type { Cancel } from './timer-wheel.ts'

/** Characters a waiting frame counts for besides its text. */
const FRAME_OVERHEAD = 64

/** The socket. */
export class Socket implements SinkListener, Authenticator {
  readonly #hub: Hub
  readonly #sink: Sink
  /** What is left of the upgrade request, as text: it may be asked for once more, and lasts as long as the connection. */
  readonly #head: string
  #deadline: Cancel | undefined
  #attachment: Attachment | undefined
  #waiting: string[] | undefined
  #waitingLength = 0
  #greeting = false
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
    this.#head = JSON.stringify(head)
    this.#deadline = hub.wheel.schedule(hub.limits.authMs, () => {
      if (this.#attachment === undefined) this.#refuse(new TriwireError('auth_timeout', 'No hello came in time.'))
    })
  }

  /** What it takes to go on with `revive` after the process has slept. */
  freeze(): FrozenSocket {
    const attachment = this.#attachment && { attachment: this.#attachment.freeze() }
    return { head: this.#thawHead(), ...attachment }
  }

  /** Takes one text frame; resolves when each of its lines has its answer. */
  async handleText(text: string): Promise<void> {
    if (this.#closed) return
    if (this.#attachment !== undefined) return await this.#handleBatch(this.#attachment, text)
    if (!this.#greeting) {
      this.#greeting = true
      return await this.#greet(text)
    }
    // What comes while `auth` runs waits, together no more than one body; empty frames cost something, too.
    this.#waitingLength += text.length + FRAME_OVERHEAD
    if (this.#waitingLength <= this.#hub.limits.body) {
      this.#waiting ??= []
      this.#waiting.push(text)
    } else
      this.#refuse(new TriwireError('rate_limited', 'Too much was written before the welcome.', { retryMs: 1000 }))
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

  async #greet(text: string): Promise<void> {
    try {
      const [first = '', ...rest] = splitBatch(text, this.#hub.limits)
      const hello = decodeUpstream(first)
      if (hello.t !== 'hello') throw new TriwireError('hello_expected', 'The first line is hello.')
      checkHello(hello)
      const identity = await this.authenticate(hello)
      const member = await memberOf(identity.principal, hello.s)
      if (this.#closed) return
      const attachment = this.#attach({ identity, member })
      attachment.welcome()
      const handled = [this.#handleTexts(attachment, rest, true)]
      const waiting = this.#waiting ?? []
      this.#waiting = undefined
      for (const batch of waiting) handled.push(this.#handleBatch(attachment, batch))
      await Promise.all(handled)
    } catch (error) {
      if (!(error instanceof TriwireError)) this.#hub.logger.error({ err: error }, 'a hello failed')
      this.#refuse(asTriwireError(error))
    }
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
      remoteAddress: this.#thawHead().remoteAddress,
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
  authenticate({ k }: HelloLine): Promise<Identity> {
    return this.#hub.authenticate(k, new Headers(this.#thawHead().headers as [string, string][]))
  }

  #thawHead(): FrozenHead {
    return JSON.parse(this.#head) as FrozenHead
  }

  async #handleBatch(attachment: Attachment, text: string): Promise<void> {
    try {
      await this.#handleTexts(attachment, splitBatch(text, this.#hub.limits), false)
    } catch (error) {
      // A batch over a limit says that the peer does not keep to the protocol.
      this.#refuse(asTriwireError(error))
    }
  }

  async #handleTexts(attachment: Attachment, texts: readonly string[], opening: boolean): Promise<void> {
    const lines: UpstreamLine[] = []
    for (const text of texts) {
      try {
        lines.push(decodeUpstream(text))
      } catch (error) {
        attachment.handleUnreadable(error)
      }
    }
    await attachment.handleLines(lines, opening).catch((err: unknown) => {
      this.#hub.logger.error({ err }, 'a batch could not be handled')
    })
  }

  #refuse(error: TriwireError): void {
    if (this.#closed) return
    this.#closed = true
    this.#deadline?.()
    const code = codeOf(error)
    this.#sink.write(new Chunk(encodeError(error)))
    this.#sink.close(closeCodeFor(code), code)
    this.#attachment?.handleClosed()
  }
}
