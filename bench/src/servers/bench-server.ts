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
  /** Resolves when everything that was said is where a restart does not lose it; left out by servers that forget. */
  stored?(): Promise<void>
  /** What it holds, by number; left out by servers that are not soaked. */
  stats?(): { readonly channels: number; readonly subscriptions: number }
}

/** What is around a server; most need nothing of it. */
export interface Surroundings {
  /** For what has to outlive the process. */
  readonly folder: string
  /** Origins of pages that may connect. */
  readonly origins: readonly string[]
}

/** What each module of this folder exports. */
export interface ServerModule {
  start(surroundings: Surroundings): Promise<BenchServer>
}
