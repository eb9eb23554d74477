// A WebSocket without a network: the page feeds its own client, so what that costs is all that is measured.

import type { Feeder } from './feeders.ts'

/** The part of a WebSocket that the clients of all peers use. */
class FedSocket {
  onopen: (() => void) | undefined
  onmessage: ((event: { readonly data: string }) => void) | undefined
  onclose: ((event: { readonly code: number }) => void) | undefined
  onerror: (() => void) | undefined
  binaryType = 'blob'
  readonly #feeder: Feeder

  constructor(feeder: Feeder) {
    this.#feeder = feeder
    queueMicrotask(() => {
      this.onopen?.()
      if (feeder.first !== undefined) this.hear(feeder.first)
    })
  }

  /** The server says a text. */
  hear(data: string): void {
    this.onmessage?.({ data })
  }

  send(text: string): void {
    // Not at once: nobody is answered before it has asked.
    queueMicrotask(() => {
      for (const answer of this.#feeder.answers(text)) this.hear(answer)
    })
  }

  close(): void {}
}

/** Has every WebSocket of this page be fed. @returns says a text to the one that was opened last */
export function installFedSocket(feeder: Feeder): (text: string) => void {
  let last: FedSocket | undefined
  globalThis.WebSocket = class extends FedSocket {
    constructor() {
      super(feeder)
      last = this
    }
  } as unknown as typeof WebSocket
  return (text) => last?.hear(text)
}
