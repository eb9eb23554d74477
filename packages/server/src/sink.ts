/**
 * The host seam, in two small ports: a sink writes bytes to one client, an exchange is one HTTP request with the
 * means to answer it. Host adapters implement these and nothing else; every rule lives above them.
 */

import type { Chunk } from './chunk.ts'
import type { HeaderFields } from './header-fields.ts'

/** Where an attachment's text goes. */
export interface Sink {
  /**
   * Writes text, as one frame or one piece of a body. Whatever a host makes of it, it makes once: by `chunk.as`. Never
   * throws; writing after the end is ignored.
   */
  write(chunk: Chunk): void
  /**
   * Bytes written that the host has not yet taken. Undefined, always, where the host cannot tell: then clients are asked
   * how far they are (PROTOCOL.md §8.14), which costs them a line now and then.
   */
  buffered(): number | undefined
  /** Ends the stream. WebSockets close with the code and reason; HTTP responses just end. Repeating it is harmless. */
  close(code: number, reason: string): void
  /**
   * Asks the peer's transport for a sign of life, which arrives as `handleAlive` (RFC 6455 §5.5.2). Where a host has
   * no such thing, it leaves this out and its own errors have to do.
   */
  probe?(): void
  /** Drops the connection without a farewell; for peers that do not answer. */
  terminate?(): void
  /**
   * Stops reading what the peer writes, or goes on. Where a host cannot, it leaves this out: then a peer that writes more
   * than can be handled is let go instead of slowed down.
   */
  listen?(reads: boolean): void
  /**
   * The host lets the process sleep while its connections are quiet, and answers `ping` with the number 0 by itself
   * (PROTOCOL.md §4.9): so there are no heartbeats on this one, and its client asks.
   */
  readonly sleeps?: boolean
}

/** What the host reports back. Every call may come late or twice. */
export interface SinkListener {
  /** The host has taken what was buffered, or part of it. */
  handleDrain(): void
  /** The client is gone, for whatever reason. */
  handleClosed(): void
  /** The client has shown that it is there. */
  handleAlive(): void
}

/** What is known of a request before anything is read from it. */
export interface RequestHead {
  readonly method: string
  /** Below the mount path, beginning with `/`, not decoded: `/`, `/sse`, `/log/chat/general`. */
  readonly path: string
  /** The query as it was written, with its `?`; empty where there is none. Of two spellings a cache makes two pages. */
  readonly search: string
  readonly query: URLSearchParams
  readonly headers: HeaderFields
  /** The peer's address as the host reports it; undefined where it reports none. No proxy header is looked at. */
  readonly remoteAddress: string | undefined
}

/** One HTTP request and the means to answer it. Exactly one of `respond` and `open` is called, once. */
export interface Exchange extends RequestHead {
  /**
   * Reads the body as UTF-8.
   * @throws TriwireError `body_too_large`, or `auth_timeout` where it has not arrived within `timeoutMs`
   */
  readText(maxBytes: number, timeoutMs: number): Promise<string>
  /** Answers with a whole body. */
  respond(status: number, headers: Readonly<Record<string, string>>, body: string): void
  /** Answers with a body that is written bit by bit. */
  open(status: number, headers: Readonly<Record<string, string>>, listener: SinkListener): Sink
}
