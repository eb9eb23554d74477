// Cuts the bytes of a client into HTTP/1.1 requests, as far as a middlebox needs to: where each begins, and what it is
// for. Bodies are told by `content-length`; a request that is an upgrade takes the connection over.

import type { RequestKind } from './fault.ts'

/** Bytes of one request; the first piece of it holds its whole head. */
export interface RequestPiece {
  readonly bytes: Buffer
  /** Given where a request begins with these bytes. */
  readonly begins?: { readonly kind: RequestKind; readonly line: string }
  /** Whether the request is complete with these bytes. */
  readonly ends: boolean
}

/** The reader of one connection. */
export class RequestReader {
  #waiting: Buffer = Buffer.alloc(0)
  /** Bytes of the current body that are still to come; Infinity behind an upgrade. */
  #body = 0

  handleChunk(chunk: Buffer): RequestPiece[] {
    this.#waiting = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk])
    const pieces: RequestPiece[] = []
    while (this.#waiting.length > 0) {
      if (this.#body > 0) {
        const bytes = this.#take(Math.min(this.#body, this.#waiting.length))
        this.#body -= bytes.length
        pieces.push({ bytes, ends: this.#body === 0 })
        continue
      }
      const end = this.#waiting.indexOf('\r\n\r\n')
      if (end === -1) break
      const head = this.#take(end + 4)
      const text = head.toString('latin1')
      const isUpgrade = /\r\nupgrade: *websocket\r\n/i.test(text)
      const length = Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(text)?.[1] ?? 0)
      this.#body = isUpgrade ? Number.POSITIVE_INFINITY : length
      const line = text.slice(0, text.indexOf('\r\n'))
      pieces.push({
        bytes: head,
        begins: { kind: isUpgrade ? 'websocket' : kindOf(line), line },
        ends: length === 0,
      })
    }
    return pieces
  }

  #take(count: number): Buffer {
    const bytes = this.#waiting.subarray(0, count)
    this.#waiting = this.#waiting.subarray(count)
    return bytes
  }
}

function kindOf(line: string): RequestKind {
  const path = line.split(' ')[1] ?? ''
  if (/\/(?:stream|sse)(?:\?|$)/.test(path)) return 'stream'
  if (/\/poll(?:\?|$)/.test(path)) return 'poll'
  if (/\/send(?:\?|$)/.test(path)) return 'send'
  return /[?&]transport=polling/.test(path) ? 'hook' : 'other'
}
