// What Triwire has to show: its figures against those of others in the same run, or its own at another size, each with the
// most the ratio may be; and figures that are bounded by themselves.

import { FLOODS } from '../floods/floods.ts'
import type { Wire } from '../peers/peer.ts'
import { SERIES, type Size } from './series.ts'

/** One comparison. */
export interface Goal {
  readonly scenario: string
  readonly part: string
  readonly wire: Wire
  readonly figure: string
  /** Whom it is held against, on the same wire and in the same part where nothing else is said. Nobody: the figure alone. */
  readonly peer?: string
  readonly peerWire?: Wire
  readonly peerPart?: string
  /** The most it may be. */
  readonly atMost: number
  /** Whether that is so in every round. By default the median counts. */
  readonly everyRound?: true
}

const CPU = 'cpuUsPerDelivery'
const USER = 'userUsPerDelivery'

type Bound = readonly [peer: string, atMost: number, figure?: string, peerWire?: Wire]

function fanout(wire: Wire, part: string, bounds: readonly Bound[]): Goal[] {
  return bounds.map(([peer, atMost, figure = CPU, peerWire = wire]) => ({
    scenario: 'fanout',
    part: `${part}, 1000`,
    wire,
    figure,
    peer,
    peerWire,
    atMost,
  }))
}

function against(
  scenario: string,
  part: string,
  wire: Wire,
  bounds: readonly (readonly [peer: string, figure: string, atMost: number])[],
): Goal[] {
  return bounds.map(([peer, figure, atMost]) => ({ scenario, part, wire, figure, peer, atMost }))
}

/** Each size of what grows, against the smallest. */
function flat(): Goal[] {
  return SERIES.flatMap(({ scenario, wire, figure, sizes: [smallest, ...larger], flat: atMost }) =>
    larger.map(({ part }) => ({
      scenario,
      part,
      wire,
      figure,
      peer: 'triwire',
      peerPart: (smallest as Size).part,
      atMost,
    })),
  )
}

/** A flood costs those beside it 5 % of their rate and twice their p99 at most. */
function flood(wire: Wire): Goal[] {
  return Object.keys(FLOODS).flatMap((part) => [
    { scenario: 'flood', part, wire, figure: 'rateTimesLess', atMost: 1 / 0.95 },
    { scenario: 'flood', part, wire, figure: 'p99Times', atMost: 2 },
  ])
}

/** All of them, in the order they are printed. */
export const GOALS: readonly Goal[] = [
  ...fanout('websocket', 'single', [
    ['ws', 0.85],
    ['ws', 0.6, USER],
    ['socket.io', 0.7],
    ['socket.io', 0.35, USER],
    ['raw-socket', 1.1],
    ['raw-socket', 1.4, USER],
  ]),
  ...fanout('websocket', 'tens', [
    ['ws', 0.11],
    ['socket.io', 0.12],
    ['raw-socket', 1.25],
    ['bun', 1.6],
  ]),
  ...fanout('websocket', 'tens-mixed', [
    ['ws', 0.13],
    ['socket.io', 0.15],
    ['raw-socket', 1.25],
    ['bun', 1.6],
  ]),
  ...fanout('websocket', 'fifties', [
    ['ws', 0.03],
    ['socket.io', 0.02],
    ['raw-socket', 1.25],
    ['bun', 1.6],
  ]),
  ...fanout('sse', 'single', [
    ['res.write', 0.85],
    ['better-sse', 0.65],
    ['stream-sse', 0.28],
  ]),
  ...fanout('sse', 'tens', [
    ['ws', 0.13, CPU, 'websocket'],
    ['socket.io', 0.13, CPU, 'websocket'],
    ['res.write', 0.5],
    ['better-sse', 0.2],
    ['stream-sse', 0.04],
  ]),
  ...fanout('polling', 'single', [
    ['socket.io', 0.75],
    ['raw-poll', 1.15],
  ]),
  ...fanout('polling', 'tens', [
    ['ws', 0.3, CPU, 'websocket'],
    ['socket.io', 0.6],
    ['raw-poll', 1.25],
  ]),
  ...against('memory', '10000 idle', 'websocket', [
    ['ws', 'residentBytesPerConnection', 1.3],
    ['ws', 'heapBytesPerConnection', 1.5],
    ['socket.io', 'residentBytesPerConnection', 0.6],
  ]),
  ...against('memory', '10000 idle', 'sse', [
    ['res.write', 'residentBytesPerConnection', 1.1],
    ['better-sse', 'residentBytesPerConnection', 0.65],
    ['stream-sse', 'residentBytesPerConnection', 0.4],
  ]),
  ...against('memory', '10000 idle', 'polling', [
    ['socket.io', 'residentBytesPerConnection', 0.65],
    ['raw-poll', 'residentBytesPerConnection', 1.2],
  ]),
  ...against('connect', '2000 clients at once', 'websocket', [
    ['ws-bare', 'cpuUsPerConnect', 1.5],
    ['socket.io', 'cpuUsPerConnect', 0.65],
  ]),
  ...against('ingest', 'one per segment', 'websocket', [['socket.io', 'cpuUsPerPublish', 1]]),
  ...against('ingest', '32 per segment', 'websocket', [['socket.io', 'cpuUsPerPublish', 1]]),
  ...against('command', '50 callers', 'websocket', [
    ['ws', 'cpuUsPerCall', 1.3],
    ['socket.io', 'cpuUsPerCall', 0.9],
  ]),
  ...against('command', 'one caller', 'websocket', [
    ['ws', 'p50Us', 1.1],
    ['socket.io', 'p50Us', 1],
  ]),
  ...against('latency', 'at rest, 1000', 'websocket', [
    ['ws', 'p50Us', 1.1],
    ['socket.io', 'p50Us', 0.85],
    ['ws', 'p99Us', 2],
    ['socket.io', 'p99Us', 1.3],
  ]),
  ...against('latency', 'half busy, 1000', 'websocket', [
    ['ws', 'p50Us', 1.1],
    ['socket.io', 'p50Us', 0.85],
    ['ws', 'p99Us', 2],
    ['socket.io', 'p99Us', 1.3],
  ]),
  ...against('latency', 'echo at rest', 'websocket', [
    ['ws', 'p50Us', 1.1],
    ['socket.io', 'p50Us', 1],
  ]),
  ...against('latency', 'echo half busy', 'websocket', [
    ['ws', 'p50Us', 1.1],
    ['socket.io', 'p50Us', 1],
  ]),
  ...flat(),
  ...(['websocket', 'sse', 'polling'] as const).map((wire) => ({
    scenario: 'pauses',
    part: '10000 connections',
    wire,
    figure: 'longestPauseMs',
    atMost: 50,
    everyRound: true as const,
  })),
  ...flood('websocket'),
  ...flood('sse'),
  ...flood('polling'),
  ...against('browser', 'fed, 100000', 'websocket', [
    ['ws', 'mainUsPerEvent', 3],
    ['socket.io', 'mainUsPerEvent', 1],
  ]),
  ...against('browser', 'wire, 100000', 'websocket', [
    ['ws', 'mainUsPerEvent', 0.3],
    ['ws', 'browserUsPerEvent', 0.2],
    ['socket.io', 'mainUsPerEvent', 0.3],
  ]),
]
