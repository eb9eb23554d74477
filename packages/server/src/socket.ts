/**
 * A WebSocket from the server's side: `hello` within the deadline, then an attachment. The host has checked Origin and
 * subprotocol before the upgrade and brings text frames, one by one.
 */
import { closeCodeFor, decodeUpstream, splitBatch, TriwireError, type UpstreamLine } from '@triwire/protocol'
import { Attachment, checkHello } from './attachment.ts'
import type { Hub } from './hub.ts'
import { memberOf } from './identity.ts'
import { asTriwireError, codeOf, encodeError } from './refusal.ts'
import type { RequestHead, Sink, SinkListener } from './sink.ts'
import type { Cancel } from './timer-wheel.ts'

/** Characters a waiting frame counts for besides its text. */
const FRAME_OVERHEAD = 64

/** The socket. */
export class Socket implements SinkListener {
  readonly #hub: Hub
  readonly #sink: Sink
  readonly #head: RequestHead
  readonly #deadline: Cancel
  #attachment: Attachment | undefined
  #waiting: string[] = []
  #waitingLength = 0
  #greeting = false
  #closed = false

  constructor(hub: Hub, sink: Sink, head: RequestHead) {
    this.#hub = hub
    this.#sink = sink
    this.#head = head
    this.#deadline = hub.wheel.schedule(hub.limits.authMs, () => {
      if (this.#attachment === undefined) this.#refuse(new TriwireError('auth_timeout', 'No hello came in time.'))
    })
  }

  /** Takes one text frame. */
  handleText(text: string): void {
    if (this.#closed) return
    if (this.#attachment !== undefined) {
      this.#handleBatch(this.#attachment, text)
      return
    }
    if (!this.#greeting) {
      this.#greeting = true
      void this.#greet(text)
      return
    }
    // What comes while `auth` runs waits, together no more than one body; empty frames cost something, too.
    this.#waitingLength += text.length + FRAME_OVERHEAD
    if (this.#waitingLength <= this.#hub.limits.body) this.#waiting.push(text)
    else
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
    this.#deadline()
    this.#attachment?.handleClosed()
  }

  async #greet(text: string): Promise<void> {
    try {
      const [first = '', ...rest] = splitBatch(text, this.#hub.limits)
      const hello = decodeUpstream(first)
      if (hello.t !== 'hello') throw new TriwireError('hello_expected', 'The first line is hello.')
      checkHello(hello)
      const identity = await this.#hub.authenticate(hello.k, this.#head.headers)
      const member = await memberOf(identity.principal, hello.s)
      if (this.#closed) return
      const attachment = new Attachment(this.#hub, {
        kind: 'socket',
        speaker: { identity, member },
        remoteAddress: this.#head.remoteAddress,
        authenticate: ({ k }) => this.#hub.authenticate(k, this.#head.headers),
      })
      this.#hub.admit(attachment)
      this.#deadline()
      this.#attachment = attachment
      attachment.open(this.#sink)
      attachment.welcome()
      this.#handleTexts(attachment, rest, true)
      const waiting = this.#waiting
      this.#waiting = []
      for (const batch of waiting) this.#handleBatch(attachment, batch)
    } catch (error) {
      if (!(error instanceof TriwireError)) this.#hub.logger.error({ err: error }, 'a hello failed')
      this.#refuse(asTriwireError(error))
    }
  }

  #handleBatch(attachment: Attachment, text: string): void {
    try {
      this.#handleTexts(attachment, splitBatch(text, this.#hub.limits), false)
    } catch (error) {
      // A batch over a limit says that the peer does not keep to the protocol.
      this.#refuse(asTriwireError(error))
    }
  }

  #handleTexts(attachment: Attachment, texts: readonly string[], opening: boolean): void {
    const lines: UpstreamLine[] = []
    for (const text of texts) {
      try {
        lines.push(decodeUpstream(text))
      } catch (error) {
        attachment.handleUnreadable(error)
      }
    }
    attachment.handleLines(lines, opening).catch((err: unknown) => {
      this.#hub.logger.error({ err }, 'a batch could not be handled')
    })
  }

  #refuse(error: TriwireError): void {
    if (this.#closed) return
    this.#closed = true
    this.#deadline()
    const code = codeOf(error)
    this.#sink.write(encodeError(error))
    this.#sink.close(closeCodeFor(code), code)
    this.#attachment?.handleClosed()
  }
}
