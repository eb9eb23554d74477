// What nodes share: a running store, whichever broker stands on it.

/** A store that runs. */
export interface Store {
  /** How processes reach it. */
  readonly url: string
  /** What it is, for people. */
  readonly text: string
  /** The process that was started for this demo; undefined where the store was there before. */
  readonly pid: number | undefined
  /** Resolves should the store end by itself. */
  readonly ended: Promise<void>
  /** Ends it where it was started for this demo. */
  stop(): Promise<void>
}

/** There is no store and none can be started. The message says what to do about it. */
export class MissingStore extends Error {}
