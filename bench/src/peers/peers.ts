// All who are measured, in the order they are printed.

import { engineIoPollWords, pollWords, socketIoPollWords, streamWords } from './http-words.ts'
import type { Peer, Wire } from './peer.ts'
import { resumingPollWords, resumingStreamWords, resumingWords } from './resuming-words.ts'
import {
  triwirePollWords,
  triwirePresenceWords,
  triwireStreamWords,
  triwireTailWords,
  triwireWords,
} from './triwire-words.ts'
import { engineIoWords, joinWords, silentWords, socketIoWords, urlWords } from './websocket-words.ts'

export const PEERS: readonly Peer[] = [
  { name: 'triwire', kind: 'ours', wire: 'websocket', server: 'triwire', words: triwireWords },
  { name: 'ws', kind: 'peer', wire: 'websocket', server: 'ws', words: joinWords },
  { name: 'ws-once', kind: 'peer', wire: 'websocket', server: 'ws-once', words: joinWords },
  { name: 'socket.io', kind: 'peer', wire: 'websocket', server: 'socket-io', words: socketIoWords },
  { name: 'engine.io', kind: 'peer', wire: 'websocket', server: 'engine-io', words: engineIoWords },
  { name: 'crossws', kind: 'peer', wire: 'websocket', server: 'crossws', words: joinWords },
  { name: 'raw-socket', kind: 'limit', wire: 'websocket', server: 'raw-socket', words: urlWords },
  { name: 'bun', kind: 'limit', wire: 'websocket', server: 'bun', runtime: 'bun', words: joinWords },
  { name: 'ws-bare', kind: 'peer', wire: 'websocket', server: 'ws', words: silentWords, only: ['connect'] },
  {
    name: 'triwire',
    kind: 'ours',
    wire: 'websocket',
    server: 'triwire',
    words: triwireTailWords,
    only: ['replay'],
  },
  { name: 'ws', kind: 'peer', wire: 'websocket', server: 'ws-replay', words: joinWords, only: ['replay'] },
  { name: 'raw-socket', kind: 'limit', wire: 'websocket', server: 'raw-replay', words: urlWords, only: ['replay'] },
  {
    name: 'triwire',
    kind: 'ours',
    wire: 'websocket',
    server: 'triwire',
    words: triwirePresenceWords,
    only: ['presence'],
  },
  {
    name: 'triwire',
    kind: 'ours',
    wire: 'websocket',
    server: 'triwire-sqlite',
    words: resumingWords,
    only: ['restart'],
  },
  {
    name: 'triwire',
    kind: 'ours',
    wire: 'websocket',
    server: 'triwire-as-it-comes',
    words: triwireWords,
    only: ['flood'],
  },

  { name: 'triwire', kind: 'ours', wire: 'sse', server: 'triwire', words: triwireStreamWords },
  {
    name: 'triwire',
    kind: 'ours',
    wire: 'sse',
    server: 'triwire-as-it-comes',
    words: triwireStreamWords,
    only: ['flood'],
  },
  { name: 'res.write', kind: 'peer', wire: 'sse', server: 'sse', words: streamWords },
  { name: 'better-sse', kind: 'peer', wire: 'sse', server: 'better-sse', words: streamWords },
  { name: 'stream-sse', kind: 'peer', wire: 'sse', server: 'stream-sse', words: streamWords },
  { name: 'res.write-once', kind: 'limit', wire: 'sse', server: 'sse-once', words: streamWords },
  {
    name: 'triwire',
    kind: 'ours',
    wire: 'sse',
    server: 'triwire-sqlite',
    words: resumingStreamWords,
    only: ['restart'],
  },

  { name: 'triwire', kind: 'ours', wire: 'polling', server: 'triwire', words: triwirePollWords },
  {
    name: 'triwire',
    kind: 'ours',
    wire: 'polling',
    server: 'triwire-as-it-comes',
    words: triwirePollWords,
    only: ['flood'],
  },
  { name: 'socket.io', kind: 'peer', wire: 'polling', server: 'socket-io', words: socketIoPollWords },
  { name: 'engine.io', kind: 'peer', wire: 'polling', server: 'engine-io', words: engineIoPollWords },
  { name: 'raw-poll', kind: 'limit', wire: 'polling', server: 'raw-poll', words: pollWords },
  {
    name: 'triwire',
    kind: 'ours',
    wire: 'polling',
    server: 'triwire-sqlite',
    words: resumingPollWords,
    only: ['restart'],
  },
]

const KINDS: readonly Peer['kind'][] = ['ours', 'peer', 'limit']

/** Those of a scenario on one wire: ours first, limits last. */
export function peersOf(scenario: string, wire: Wire): readonly Peer[] {
  const here = PEERS.filter((peer) => peer.wire === wire)
  const made = here.filter(({ only }) => only?.includes(scenario))
  return here
    .filter(
      (peer) => made.includes(peer) || (peer.only === undefined && made.every(({ name }) => name !== peer.name)),
    )
    .sort((one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind))
}
