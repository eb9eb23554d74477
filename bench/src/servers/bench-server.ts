// What the server of every peer does for a measurement. Each is written the way its own documentation shows, with nothing
// around it: the process it runs in has the peer, and a channel to the parent.

/** A server that listens. */
export interface BenchServer {
  /** On 127.0.0.1. */
  readonly port: number
  /** Says a text to everybody in the channel. */
  publish(channel: string, text: string): void
  /** What came up that is not answered, counted from the start; left out by servers that answer everything. */
  received?(): number
}

/** What each module of this folder exports. */
export interface ServerModule {
  /** @param origins of pages that may connect; for servers that ask */
  start(origins?: readonly string[]): Promise<BenchServer>
}
