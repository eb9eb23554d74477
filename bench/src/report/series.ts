// What grows, and which figure of it should not: the sizes of each scenario that has some, the smallest first.

import type { Wire } from '../peers/peer.ts'

/** One size. */
export interface Size {
  /** As it is printed at the head of a column. */
  readonly title: string
  /** The part of the scenario that is measured at it. */
  readonly part: string
}

/** A figure over sizes. */
export interface Series {
  readonly title: string
  readonly scenario: string
  readonly wire: Wire
  readonly figure: string
  readonly sizes: readonly Size[]
  /** The figure counts as flat where it is at most so many times that of the smallest size. */
  readonly flat: number
}

/**
 * Of CPU: as many sockets as the caches do not hold cost more to write to, whatever writes. The bare sockets of this
 * benchmark show by how much, and stand beside it in the table.
 */
const FLAT_CPU = 1.25

/** Of memory: tables grow by doubling, so they are anything from half full to full. */
const FLAT_MEMORY = 1.1

const WIRES: readonly (readonly [wire: Wire, name: string])[] = [
  ['websocket', 'WebSocket'],
  ['sse', 'Server-Sent Events'],
  ['polling', 'long polling'],
]

const SUBSCRIBERS = [200, 1000, 5000, 10_000]
const CONNECTIONS = [1000, 5000, 10_000]

const fanouts: readonly Series[] = WIRES.flatMap(([wire, name]) =>
  ['single', 'tens'].map((pattern) => ({
    title: `CPU per delivery over subscribers, ${name}, ${pattern}`,
    scenario: 'fanout',
    wire,
    figure: 'cpuUsPerDelivery',
    sizes: SUBSCRIBERS.map((count) => ({ title: count.toLocaleString('en-US'), part: `${pattern}, ${count}` })),
    flat: FLAT_CPU,
  })),
)

const channels: Series = {
  title: 'CPU per delivery over channels of ten, WebSocket',
  scenario: 'channels',
  wire: 'websocket',
  figure: 'cpuUsPerDelivery',
  sizes: [
    { title: '10', part: '10 channels of 10, 100 connections' },
    { title: '1,000', part: '1000 channels of 10, 10000 connections' },
    { title: '100,000', part: '100000 channels of 10, 10000 connections' },
  ],
  flat: FLAT_CPU,
}

const memory: readonly Series[] = WIRES.map(([wire, name]) => ({
  title: `Bytes per connection over connections, ${name}`,
  scenario: 'memory',
  wire,
  figure: 'bytesPerConnection',
  sizes: CONNECTIONS.map((count) => ({ title: count.toLocaleString('en-US'), part: `${count} idle` })),
  flat: FLAT_MEMORY,
}))

/** All of them, in the order they are printed. */
export const SERIES: readonly Series[] = [...fanouts, channels, ...memory]
