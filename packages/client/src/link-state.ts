/** The states of a link, as data: what is open, what is on its way, and what is to follow. `link.ts` moves between them. */
import type { TriwireError, WireName } from '@triwire/protocol'

/** A wire from when it should be opened to when it should be closed. */
export interface Attempt {
  readonly number: number
  readonly wire: WireName
  /** Opened with `hello` alone: the channels stay where they are until it takes over. */
  readonly bare: boolean
  /** When its `welcome` came. */
  since: number | undefined
  /** When it counts as dead if nothing is heard from it; before it is under way, when it should have been. */
  until: number
}

/** What is to follow the wire in use. */
export type Succession =
  /** `wires` are tried at `at`, one after another. */
  | { readonly name: 'planned'; readonly at: number; readonly wires: readonly WireName[] }
  /**
   * `opening`: no `welcome` yet. `trial`: it must show that it lives. `joining`: the channels are being joined on it.
   * `rest` are the wires to try should it fail.
   */
  | {
      readonly name: 'opening' | 'trial' | 'joining'
      readonly attempt: Attempt
      readonly rest: readonly WireName[]
      readonly until: number
    }

/** The state of a link. */
export type LinkState =
  | { readonly name: 'idle' }
  | {
      readonly name: 'racing'
      readonly racers: readonly Attempt[]
      /** Not tried yet; the first of them at `nextAt`, or as soon as a racer has failed. */
      readonly untried: readonly WireName[]
      readonly nextAt: number
    }
  | {
      readonly name: 'open'
      readonly main: Attempt
      /** The wire in use is going to end, as announced. */
      readonly leaving: boolean
      readonly succession: Succession
    }
  | { readonly name: 'waiting'; readonly until: number }
  | { readonly name: 'closed'; readonly error: TriwireError | undefined }
