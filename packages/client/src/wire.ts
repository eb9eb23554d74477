/**
 * The transport seam. A wire is only a pipe for lines: it is opened with `hello` and joins, carries batches both ways,
 * and says when it is gone. What the lines mean is the session's business, which wire to use is the link's.
 */
import type { OutgoingLine, TriwireError, WireName } from '@triwire/protocol'

/** What a wire asks for when it writes. */
export interface WireSource {
  /** `hello` and every join with its cursor, as one batch. @param waitMs how long a poll may be held */
  opening(waitMs?: number): string
  /** `hello` alone: the head of every `send`. */
  hello(): string
  /** Joins and leaves since the opening; only duplex wires can write these. */
  changes(): string[]
}

/** What a wire reports. After `handleClosed` it reports nothing more. */
export interface WireListener {
  /** The pipe can be written to. */
  handleReady(): void
  /**
   * A batch of lines came.
   * @param apart as the answer to a request of its own, which says nothing about the stream beside it
   */
  handleText(text: string, apart?: boolean): void
  /** @param error with a Triwire code where the server gave one, else `network` */
  handleClosed(error: TriwireError): void
}

/** An open wire, or one on its way. */
export interface Wire {
  /** Writes lines. */
  send(lines: readonly OutgoingLine[]): void
  /** The set of channels or the token has changed: write it, or attach anew with it. It is answered at once. */
  change(): void
  /** Ends it. Nothing is reported afterwards. @param last lines that are written before, and whose answers nobody awaits */
  close(last?: readonly OutgoingLine[]): void
}

/** What every wire is made of. */
export interface WireOptions {
  /** The mount path as an absolute URL, without a slash at the end. */
  readonly url: string
  readonly source: WireSource
  readonly listener: WireListener
  readonly fetch: typeof fetch
  readonly webSocket: WebSocketConstructor | undefined
}

/** The part of the browser's WebSocket that is used. */
export type WebSocketConstructor = new (url: string, protocols: string | string[]) => WebSocketLike

/** A WebSocket as the HTML standard has it; Node's `ws` fits as well. */
export interface WebSocketLike {
  // Only set: a handler that is read back would have to take any event, and neither a browser's nor that of `ws` does.
  get onopen(): unknown
  set onopen(handler: () => void)
  get onmessage(): unknown
  set onmessage(handler: (event: { data: unknown }) => void)
  get onclose(): unknown
  set onclose(handler: (event: { code: number; reason: string }) => void)
  get onerror(): unknown
  set onerror(handler: () => void)
  send(data: string): void
  close(code?: number, reason?: string): void
}

/** Opens a wire. */
export type WireFactory = (options: WireOptions) => Wire

/** Factories by name. */
export type WireFactories = Readonly<Record<WireName, WireFactory>>
