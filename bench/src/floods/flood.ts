// What a flood is: one user with one address, who does one thing as often as the server takes it, and is back at once when
// it is let go.

/** How it went so far. */
export interface Flooded {
  /** Lines written, or connections made. */
  readonly done: number
  /** Connections that the server has ended. */
  readonly letGo: number
}

/** A flood that runs. */
export interface Flood extends Flooded {
  stop(): void
}

/** The user of all of them. */
export const ATTACKER = 'attacker'

/** An address of its own, so that it has the connections of one and takes none of the readers'. */
export const ATTACKER_ADDRESS = '127.0.0.2'

/** Connections it has at a time: as many as one user may. */
export const CONNECTIONS = 32
