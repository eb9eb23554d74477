// The faults of the table: a name, what the network does, and which wires cannot live there at all.

import type { WireName } from '@triwire/client'
import type { Fault } from './proxy/fault.ts'

/** What happens to the processes, or to the clients, while messages flow. */
export type Disturbance =
  /** Nodes in turn: SIGKILL, and a new process on the same port. */
  | { readonly kind: 'kill-node'; readonly everyMs: number }
  /** The same, with a goodbye. */
  | { readonly kind: 'drain-node'; readonly everyMs: number }
  /** The broker's process, once: everything it held is gone. */
  | { readonly kind: 'kill-broker' }
  /** There is one process, node and memory broker in one, and it is killed once. */
  | { readonly kind: 'kill-only-process' }
  /** Every client goes through these wires, one after another, again and again. */
  | { readonly kind: 'change-wires'; readonly everyMs: number; readonly through: readonly WireName[] }
  /** The same, and each time the connections before are left half-open: the server has not noticed yet. */
  | { readonly kind: 'half-open-return'; readonly everyMs: number; readonly through: readonly WireName[] }
  /** Every connection goes silent, twice while messages flow, and nobody is told. */
  | { readonly kind: 'half-open' }
  /** Nothing gets through for a while. */
  | { readonly kind: 'blackout'; readonly forMs: number }

/** A row of wires that are used. `all` is the default of the library: its own choice. */
export type Row = 'websocket' | 'sse' | 'polling' | 'all'

/** One fault of the table. */
export interface FaultCase {
  readonly name: string
  readonly faults: readonly Fault[]
  readonly rttMs?: number
  readonly disturbance?: Disturbance
  /** Rows that cannot work under this fault, for both libraries. */
  readonly blocks?: readonly Row[]
  /** Clients per wire. Default 1; more than one are Triwire's alone. */
  readonly copies?: number
  /** Readers are told of one gap: what they stood in is gone. */
  readonly expectsGap?: boolean
}

/** Each wire after each other one. */
export const EVERY_CHANGE: readonly WireName[] = ['websocket', 'sse', 'polling', 'websocket', 'polling', 'sse']

/**
 * The case of a name.
 * @throws Error where there is none
 */
export function faultCase(name: string): FaultCase {
  const found = FAULT_CASES.find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`There is no fault "${name}".`)
  return found
}

/** The table, roughly from harmless to harsh. */
export const FAULT_CASES: readonly FaultCase[] = [
  { name: 'none', faults: [] },
  { name: 'round trip of 100 ms', faults: [], rttMs: 100 },
  { name: 'all connections reset every 200 ms', faults: [{ kind: 'cut', everyMs: 200 }] },
  { name: 'all connections reset every second', faults: [{ kind: 'cut', everyMs: 1000 }] },
  { name: 'half-open, twice', faults: [], disturbance: { kind: 'half-open' } },
  { name: 'sliced into 1–7 bytes', faults: [{ kind: 'slice' }] },
  { name: 'throttled to 64 KiB/s', faults: [{ kind: 'throttle', bytesPerSecond: 65_536 }] },
  { name: 'every 5th answer lost', faults: [{ kind: 'drop-answers', every: 5 }] },
  {
    name: 'WebSocket refused (403)',
    faults: [{ kind: 'refuse', of: 'websocket', status: 403 }],
    blocks: ['websocket'],
  },
  { name: 'WebSocket swallowed', faults: [{ kind: 'swallow', of: 'websocket' }], blocks: ['websocket'] },
  {
    name: 'WebSocket silent after 101',
    faults: [{ kind: 'silence-after-head', of: 'websocket' }],
    blocks: ['websocket'],
  },
  {
    name: 'WebSocket killed 200 ms after 101',
    faults: [{ kind: 'kill-after-head', of: 'websocket', afterMs: 200 }],
  },
  { name: 'SSE heads held', faults: [{ kind: 'hold-answer', of: 'stream' }], blocks: ['sse'] },
  { name: 'first SSE event held', faults: [{ kind: 'hold-first-event' }] },
  { name: 'SSE cut every second', faults: [{ kind: 'kill-after-head', of: 'stream', afterMs: 1000 }] },
  {
    name: 'WebSocket swallowed, SSE heads held',
    faults: [
      { kind: 'swallow', of: 'websocket' },
      { kind: 'hold-answer', of: 'stream' },
    ],
    blocks: ['websocket', 'sse'],
  },
  { name: 'nothing gets through for 5 s', faults: [], disturbance: { kind: 'blackout', forMs: 5000 } },
  {
    name: 'wires change every 500 ms',
    faults: [],
    disturbance: { kind: 'change-wires', everyMs: 500, through: EVERY_CHANGE },
  },
  {
    name: 'half-open and back every 500 ms',
    faults: [],
    disturbance: { kind: 'half-open-return', everyMs: 500, through: EVERY_CHANGE },
  },
  { name: 'a node killed every 2 s', faults: [], disturbance: { kind: 'kill-node', everyMs: 2000 } },
  { name: 'a node drained every 2 s', faults: [], disturbance: { kind: 'drain-node', everyMs: 2000 } },
  { name: 'broker killed', faults: [], disturbance: { kind: 'kill-broker' }, expectsGap: true },
  { name: 'only process killed', faults: [], disturbance: { kind: 'kill-only-process' }, expectsGap: true },
]
