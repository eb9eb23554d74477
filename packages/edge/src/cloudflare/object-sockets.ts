/**
 * The WebSockets of one object. The platform keeps them open while the object sleeps, and with each of them up to 16 KiB:
 * there it is said where the connection stands. What is longer lies in the storage.
 *
 * A connection is frozen when its client has said something, and a moment after it was told something. If the object ends in
 * between, its client is told once more, and drops that by the offsets.
 */
import type { Engine, FrozenSocket, RequestHead, Sink, Socket } from '@triwire/server'
import { type ObjectSocket, type ObjectState, platform } from './platform.ts'

/** Milliseconds after which what was written is taken note of: it keeps the object awake for so long. */
const FREEZE_MS = 1000

/** Milliseconds without a word after which a connection counts as dead: clients ask at least every 60 s (PROTOCOL.md §8.11). */
const SILENT_MS = 90_000

/** What is kept with a connection: text, because its length is known; or where it lies in the storage. */
interface Kept {
  readonly heardAt: number
  readonly frozen: string | undefined
  readonly stored: string | undefined
}

/** The sockets. */
export class ObjectSockets {
  readonly #state: ObjectState
  readonly #engine: Engine
  readonly #sockets = new Map<ObjectSocket, Socket>()
  readonly #heardAt = new Map<ObjectSocket, number>()
  readonly #written = new Set<ObjectSocket>()
  #freezing = false

  constructor(state: ObjectState, engine: Engine) {
    this.#state = state
    this.#engine = engine
    const { WebSocketRequestResponsePair } = platform
    state.setWebSocketAutoResponse(new WebSocketRequestResponsePair('{"t":"ping","n":0}', '{"t":"pong","n":0}'))
    state.storage.sql.exec(
      'CREATE TABLE IF NOT EXISTS frozen (id TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID',
    )
  }

  get size(): number {
    return this.#sockets.size
  }

  /** Takes an upgrade that may be made. */
  accept(head: RequestHead): Response {
    const { 0: theirs, 1: ours } = new platform.WebSocketPair()
    this.#state.acceptWebSocket(ours)
    this.#add(ours, this.#engine.acceptSocket(this.#sinkOf(ours), head))
    // One subprotocol is spoken, and the upgrade has been checked for it.
    const headers = { 'sec-websocket-protocol': head.headers['sec-websocket-protocol'] ?? '' }
    return new Response(null, { status: 101, headers, webSocket: theirs } as ResponseInit)
  }

  /** Goes on with those that were open before this life of the object; resolves with the holders of their leases. */
  async revive(): Promise<Set<string>> {
    const holders = new Set<string>()
    for (const socket of this.#state.getWebSockets()) {
      const kept = socket.deserializeAttachment() as Kept | null
      const frozen = kept === null ? undefined : this.#thaw(kept)
      if (kept === null || frozen === undefined) {
        // It was never frozen: it has said nothing yet, and will say it again elsewhere.
        closeQuietly(socket, 1012, 'restarted')
        continue
      }
      const holder = frozen.attachment?.leases?.holder
      if (holder !== undefined) holders.add(holder)
      this.#heardAt.set(socket, kept.heardAt)
      this.#sockets.set(socket, await this.#engine.reviveSocket(this.#sinkOf(socket), frozen))
    }
    return holders
  }

  /** A frame has come; resolves when every line in it has its answer. */
  async handleMessage(socket: ObjectSocket, message: string | ArrayBuffer): Promise<void> {
    const known = this.#sockets.get(socket)
    if (known === undefined) return
    this.#heardAt.set(socket, Date.now())
    if (typeof message === 'string') await known.handleText(message)
    else known.handleBinary()
    this.#freeze(socket)
  }

  /** Its client has closed it, or it broke. */
  handleClosed(socket: ObjectSocket): void {
    // The platform leaves the answer to a client's goodbye to us, and the client waits for it.
    closeQuietly(socket, 1000, '')
    const known = this.#sockets.get(socket)
    if (known === undefined) return
    this.#forget(socket)
    known.handleClosed()
  }

  /** Lets go of connections whose clients have been silent for too long. */
  closeSilent(): void {
    const before = Date.now() - SILENT_MS
    for (const socket of [...this.#sockets.keys()]) {
      const asked = this.#state.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0
      if (Math.max(asked, this.#heardAt.get(socket) ?? 0) > before) continue
      closeQuietly(socket, 1001, 'silent')
      this.handleClosed(socket)
    }
  }

  #add(socket: ObjectSocket, known: Socket): void {
    this.#sockets.set(socket, known)
    this.#heardAt.set(socket, Date.now())
    this.#freeze(socket)
  }

  #sinkOf(socket: ObjectSocket): Sink {
    return {
      sleeps: true,
      write: ({ text }) => {
        try {
          socket.send(text)
        } catch {
          // Closed on the other side; the close event is on its way.
        }
        this.#freezeLater(socket)
      },
      // The platform does not say what it has waiting: clients are asked.
      buffered: () => undefined,
      close: (code, reason) => {
        closeQuietly(socket, code, reason)
        this.#forget(socket)
      },
      terminate: () => {
        closeQuietly(socket, 1001, '')
        this.#forget(socket)
      },
    }
  }

  #freezeLater(socket: ObjectSocket): void {
    this.#written.add(socket)
    if (this.#freezing) return
    this.#freezing = true
    setTimeout(() => {
      this.#freezing = false
      const written = [...this.#written]
      this.#written.clear()
      for (const one of written) this.#freeze(one)
    }, FREEZE_MS)
  }

  #freeze(socket: ObjectSocket): void {
    const known = this.#sockets.get(socket)
    if (known === undefined) return
    this.#written.delete(socket)
    const frozen = JSON.stringify(known.freeze())
    const heardAt = this.#heardAt.get(socket) ?? 0
    const before = socket.deserializeAttachment() as Kept | null
    try {
      const fits = frozen.length <= MAX_KEPT
      const stored = fits ? undefined : (before?.stored ?? crypto.randomUUID())
      if (stored !== undefined)
        this.#state.storage.sql.exec('INSERT OR REPLACE INTO frozen (id, state) VALUES (?, ?)', stored, frozen)
      else if (before?.stored !== undefined) this.#unstore(before.stored)
      const kept: Kept = { heardAt, frozen: fits ? frozen : undefined, stored }
      socket.serializeAttachment(kept)
    } catch (err) {
      this.#engine.logger.warn({ err }, 'a WebSocket could not be frozen')
    }
  }

  #thaw({ frozen, stored }: Kept): FrozenSocket | undefined {
    let text = frozen
    if (stored !== undefined) {
      const [row] = this.#state.storage.sql.exec('SELECT state FROM frozen WHERE id = ?', stored).raw().toArray()
      text = row?.[0] as string | undefined
    }
    return text === undefined ? undefined : (JSON.parse(text) as FrozenSocket)
  }

  #forget(socket: ObjectSocket): void {
    this.#sockets.delete(socket)
    this.#heardAt.delete(socket)
    this.#written.delete(socket)
    const kept = socket.deserializeAttachment() as Kept | null
    if (kept?.stored !== undefined) this.#unstore(kept.stored)
  }

  #unstore(id: string): void {
    this.#state.storage.sql.exec('DELETE FROM frozen WHERE id = ?', id)
  }
}

/** Characters that fit beside a connection, however many bytes each takes: two at most, and a little for the rest. */
const MAX_KEPT = 8000

function closeQuietly(socket: ObjectSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason)
  } catch {
    // It is closed already, or its code is one that only the other side may use.
  }
}
