// What a node and the process that started it tell each other.

/** From a node. `seat`: a client has joined `cluster` here. */
export type NodeMessage =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'seat'; readonly seat: string }

/** To a node. */
export interface NodeOrder {
  readonly type: 'drain'
}

/** What a node is told when it is started, in one environment variable. */
export interface NodeSettings {
  readonly broker: string
  readonly url: string
  /** Goes before everything in the store. */
  readonly name: string
  /** The store, where it was started for this demo. */
  readonly storePid: number | undefined
}

/** The environment variable. */
export const NODE_SETTINGS = 'TRIWIRE_DEMO_NODE'
