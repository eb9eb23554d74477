// What a scenario is: cells, each a measurement of one peer with a fresh server and a fresh load. The run interleaves them.

import type { Peer, Wire } from '../peers/peer.ts'
import type { Figures } from '../sample.ts'

/** What is asked for on the command line. */
export interface Wishes {
  /** Subscribers of `fanout` and `latency`; each has its own sizes where nothing is said. */
  readonly subscribers?: readonly number[] | undefined
  /** Connections of `memory`, `channels` and `pauses`. */
  readonly connections?: readonly number[] | undefined
  /** Names of peers; all where nothing is said. */
  readonly peers?: readonly string[] | undefined
  readonly wires?: readonly Wire[] | undefined
  /** Parts of scenarios: `single`, `tens`. */
  readonly parts?: readonly string[] | undefined
}

/** Figures of one part of a scenario. */
export interface Part {
  readonly part: string
  readonly figures: Figures
}

/** One measurement that every one of its peers goes through, round after round. */
export interface Cell {
  readonly scenario: string
  /** What is printed while it runs. */
  readonly title: string
  readonly peers: readonly Peer[]
  measure(peer: Peer): Promise<readonly Part[]>
}

/** A scenario: its cells, given what is wished for. */
export type Scenario = (wishes: Wishes) => readonly Cell[]
