/** A running server that the cases are put to, and the means to act on it from inside, wherever it runs. */
import type { Limits } from '@triwire/server'

/** The server. */
export interface Host {
  /** Mount path included, without a slash at the end. */
  readonly base: string
  /** Emits an event from server code. */
  emit(address: string, event: string, data: unknown): Promise<void>
  /** Lets all clients go over a time, as a deploy does; resolves when that has begun. */
  drain(spreadMs: number): Promise<void>
  /** Says goodbye to all clients. */
  leave(): Promise<void>
  /** Messages logged as errors so far. */
  logged(): Promise<readonly string[]>
  /** Ends it, and the process where it has one of its own. */
  close(): Promise<void>
}

/** What a host is given to run the app with. */
export interface HostOptions {
  /** Limits that differ from those of the app. */
  readonly limits: Partial<Limits>
  /** Whether it cannot tell how much it has buffered, or must behave as if. */
  readonly isBlind: boolean
}

/** Starts one. */
export type StartHost = (options: HostOptions) => Promise<Host>
