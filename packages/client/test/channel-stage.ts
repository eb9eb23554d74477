/** A channel with a real session and a fake server, without a wire: what stores and observers are tested on. */
import { Session } from '@triwire/protocol'
import { ChannelStore } from '../src/channel-store.ts'
import { FakeAttachment, FakeServer } from './fake-server.ts'

export const CHANNEL = 'chat?roomId=1'

export class ChannelStage {
  readonly session: Session = new Session({ id: 'AAAAAAAAAAAAAAAAAAAAAA' }, 0)
  readonly store: ChannelStore
  readonly #server = new FakeServer()
  #attachment: FakeAttachment | undefined
  #asked = false

  constructor() {
    this.store = new ChannelStore(CHANNEL, { session: this.session, pump: () => this.pump() })
    this.connect()
  }

  /** Opens a wire, as a client does: with every channel from where it stands. */
  connect(): void {
    const attachment = new FakeAttachment(this.#server, (text) => this.#take(text))
    this.#attachment = attachment
    this.#server.attachments.add(attachment)
    attachment.handle([this.session.takeHello(), ...this.session.takeOpening()].join('\n'))
    this.#write()
  }

  /** The wire is gone. */
  disconnect(): void {
    this.flush()
    if (this.#attachment !== undefined) this.#server.attachments.delete(this.#attachment)
    this.#attachment = undefined
    this.session.handleDetached()
    this.#deliver()
  }

  /** The server, which by now has got what it was asked for. */
  get server(): FakeServer {
    this.flush()
    return this.#server
  }

  /** Whether nothing is asked of the session and nobody waits for anything. */
  get idle(): boolean {
    return !this.session.active && this.store.pending === 0
  }

  /** What is asked for in one tick travels together, and nothing is answered before the asker knows it has asked. */
  pump(): void {
    this.#asked = true
    queueMicrotask(() => this.flush())
  }

  flush(): void {
    if (!this.#asked) return
    this.#asked = false
    this.#write()
  }

  #write(): void {
    if (this.#attachment === undefined) return
    const lines = this.session.takeChanges().concat(this.session.takeLines(0).map(({ text }) => text))
    if (lines.length > 0) this.#attachment.handle(lines.join('\n'))
  }

  emit(event: string, data: unknown): void {
    this.server.emit(CHANNEL, event, data)
  }

  #take(text: string): void {
    this.session.handleBatch(text, 0)
    this.#deliver()
    if (this.session.hasChanges) this.#write()
  }

  #deliver(): void {
    for (const delivery of this.session.takeDeliveries())
      if ('channel' in delivery) this.store.handleDelivery(delivery)
  }
}
